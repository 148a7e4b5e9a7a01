"""Deadlines of cases from a file: `cases.toml` in the regulator's data folder. Without one the defaults hold.

other_days = 7          # to rectify
returned_days = 3       # another try after an answer was returned
appeal_days = 10
yellow_days = 5         # overdue
red_days = 10
[rectify_days]          # by rule, where it differs
smoking = 3
"""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.case_steps import CasePolicy
from kitchenvision.regulator.toml_file import read_toml

FILE = "cases.toml"
_LONGEST_DAYS = 3650.0
_NUMBERS = frozenset(one.name for one in fields(CasePolicy)) - {"rectify_days"}


def read_case_policy(data_dir: Path) -> CasePolicy:
    """The policy of that data folder.

    Raises:
        SettingsError: names the key and what is allowed.
    """
    path = data_dir / FILE
    table = read_toml(path, _NUMBERS | {"rectify_days"})
    by_rule = table.get("rectify_days", {})
    if not isinstance(by_rule, dict):
        raise SettingsError(str(path), "rectify_days", "is a table of rules and days")
    policy = CasePolicy()
    numbers = {key: _days(path, key, table[key]) for key in _NUMBERS if key in table}
    rules = {rule: _days(path, f"rectify_days.{rule}", days) for rule, days in by_rule.items()}
    made = replace(policy, rectify_days={**policy.rectify_days, **rules}, **numbers)
    if made.yellow_days > made.red_days:
        raise SettingsError(
            str(path), "red_days", f"is {made.red_days:g}, but yellow comes at {made.yellow_days:g}"
        )
    return made


def _days(path: Path, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST_DAYS:
        raise SettingsError(str(path), key, f"got {value!r}, needs days from more than 0 to {_LONGEST_DAYS:.0f}")
    return float(value)
