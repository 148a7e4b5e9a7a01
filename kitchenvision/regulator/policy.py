"""The policy of the four-colour code: data that says how confirmed incidents become a colour.

A policy is a TOML or JSON document, checked at the door and frozen. docs/four-colour-code.md explains every key.
"""

import hashlib
import json
import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kitchenvision.errors import SettingsError
from kitchenvision.wire import canonical_json

LARGEST_BYTES = 100_000
_LONGEST_TOLD = 200
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=1, le=400)]
Class = Annotated[int, Field(ge=1, le=9)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RuleWeight(_Frozen):
    """The class of a rule; `points` instead of those of the class, where given."""

    class_: Class = Field(alias="class")
    points: Amount | None = None


class Window(_Frozen):
    """How far back incidents count, in open days, and after how many of them one weighs half."""

    open_days: Days
    half_life_days: Annotated[float, Field(gt=0, le=4000, allow_inf_nan=False)]


class Repeat(_Frozen):
    """Multiplies by `factor` for each earlier day with the same rule broken, up to `most`."""

    factor: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)]
    most: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)]


class Rectification(_Frozen):
    """`credit`: share of the points taken off in time; days overdue from which it is yellow, red at least."""

    credit: Share
    yellow_after_days: Days
    red_after_days: Days


class Coverage(_Frozen):
    """Below `least_share` of the due time, or below `least_camera_hours`, there is no data."""

    least_share: Share
    least_camera_hours: Positive
    hours_per_open_day: Annotated[float, Field(gt=0, le=24, allow_inf_nan=False)]


class Thresholds(_Frozen):
    """Points per `per_camera_hours` observed camera-hours, from which a colour holds."""

    per_camera_hours: Positive
    blue: Positive
    yellow: Positive
    red: Positive


class Policy(_Frozen):
    """One version of a policy, in force from the local day `valid_from` until a later one begins."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,50}$")]
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    title_zh: Annotated[str, Field(min_length=1, max_length=100)]
    title_en: Annotated[str, Field(min_length=1, max_length=100)]
    valid_from: date
    class_points: dict[Class, Amount]
    rules: dict[str, RuleWeight]
    other_rules: RuleWeight
    window: Window
    repeat: Repeat
    rectification: Rectification
    coverage: Coverage
    thresholds: Thresholds

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        steps = self.thresholds
        if not steps.blue < steps.yellow < steps.red:
            raise ValueError("thresholds: blue < yellow < red is expected")
        if self.rectification.yellow_after_days > self.rectification.red_after_days:
            raise ValueError("rectification: yellow_after_days <= red_after_days is expected")
        for name, weight in {**self.rules, "other_rules": self.other_rules}.items():
            if weight.points is None and weight.class_ not in self.class_points:
                raise ValueError(f"{name}: class_points has no class {weight.class_}")
        return self

    def weight_of(self, rule_id: str) -> tuple[int, float]:
        """(class, points before repeat, age and credit) of one incident of that rule."""
        weight = self.rules.get(rule_id, self.other_rules)
        return weight.class_, self.class_points[weight.class_] if weight.points is None else weight.points

    def text(self) -> str:
        """The policy as canonical JSON: what is stored, and hashed by `digest`."""
        return canonical_json(self.model_dump(mode="json", by_alias=True)).decode("utf-8")

    def digest(self) -> str:
        """Lower-case hex SHA-256 of `text`: the same policy has the same one."""
        return hashlib.sha256(self.text().encode("utf-8")).hexdigest()


def parse_policy(data: bytes, where: str = "policy") -> Policy:
    """A policy from TOML or JSON (which begins with a brace), UTF-8.

    Args:
        where: what an error names as the place, such as the file.

    Raises:
        SettingsError: naming the first wrong key and its value.
    """
    if len(data) > LARGEST_BYTES:
        raise SettingsError(where, "", f"{len(data)} bytes, at most {LARGEST_BYTES} are read")
    try:
        text = data.decode("utf-8")
        told: Any = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the former also of a number of thousands of digits
        raise SettingsError(where, "", f"TOML or JSON in UTF-8 is expected: {error}") from error
    try:
        return Policy.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(where, key, f"{first['msg']}{_came(first['input'])}") from error


def _came(value: object) -> str:
    if isinstance(value, dict):
        return ""
    try:
        told = repr(value)
    except ValueError:
        told = "a number of thousands of digits"
    return f", got {told if len(told) <= _LONGEST_TOLD else told[:_LONGEST_TOLD] + '…'}"


@cache
def standard_policy() -> Policy:
    """The policy with which an installation starts."""
    name = "standard.toml"
    return parse_policy((files("kitchenvision.regulator") / "policies" / name).read_bytes(), name)
