"""Promises of the policy document: it names the key that is wrong, and stays the same document."""

import json

import pytest

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.policy import LARGEST_BYTES, Policy, parse_policy, standard_policy


def told(**changes: object) -> bytes:
    """The standard policy as JSON with changes at the top."""
    return json.dumps({**json.loads(standard_policy().text()), **changes}).encode()


def test_toml_and_json_of_one_policy_are_the_same_policy() -> None:
    again = parse_policy(standard_policy().text().encode())
    assert again == standard_policy()
    assert again.digest() == standard_policy().digest()


def test_a_change_is_another_digest() -> None:
    assert parse_policy(told(version=2)).digest() != standard_policy().digest()


def test_weights_come_from_the_class_or_are_the_rules_own() -> None:
    policy = parse_policy(told(rules={"no_hat": {"class": 3}, "smoking": {"class": 2, "points": 9.5}}))
    assert policy.weight_of("no_hat") == (3, 3.0)
    assert policy.weight_of("smoking") == (2, 9.5)
    assert policy.weight_of("rat") == (3, 3.0)


@pytest.mark.parametrize(
    ("changes", "key", "word"),
    [
        ({"version": 0}, "version", "got 0"),
        ({"valid_from": "tomorrow"}, "valid_from", "tomorrow"),
        ({"thresholds": {"per_camera_hours": 1000, "blue": 9, "yellow": 8, "red": 20}}, "", "blue < yellow"),
        ({"repeat": {"factor": 0.5, "most": 3}}, "repeat.factor", "0.5"),
        ({"colour": "red"}, "colour", "got 'red'"),
        ({"class_points": {"1": 12.0}}, "", "no class"),
        ({"rectification": {"credit": 0.5, "yellow_after_days": 9, "red_after_days": 5}}, "", "yellow_after"),
        (
            {"rectification": {"credit": 1.5, "yellow_after_days": 5, "red_after_days": 9}},
            "rectification.credit",
            "",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(changes: dict[str, object], key: str, word: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_policy(told(**changes), "draft.toml")
    assert caught.value.key == key
    assert word in str(caught.value)
    assert str(caught.value).startswith("draft.toml")


def test_a_missing_key_is_named() -> None:
    short = json.loads(standard_policy().text())
    del short["window"]
    with pytest.raises(SettingsError, match="window"):
        parse_policy(json.dumps(short).encode())


@pytest.mark.parametrize("data", [b"\xff\xfe", b"{", b"name = ", b"[" * 5000, b"x" * (LARGEST_BYTES + 1)])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(SettingsError):
        parse_policy(data)


def test_a_policy_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError):
        standard_policy().version = 2  # type: ignore[misc]
    assert isinstance(standard_policy(), Policy)
