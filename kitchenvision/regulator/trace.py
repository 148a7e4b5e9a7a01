"""The trace of a violation as a small plot: probability over time, the confirming window shaded."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

WIDTH, HEIGHT = 288.0, 96.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 26.0, 6.0, 6.0, 18.0


Seconds = Annotated[float, Field(ge=-1e9, le=1e9)]


class _Look(BaseModel):
    media_s: Seconds
    verdict: str
    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    why: str = ""


class _Trace(BaseModel):
    model_config = ConfigDict(extra="ignore")
    looks: list[_Look]
    started_s: Seconds
    confirmed_s: Seconds
    settings: dict[str, Any] = {}


@dataclass(frozen=True)
class Point:
    """One look, in the plot's units; `title` is for hovering."""

    x: float
    y: float
    verdict: str
    media_s: float
    percent: int
    why: str


@dataclass(frozen=True)
class TraceView:
    """What the plot draws, and what the sentence counts.

    Attributes:
        points: every look; line: the judged ones, as an SVG path, with gaps where nothing could be judged.
        window: (x, width) of the confirming window.
        from_s, to_s: media time at the left and right ends.
        judged, violating, unjudged: numbers of looks within the window. mean_percent: of the judged ones.
    """

    points: tuple[Point, ...]
    line: str
    window: tuple[float, float]
    from_s: float
    to_s: float
    judged: int
    violating: int
    unjudged: int
    mean_percent: int


def read_trace(data: bytes) -> TraceView | None:
    """The plot of a trace blob; None when it has no looks, ends before it began or is not one."""
    try:
        trace = _Trace.model_validate(json.loads(data))
    except (ValueError, ValidationError, RecursionError):
        return None
    if not trace.looks or trace.started_s > trace.confirmed_s:
        return None
    looks = sorted(trace.looks, key=lambda look: look.media_s)
    from_s = min(looks[0].media_s, trace.started_s)
    to_s = max(looks[-1].media_s, trace.confirmed_s)
    span = max(to_s - from_s, 1e-6)

    def x(media_s: float) -> float:
        return round(_LEFT + (media_s - from_s) / span * (WIDTH - _LEFT - _RIGHT), 1)

    def y(probability: float) -> float:
        return round(HEIGHT - _BOTTOM - probability * (HEIGHT - _TOP - _BOTTOM), 1)

    points = tuple(
        Point(
            x(look.media_s),
            y(0.0 if look.verdict == "cannot_judge" else look.probability),
            look.verdict,
            look.media_s,
            round(look.probability * 100),
            look.why,
        )
        for look in looks
    )
    weighed = [look for look in looks if trace.started_s <= look.media_s <= trace.confirmed_s]
    judged = [look for look in weighed if look.verdict != "cannot_judge"]
    left = x(trace.started_s)
    return TraceView(
        points=points,
        line=_path(points),
        window=(left, max(x(trace.confirmed_s) - left, 1.0)),
        from_s=from_s,
        to_s=to_s,
        judged=len(judged),
        violating=sum(look.verdict == "violating" for look in judged),
        unjudged=len(weighed) - len(judged),
        mean_percent=round(100 * sum(look.probability for look in judged) / max(len(judged), 1)),
    )


def _path(points: tuple[Point, ...]) -> str:
    # What could not be judged is a gap, never a line drawn across it.
    words: list[str] = []
    drawing = False
    for point in points:
        if point.verdict == "cannot_judge":
            drawing = False
            continue
        words.append(f"{'L' if drawing else 'M'}{point.x} {point.y}")
        drawing = True
    return "".join(words)
