"""What somebody drew on the page becomes zones of the settings, or a list of what is wrong with it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from kitchenvision.config import ZoneSection

_LEAST_AREA = 0.0005  # of the picture: a slip of the finger
_MOST_ZONES, _MOST_CORNERS = 20, 60
Point = tuple[float, float]


class Draft(BaseModel):
    """Body of a save: the file's digest as it was seen, and the zones in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    seen: str
    zones: list[dict[str, Any]]


@dataclass(frozen=True)
class Wrong:
    """zone: place in the list, None for all. key: of `words.WORDS`."""

    zone: int | None
    key: str


def zones_of(draft: Draft, known_rules: Sequence[str]) -> tuple[list[ZoneSection], list[Wrong]]:
    """The zones, and everything that is wrong with them."""
    sections: list[ZoneSection] = []
    wrong: list[Wrong] = []
    if len(draft.zones) > _MOST_ZONES:
        return [], [Wrong(None, "too_many_zones")]
    for place, values in enumerate(draft.zones):
        try:
            section = ZoneSection.model_validate(values)
        except ValidationError as error:
            field = str(error.errors(include_input=False)[0]["loc"][:1])
            wrong.append(Wrong(place, next((k for f, k in _FIELDS.items() if f in field), "wrong_zone")))
            continue
        wrong += [Wrong(place, key) for key in _problems(section, known_rules)]
        sections.append(section)
    names = [section.name for section in sections]
    wrong += [Wrong(place, "wrong_same_name") for place, name in enumerate(names) if name in names[:place]]
    return sections, wrong


_FIELDS = {"name": "wrong_name", "polygon": "wrong_corners", "hours": "wrong_hours", "rules": "wrong_rules"}


def _problems(section: ZoneSection, known_rules: Sequence[str]) -> list[str]:
    found = []
    if not section.name.strip():
        found.append("wrong_name")
    if not section.rules or any(rule not in known_rules for rule in section.rules):
        found.append("wrong_rules")
    if any(text[:5] == text[6:] for text in section.hours):
        found.append("wrong_hours")
    if section.polygon:
        if len(section.polygon) > _MOST_CORNERS:
            found.append("wrong_corners")
        elif crosses_itself(section.polygon):
            found.append("wrong_crossing")
        elif area_of(section.polygon) < _LEAST_AREA:
            found.append("wrong_tiny")
    return found


def row_of(section: ZoneSection) -> Mapping[str, Any]:
    """As it stands in the settings file."""
    corners = [[round(x, 4), round(y, 4)] for x, y in section.polygon]
    return {
        "name": section.name,
        "polygon": corners,
        "rules": list(section.rules),
        "hours": list(section.hours),
    }


def area_of(polygon: Sequence[Point]) -> float:
    """Share of the picture, 0..1, that a polygon covers (shoelace formula)."""
    pairs = zip(polygon, [*polygon[1:], *polygon[:1]], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2


def crosses_itself(polygon: Sequence[Point]) -> bool:
    """Whether two edges that are no neighbours meet: then it is not clear what lies inside."""
    edges = list(zip(polygon, [*polygon[1:], *polygon[:1]], strict=True))
    last = len(edges) - 1
    return any(
        _meet(*edges[i], *edges[j])
        for i, j in combinations(range(len(edges)), 2)
        if j != i + 1 and not (i == 0 and j == last)
    )


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) != _side(a, b, d) and _side(c, d, a) != _side(c, d, b)


def _side(a: Point, b: Point, c: Point) -> bool:
    return (c[1] - a[1]) * (b[0] - a[0]) > (b[1] - a[1]) * (c[0] - a[0])
