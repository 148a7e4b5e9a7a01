"""Promises of second.toml: what it says counts, what it leaves out keeps its default, what is wrong is named."""

from pathlib import Path

import pytest

from kitchenvision.commands.regulator import regulator_settings
from kitchenvision.errors import SettingsError
from kitchenvision.regulator.second_reviews import SecondPolicy
from kitchenvision.regulator.second_settings import FILE, read_second_policy


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_second_policy(tmp_path) == SecondPolicy()


def test_what_the_file_says_counts_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('share = 1\nserious_rules = ["no_hat", "smoking"]\n', "utf-8")
    policy = regulator_settings(tmp_path).second
    assert policy == SecondPolicy(frozenset({"no_hat", "smoking"}), 1.0, 30.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shares = 5", "shares.*allowed are"),
        ("share = 1.5", "share.*got 1.5"),
        ("share = nan", "got nan"),
        ("share = true", "got True"),
        ('serious_rules = "smoking"', "serious_rules.*list"),
        ("serious_rules = [1]", "list of rules"),
        ("within_days = 0", "within_days.*got 0"),
        ("= broken", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=problem):
        read_second_policy(tmp_path)
