"""One TOML file becomes frozen settings; an error names file, key, value and what is allowed.

Without a file one zone covers the whole picture and all rules are due at all hours. Secrets are not settings:
they come from the environment.

    canteen_id = "canteen-1"
    timezone = "Asia/Shanghai"
    analysis_fps = 5
    [[zones]]
    name = "serving"
    polygon = [[0.0, 0.4], [1.0, 0.4], [1.0, 1.0], [0.0, 1.0]]
    rules = ["no_hat", "no_mask"]
    hours = ["06:00-14:00"]
    [rules.no_hat]
    window_s = 4
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from kitchenvision.errors import SettingsError
from kitchenvision.types import RuleSettings, Zone

Profile = Literal["fast", "thorough"]
_HOURS = re.compile(r"^(\d\d):(\d\d)-(\d\d):(\d\d)$")
_DAY_MIN = 24 * 60


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is expected")
    return value


NotBool = BeforeValidator(_no_bool)
Positive = Annotated[float, NotBool, Field(gt=0, le=3600)]
Share = Annotated[float, NotBool, Field(ge=0, le=1)]
Relative = Annotated[float, NotBool, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ZoneSection(_Section):
    """One ``[[zones]]`` entry; see `types.Zone`."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    polygon: tuple[tuple[Relative, Relative], ...] = ()
    rules: tuple[str, ...]
    hours: tuple[str, ...] = ()

    @field_validator("polygon")
    @classmethod
    def _enough_corners(cls, polygon: tuple[Any, ...]) -> tuple[Any, ...]:
        if 0 < len(polygon) < 3:
            raise ValueError(
                "a polygon needs at least 3 corners [x, y] in 0..1; leave it out for the whole picture"
            )
        return polygon

    @field_validator("hours")
    @classmethod
    def _readable_hours(cls, hours: tuple[str, ...]) -> tuple[str, ...]:
        for text in hours:
            minutes_of(text)
        return hours

    def zone(self) -> Zone:
        """The value that the rules use."""
        return Zone(self.name, self.polygon, self.rules, tuple(minutes_of(text) for text in self.hours))


class RuleSection(_Section):
    """One ``[rules.ID]`` table: what differs from the rule's own defaults; see `types.RuleSettings`."""

    window_s: Positive | None = None
    longest_window_s: Positive | None = None
    min_looks: Annotated[int, NotBool, Field(ge=1, le=1000)] | None = None
    min_ratio: Share | None = None
    confirm_log_odds: Annotated[float, NotBool, Field(ge=0, le=100)] | None = None
    spacing_s: Annotated[float, NotBool, Field(ge=0, le=60)] | None = None
    clear_ratio: Share | None = None
    clear_s: Positive | None = None
    resume_s: Annotated[float, NotBool, Field(ge=0, le=86400)] | None = None
    min_head_px: Annotated[float, NotBool, Field(ge=1, le=2000)] | None = None
    min_sharpness: Annotated[float, NotBool, Field(ge=0, le=255)] | None = None
    min_head: Share | None = None
    max_doubt: Share | None = None
    min_margin: Annotated[float, NotBool, Field(ge=0, lt=0.5)] | None = None
    min_object: Share | None = None

    @model_validator(mode="after")
    def _stretches(self) -> Self:
        if self.window_s and self.longest_window_s and self.longest_window_s < self.window_s:
            raise ValueError(f"longest_window_s must be at least window_s, which is {self.window_s:g}")
        return self

    def over(self, defaults: RuleSettings) -> RuleSettings:
        """The rule's defaults with what this table sets.

        A window of one table that does not fit into the other's takes it along: looks beyond `longest_window_s` are
        forgotten, so that such a window would never be full.
        """
        given = {f.name: getattr(self, f.name) for f in fields(RuleSettings)}
        merged = replace(defaults, **{name: value for name, value in given.items() if value is not None})
        if merged.longest_window_s >= merged.window_s:
            return merged
        if self.longest_window_s is None:
            return replace(merged, longest_window_s=merged.window_s)
        return replace(merged, window_s=merged.longest_window_s)


class Settings(_Section):
    """Everything a scan can be told by a file."""

    canteen_id: Annotated[str, Field(min_length=1, max_length=200)] = "canteen"
    timezone: str = "UTC"
    analysis_fps: Annotated[float, NotBool, Field(gt=0, le=60)] = 5.0
    profile: Profile | None = None
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, NotBool, Field(ge=0, le=1024)] = 0
    zones: tuple[ZoneSection, ...] = ()
    rules: dict[str, RuleSection] = {}

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        timezone_of(name, "timezone")
        return name

    def zone_values(self, all_rules: Sequence[str]) -> tuple[Zone, ...]:
        """The zones, or one over the whole picture with every rule."""
        if not self.zones:
            return (Zone("whole picture", (), tuple(all_rules)),)
        return tuple(section.zone() for section in self.zones)


def read_settings(path: Path | None, known_rules: Sequence[str]) -> Settings:
    """Read a settings file; None gives the defaults.

    Args:
        path: TOML file.
        known_rules: ids that zones and ``[rules.*]`` may name.

    Raises:
        SettingsError: no such file, not TOML, an unknown key, a value out of range, an unknown rule.
    """
    if path is None:
        return Settings()
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))  # Windows' editor writes a mark before the text
    except FileNotFoundError as error:
        raise SettingsError(str(path), "", "no such file") from error
    except OSError as error:
        raise SettingsError(str(path), "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(str(path), "", f"not TOML: {error}") from error
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _named(str(path), error) from error
    for i, zone in enumerate(settings.zones):
        for rule in zone.rules:
            _known_rule(rule, str(path), f"zones.{i}.rules", known_rules)
    for rule in settings.rules:
        _known_rule(rule, str(path), f"rules.{rule}", known_rules)
    return settings


def timezone_of(name: str, key: str) -> ZoneInfo:
    """The IANA time zone of that name.

    Raises:
        ValueError: with the key when there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{key}: no such time zone {name!r}; expected a name such as Asia/Shanghai") from error


def minutes_of(text: str) -> tuple[int, int]:
    """(from, to) in minutes of the day of hours such as ``06:00-14:00``.

    Raises:
        ValueError: it is not written so.
    """
    match = _HOURS.match(text)
    if match:
        from_h, from_m, to_h, to_m = (int(part) for part in match.groups())
        start, end = from_h * 60 + from_m, to_h * 60 + to_m
        if from_m < 60 and to_m < 60 and start < _DAY_MIN and end <= _DAY_MIN:
            return start, end
    raise ValueError(f"expected hours such as 06:00-14:00, got {text!r}")


def _known_rule(rule: str, where: str, key: str, known: Sequence[str]) -> None:
    if rule not in known:
        raise SettingsError(where, key, f"no such rule {rule!r}; there are {', '.join(known)}")


def _named(where: str, error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        model = (
            RuleSection if "rules" in first["loc"][:1] else ZoneSection if "zones" in first["loc"][:1] else Settings
        )
        return SettingsError(where, key, f"unknown key; allowed are {', '.join(model.model_fields)}")
    given = "" if first["type"] == "missing" else f", got {first['input']!r}"
    return SettingsError(where, key, f"{first['msg']}{given}")
