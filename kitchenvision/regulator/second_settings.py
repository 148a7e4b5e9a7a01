"""What is looked at twice, from `second.toml` in the regulator's data folder. Without one the defaults hold.

serious_rules = ["smoking"]    # every decision on these
share = 0.1                    # of all others
within_days = 30               # older ones are not asked for
"""

from pathlib import Path

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.second_reviews import SecondPolicy
from kitchenvision.regulator.toml_file import read_toml

FILE = "second.toml"
_KEYS = ("serious_rules", "share", "within_days")
_LONGEST_DAYS = 3650


def read_second_policy(data_dir: Path) -> SecondPolicy:
    """The policy of that data folder.

    Raises:
        SettingsError: names the key and what is allowed.
    """
    path, default = data_dir / FILE, SecondPolicy()
    table = read_toml(path, _KEYS)
    rules = table.get("serious_rules", sorted(default.serious_rules))
    if not isinstance(rules, list) or not all(isinstance(rule, str) and rule for rule in rules):
        raise SettingsError(str(path), "serious_rules", f"got {rules!r}, needs a list of rules")
    share, days = table.get("share", default.share), table.get("within_days", default.within_days)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise SettingsError(str(path), "share", f"got {share!r}, needs a number from 0 to 1")
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= _LONGEST_DAYS:
        raise SettingsError(str(path), "within_days", f"got {days!r}, needs days up to {_LONGEST_DAYS}")
    return SecondPolicy(frozenset(rules), float(share), float(days))
