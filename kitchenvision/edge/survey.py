"""What a camera could judge where it hangs: heads by size in each part of the picture, light, focus, and advice.

Pure: frames and looks in, numbers and sentences out. The parts are named like a chessboard's, A1 at the top left.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

from kitchenvision.edge.advice import Advice, advice
from kitchenvision.edge.gate import Luma
from kitchenvision.edge.words import Language
from kitchenvision.geometry import centre, in_polygon
from kitchenvision.rules.engine import standing
from kitchenvision.rules.rule import Rule, unfit
from kitchenvision.types import HeadLook, RuleSettings, Track, Zone

COLUMNS, ROWS = 6, 4
_SMALL = "too small"
_BLURRED = "too blurred"
_FEW = 3  # heads of which nothing is concluded
_MOSTLY = 0.5  # from this share of its heads on, a part counts as one that can be judged
_TURNED_SHARE = 0.7
_BLURRED_SHARE = 0.3
_MAIN_STREAM_WIDTH = 1280
# Levels of the small pictures: rough limits, below which a person sees at once what is meant.
_DIM_LEVEL = 50
_BURNT_LEVEL, _BURNT_SHARE = 250, 0.12


@dataclass(frozen=True)
class Part:
    """One part of the picture. heads: seen there. px: their median height. judged: share of heads by rule, 0..1."""

    name: str
    heads: int
    px: float
    judged: Mapping[str, float]


@dataclass(frozen=True)
class Reach:
    """How far a rule reaches. least_px: smaller heads are not judged. whys: heads that could not be, by reason."""

    rule_id: str
    least_px: float
    heads: int
    judged: int
    whys: Mapping[str, int]


@dataclass(frozen=True)
class ZoneReach:
    """A rule in a zone where it is due: heads that stood in it, their median height, how many could be judged."""

    zone: str
    rule_id: str
    heads: int
    px: float
    judged: int


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        width, height: pixels. frames, heads: how many. seconds: watched.
        light: median level of the pictures, 0..255. burnt: share that is nothing but white.
        sharpness: median of the heads', as the rules measure it; None without heads.
        parts: those with heads. rules, zones: see there. advice: empty when nothing is to be changed.
    """

    width: int
    height: int
    frames: int
    seconds: float
    heads: int
    light: float
    burnt: float
    sharpness: float | None
    parts: tuple[Part, ...]
    rules: tuple[Reach, ...]
    zones: tuple[ZoneReach, ...]
    advice: tuple[Advice, ...]

    def sentences(self, language: Language = "en") -> tuple[str, ...]:
        """The advice in words."""
        return tuple(one.text(language) for one in self.advice)

    def row(self, language: Language = "en") -> dict[str, object]:
        """For a program, with the advice in words."""
        return asdict(self) | {"advice": self.sentences(language)}


@dataclass(frozen=True)
class _Head:
    part: str
    px: float
    sharpness: float
    zones: frozenset[str]
    whys: Mapping[str, str]  # by rule; empty where it could be judged


class Surveyor:
    """Adds frames up.

    Args:
        rules, settings: by id, complete. zones: of the camera; one over the whole picture tells nothing more.
    """

    def __init__(
        self, rules: Mapping[str, Rule], settings: Mapping[str, RuleSettings], zones: Sequence[Zone]
    ) -> None:
        self._rules, self._settings = rules, settings
        self._zones = [zone for zone in zones if zone.polygon]
        self._heads: list[_Head] = []
        self._light: list[float] = []
        self._burnt: list[float] = []
        self._size, self._from_s, self._to_s = (0, 0), 0.0, 0.0

    def add(
        self, media_s: float, size: tuple[int, int], luma: Luma, seen: Iterable[tuple[Track, HeadLook]]
    ) -> None:
        """One frame: its size in pixels, its small picture, and every track with a head and the look at it."""
        if not self._light:
            self._from_s = media_s
        self._size, self._to_s = size, media_s
        self._light.append(float(np.median(luma)))
        self._burnt.append(float((luma >= _BURNT_LEVEL).mean()))
        for track, look in seen:
            assert track.head_xyxy is not None
            self._heads.append(
                _Head(
                    part_of(centre(track.head_xyxy), size),
                    look.head_px,
                    look.sharpness,
                    self._zones_of(track, size),
                    {rule_id: self._why(rule, track, look) for rule_id, rule in self._rules.items()},
                )
            )

    def result(self) -> Survey:
        """All of it."""
        parts, rules, zones = self._parts(), self._reaches(), self._zone_reaches()
        light = median(self._light) if self._light else 0.0
        burnt = median(self._burnt) if self._burnt else 0.0
        sharpness = round(median(head.sharpness for head in self._heads), 2) if self._heads else None
        found = [
            *_on_light(light, burnt),
            *_on_sizes(parts, rules, self._size[0]),
            *_on_heads(rules, self._to_s - self._from_s),
            *_on_zones(zones, {rule.rule_id: rule.least_px for rule in rules}),
        ]
        return Survey(
            *self._size,
            len(self._light),
            round(self._to_s - self._from_s, 1),
            len(self._heads),
            round(light, 1),
            round(burnt, 3),
            sharpness,
            parts,
            rules,
            zones,
            tuple(found),
        )

    def _zones_of(self, track: Track, size: tuple[int, int]) -> frozenset[str]:
        x, y = standing(track)
        at = (x / size[0], y / size[1])
        return frozenset(zone.name for zone in self._zones if in_polygon(at, zone.polygon))

    def _why(self, rule: Rule, track: Track, look: HeadLook) -> str:
        settings = self._settings[rule.rule_id]
        if rule.needs_cigarettes:  # they are not looked for here: only whether one could be seen
            return unfit(look, settings)
        return rule.judge(track, look, settings).why

    def _parts(self) -> tuple[Part, ...]:
        by_name: dict[str, list[_Head]] = defaultdict(list)
        for head in self._heads:
            by_name[head.part].append(head)
        return tuple(
            Part(
                name,
                len(heads),
                round(median(head.px for head in heads), 1),
                {rule: round(sum(not h.whys[rule] for h in heads) / len(heads), 3) for rule in self._rules},
            )
            for name, heads in sorted(by_name.items())
        )

    def _reaches(self) -> tuple[Reach, ...]:
        found = []
        for rule_id in self._rules:
            whys = Counter(head.whys[rule_id] for head in self._heads)
            judged = whys.pop("", 0)
            least = self._settings[rule_id].min_head_px
            found.append(Reach(rule_id, least, len(self._heads), judged, dict(whys.most_common())))
        return tuple(found)

    def _zone_reaches(self) -> tuple[ZoneReach, ...]:
        found = []
        for zone in self._zones:
            heads = [head for head in self._heads if zone.name in head.zones]
            px = round(median(head.px for head in heads), 1) if heads else 0.0
            for rule_id in zone.rules:
                judged = sum(not head.whys[rule_id] for head in heads)
                found.append(ZoneReach(zone.name, rule_id, len(heads), px, judged))
        return tuple(found)


def part_of(point: tuple[float, float], size: tuple[int, int]) -> str:
    """Name of the part in which a point lies, such as ``B3``: columns A to F, rows 1 to 4."""
    column = min(COLUMNS - 1, max(0, int(point[0] / size[0] * COLUMNS)))
    row = min(ROWS - 1, max(0, int(point[1] / size[1] * ROWS)))
    return f"{'ABCDEFGH'[column]}{row + 1}"


def _on_light(light: float, burnt: float) -> Iterable[Advice]:
    if light < _DIM_LEVEL:
        yield advice("advice_dark", level=f"{light:.0f}")
    if burnt >= _BURNT_SHARE:
        yield advice("advice_burnt", share=f"{burnt:.0%}")


def _on_sizes(parts: Sequence[Part], rules: Sequence[Reach], width: int) -> Iterable[Advice]:
    known = [part for part in parts if part.heads >= _FEW]
    for rule in rules:
        small = [part for part in known if part.px < rule.least_px]
        if not small:
            continue
        least = min(part.px for part in small)
        factor = rule.least_px / least
        yield advice(
            "advice_small_sub" if width < _MAIN_STREAM_WIDTH else "advice_small",
            rule=rule.rule_id,
            least=f"{rule.least_px:g}",
            parts=", ".join(part.name for part in small),
            px=f"{least:g}",
            factor=f"{factor:.1f}",
            distance=f"{1 / factor:.0%}",
        )


def _on_heads(rules: Sequence[Reach], seconds: float) -> Iterable[Advice]:
    heads = max((rule.heads for rule in rules), default=0)
    if heads < _FEW:
        yield advice("advice_nobody", seconds=f"{seconds:.0f}")
        return
    blurred = max(rule.whys.get(_BLURRED, 0) for rule in rules) / heads
    if blurred >= _BLURRED_SHARE:
        yield advice("advice_blurred", share=f"{blurred:.0%}")
    for rule in rules:
        fit = rule.judged + sum(n for why, n in rule.whys.items() if why.startswith("turned"))
        if fit >= _FEW and (fit - rule.judged) / fit >= _TURNED_SHARE:
            yield advice("advice_turned", rule=rule.rule_id, share=f"{(fit - rule.judged) / fit:.0%}")


def _on_zones(zones: Sequence[ZoneReach], least_px: Mapping[str, float]) -> Iterable[Advice]:
    empty = sorted({zone.zone for zone in zones if not zone.heads})
    if empty and any(zone.heads for zone in zones):
        yield advice("advice_empty", zones=", ".join(empty))
    for zone in zones:
        if zone.heads >= _FEW and zone.judged < _MOSTLY * zone.heads and zone.px < least_px[zone.rule_id]:
            yield advice(
                "advice_zone",
                zone=zone.zone,
                rule=zone.rule_id,
                missed=zone.heads - zone.judged,
                heads=zone.heads,
                px=f"{zone.px:g}",
            )


def grade(part: Part) -> str:
    """``all``, ``some`` or ``none`` of the rules can be judged in this part."""
    good = sum(share >= _MOSTLY for share in part.judged.values())
    return "all" if good == len(part.judged) else "some" if good else "none"


def why_not(part: Part, rule: Reach) -> str:
    """``ok``, ``small`` or ``seldom``: what stands in the picture for one rule in this part."""
    if part.judged[rule.rule_id] >= _MOSTLY:
        return "ok"
    return "small" if part.px < rule.least_px else "seldom"
