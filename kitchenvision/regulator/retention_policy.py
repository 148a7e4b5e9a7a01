"""How long pictures are kept, from `retention.toml` in the regulator's data folder. Without one, for ever.

rejected_days = 90        # after the newest decision
cannot_tell_days = 90
confirmed_days = 730      # and of a case: after its last step
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.toml_file import read_toml

FILE = "retention.toml"
SHORTEST_DAYS, LONGEST_DAYS = 30, 36_500
_KEYS = ("rejected_days", "cannot_tell_days", "confirmed_days")


@dataclass(frozen=True)
class RetentionPolicy:
    """After how long pictures, clips and traces may go, by what was decided; None = never."""

    rejected: timedelta | None = None
    cannot_tell: timedelta | None = None
    confirmed: timedelta | None = None

    @property
    def shortest(self) -> timedelta | None:
        """Of all that are given."""
        return min(
            (one for one in (self.rejected, self.cannot_tell, self.confirmed) if one is not None), default=None
        )

    def after(self, state: str) -> timedelta | None:
        """For a violation in that state; None for what nobody has decided, which stays."""
        return {"rejected": self.rejected, "cannot_tell": self.cannot_tell, "confirmed": self.confirmed}.get(state)


def read_retention(data_dir: Path) -> RetentionPolicy:
    """The policy of that data folder.

    Raises:
        SettingsError: names the key and what is allowed.
    """
    path = data_dir / FILE
    table = read_toml(path, _KEYS)
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int) or not SHORTEST_DAYS <= value <= LONGEST_DAYS:
            # A canteen may appeal for some days, and needs the picture for it.
            raise SettingsError(str(path), key, f"got {value!r}, needs whole days from {SHORTEST_DAYS} on")
    return RetentionPolicy(**{key.removesuffix("_days"): timedelta(days=value) for key, value in table.items()})
