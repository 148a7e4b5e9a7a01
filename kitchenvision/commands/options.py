"""Options that several commands share, and how their texts become values."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, cast
from zoneinfo import ZoneInfo

import typer

from kitchenvision.config import timezone_of
from kitchenvision.errors import SettingsError

Profile = Literal["fast", "thorough"]

ModelsOption = Annotated[
    Path | None,
    typer.Option("--models", help="Folder of model folders; default: KITCHENVISION_MODELS, else the bundled one."),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Name of the model; default: the folder's default.")
]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", help="fast (edge) or thorough (default for files: finds smaller heads).")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file: zones, hours, thresholds.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]

LONGEST_ID_BYTES = 180  # evidence lies in folders named by camera, rule and violation; a name has 255 bytes
_YEARS = range(1970, 2200)
_CLOCK = re.compile(r"^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$")


def profile_of(text: str | None, default: Profile = "thorough") -> Profile:
    """A profile by name.

    Raises:
        SettingsError: another name.
    """
    if text is None:
        return default
    if text not in ("fast", "thorough"):
        raise SettingsError("--profile", "", f"expected fast or thorough, got {text!r}")
    return cast(Profile, text)


def seconds_of(text: str | None, option: str) -> float | None:
    """Seconds from ``90``, ``1:30`` or ``0:01:30.5``.

    Raises:
        SettingsError: anything else.
    """
    if text is None:
        return None
    match = _CLOCK.match(text)
    try:
        if match:
            hours, minutes, seconds = match.groups()
            value = float(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
        else:
            value = float(text)
    except ValueError as error:
        raise SettingsError(option, "", f"expected seconds or h:mm:ss, got {text!r}") from error
    if not 0 <= value < float("inf"):
        raise SettingsError(option, "", f"expected 0 or more seconds, got {text!r}")
    return value


def span_of(from_: str | None, to: str | None) -> tuple[float, float | None]:
    """--from and --to as seconds; without the first from the beginning, without the second to the end.

    Raises:
        SettingsError: not seconds, or the end is not after the beginning.
    """
    from_s, to_s = seconds_of(from_, "--from") or 0.0, seconds_of(to, "--to")
    if to_s is not None and to_s <= from_s:
        raise SettingsError("--to", "", f"expected a moment after --from, which is {from_s:g} s, got {to!r}")
    return from_s, to_s


def camera_id_of(text: str | None) -> str | None:
    """The camera's name as given; folders and files are named by it.

    Raises:
        SettingsError: it cannot be a part of a file's name.
    """
    if text is not None and ("/" in text or len(text.encode("utf-8", "replace")) > LONGEST_ID_BYTES):
        raise SettingsError(
            "--camera-id", "", f"expected a name without / of at most {LONGEST_ID_BYTES} bytes, got {text!r}"
        )
    return text


def zone_of(name: str, option: str = "--timezone") -> ZoneInfo:
    """A time zone by its IANA name.

    Raises:
        SettingsError: no such zone.
    """
    try:
        return timezone_of(name, option)
    except ValueError as error:
        raise SettingsError(
            option, "", f"no such time zone {name!r}; expected a name such as Asia/Shanghai"
        ) from error


def instant_of(text: str | None, zone: ZoneInfo, option: str = "--started-at") -> datetime | None:
    """An instant from ISO 8601; without an offset it is local time of `zone`.

    Raises:
        SettingsError: not ISO 8601.
    """
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(option, "", f"expected ISO 8601 such as 2026-03-12T08:30:00, got {text!r}") from error
    if value.year not in _YEARS:
        raise SettingsError(option, "", f"expected a year of {_YEARS[0]} to {_YEARS[-1]}, got {text!r}")
    return value if value.tzinfo else value.replace(tzinfo=zone)


def names_of(text: str | None) -> list[str] | None:
    """``a,b`` as a list; None stays None."""
    return [part.strip() for part in text.split(",") if part.strip()] if text else None
