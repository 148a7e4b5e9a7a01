"""Promises of cases.toml: what it says counts, what it leaves out keeps its default, what is wrong is named."""

from pathlib import Path

import pytest

from kitchenvision.commands.regulator import regulator_settings
from kitchenvision.errors import SettingsError
from kitchenvision.regulator.case_settings import FILE, read_case_policy
from kitchenvision.regulator.case_steps import CasePolicy


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_case_policy(tmp_path) == CasePolicy()
    assert regulator_settings(tmp_path / "not there yet").cases == CasePolicy()


def test_what_the_file_says_counts_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("other_days = 5\nyellow_days = 2.5\n[rectify_days]\nno_hat = 1\n", "utf-8")
    policy = regulator_settings(tmp_path).cases
    assert (policy.other_days, policy.yellow_days, policy.red_days) == (5.0, 2.5, 10.0)
    assert policy.rectify_days == {"smoking": 3.0, "no_hat": 1.0}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("other_day = 5", "other_day.*allowed are"),
        ("other_days = 0", "other_days.*got 0"),
        ("other_days = -1", "got -1"),
        ("other_days = true", "got True"),
        ('other_days = "5"', "got '5'"),
        ("other_days = nan", "got nan"),
        ("other_days = inf", "got inf"),
        ("rectify_days = 5", "table of rules"),
        ("[rectify_days]\nsmoking = 0", "rectify_days.smoking"),
        ("red_days = 3", "yellow comes at 5"),
        ("= broken", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=problem):
        read_case_policy(tmp_path)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes("# 天\n".encode("gbk"))
    with pytest.raises(SettingsError, match="cannot be read"):
        read_case_policy(tmp_path)
