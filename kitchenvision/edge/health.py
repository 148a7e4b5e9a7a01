"""Whether a camera can see: pure, small pictures and seconds of media time in, findings about the camera out.

Each finding has its own debounce. While one of `BLIND` stands, no verdict is given, and the time is not observed.
The thresholds hold for `gate.luma_of` pictures, 128x72 levels of 0..255; `tests/edge/test_health.py` shows what
they tell apart.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from kitchenvision.edge.gate import HEIGHT, WIDTH, Luma


class Trouble(StrEnum):
    """What can be wrong with a picture that comes."""

    TOO_DARK = "too dark"
    COVERED = "covered"
    OUT_OF_FOCUS = "out of focus"
    FROZEN = "frozen"
    MOVED = "moved"


BLIND = frozenset({Trouble.TOO_DARK, Trouble.COVERED, Trouble.OUT_OF_FOCUS, Trouble.FROZEN})

ADVICE: dict[Trouble, dict[str, str]] = {
    Trouble.TOO_DARK: {
        "en": "Too dark to judge anybody. If people work here, switch the light on or set the camera's exposure.",
        "zh": "画面太暗，无法判断。如果有人在工作，请开灯或调整摄像机曝光。",
    },
    Trouble.COVERED: {
        "en": "Something covers the lens. Clean it, or take away what stands before it.",
        "zh": "镜头被遮挡。请清洁镜头或移开遮挡物。",
    },
    Trouble.OUT_OF_FOCUS: {
        "en": "The picture has become blurred. Wipe grease and steam off the lens, then check the focus.",
        "zh": "画面变模糊。请擦去镜头上的油污和水汽，再检查对焦。",
    },
    Trouble.FROZEN: {
        "en": "The picture has not changed at all for a minute. Restart the camera.",
        "zh": "画面一分钟没有任何变化。请重启摄像机。",
    },
    Trouble.MOVED: {
        "en": "The camera shows another scene than before. Turn it back, or draw its zones anew.",
        "zh": "摄像机画面与之前不同。请恢复角度，或重新绘制区域。",
    },
}

# Seconds that a condition must hold to be a finding, and to be gone for it to end.
_ON_S = {
    Trouble.TOO_DARK: 5.0,
    Trouble.COVERED: 5.0,
    Trouble.OUT_OF_FOCUS: 20.0,
    Trouble.FROZEN: 60.0,
    Trouble.MOVED: 20.0,
}
_OFF_S = 3.0
_DARK_LEVEL = 25  # of the brightest twentieth of the picture
_CELL = 8
_FLAT_CELL = 2.5  # levels of standard deviation within a cell of 8x8
_FLAT_SHARE = 0.9
_BLUR_RATIO = 0.45  # of the sharpness that this camera usually has
_OTHER_SCENE = 0.3  # correlation of edges
_LEARN_S = 30.0  # before this much was seen, a camera's usual sharpness and scene are not known
_SAMPLE_S = 2.0
_SAMPLES = 60  # two minutes of the usual
_ACCEPT_S = 600.0  # a scene that stays so long is the new one

Edges = npt.NDArray[np.float32]


@dataclass
class _Debounce:
    on_s: float
    since_s: float | None = None
    clear_s: float | None = None
    found: bool = False

    def update(self, now_s: float, holds: bool) -> None:
        if holds:
            self.clear_s = None
            self.since_s = now_s if self.since_s is None else self.since_s
            self.found = self.found or now_s - self.since_s >= self.on_s
            return
        self.clear_s = now_s if self.clear_s is None else self.clear_s
        if not self.found or now_s - self.clear_s >= _OFF_S:
            self.since_s, self.found = None, False


@dataclass
class _Usual:
    """What this camera shows when all is well: medians over the last two minutes of well seen pictures."""

    sharpness: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    edges: deque[Edges] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    taken_s: float | None = None

    @property
    def known(self) -> bool:
        return len(self.sharpness) * _SAMPLE_S >= _LEARN_S

    def add(self, now_s: float, luma: Luma) -> None:
        if self.taken_s is None or now_s - self.taken_s >= _SAMPLE_S:
            self.taken_s = now_s
            self.sharpness.append(_sharpness(luma))
            self.edges.append(_edges(luma))


class CameraHealth:
    """One camera.

    Attributes:
        troubles: what is wrong now, in a fixed order.
    """

    def __init__(self) -> None:
        self._states = {trouble: _Debounce(on_s) for trouble, on_s in _ON_S.items()}
        self._usual = _Usual()
        self._last: Luma | None = None

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Now."""
        return tuple(trouble for trouble, state in self._states.items() if state.found)

    @property
    def sees(self) -> bool:
        """Whether verdicts may be given."""
        return not BLIND.intersection(self.troubles)

    def update(self, media_s: float, luma: Luma) -> None:
        """One frame, in order of time."""
        holds = self._conditions(luma)
        for trouble, state in self._states.items():
            state.update(media_s, trouble in holds)
        moved = self._states[Trouble.MOVED]
        if moved.found and moved.since_s is not None and media_s - moved.since_s >= _ACCEPT_S:
            self._usual, self._states[Trouble.MOVED] = _Usual(), _Debounce(_ON_S[Trouble.MOVED])
        if not holds:
            self._usual.add(media_s, luma)
        self._last = luma

    def _conditions(self, luma: Luma) -> set[Trouble]:
        if self._last is not None and np.array_equal(luma, self._last):
            frozen = {Trouble.FROZEN}
        else:
            frozen = set()
        if np.percentile(luma, 95) < _DARK_LEVEL:
            return {Trouble.TOO_DARK} | frozen
        if _flat_share(luma) >= _FLAT_SHARE:
            return {Trouble.COVERED} | frozen
        if not self._usual.known:
            return frozen
        if _sharpness(luma) < _BLUR_RATIO * float(np.median(self._usual.sharpness)):
            return {Trouble.OUT_OF_FOCUS} | frozen
        usual = np.median(np.stack(self._usual.edges), axis=0).astype(np.float32)
        if _correlation(usual, _edges(luma)) < _OTHER_SCENE:
            return {Trouble.MOVED} | frozen
        return frozen


def _flat_share(luma: Luma) -> float:
    cells = luma.reshape(HEIGHT // _CELL, _CELL, WIDTH // _CELL, _CELL)
    return float((cells.std(axis=(1, 3)) < _FLAT_CELL).mean())


def _sharpness(luma: Luma) -> float:
    """Mean absolute Laplacian, levels."""
    middle = luma[1:-1, 1:-1] * 4
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float(np.abs(middle - around).mean())


def _edges(luma: Luma) -> Edges:
    """(71, 127) strength of edges; what light does to a whole picture changes it little."""
    down = np.abs(np.diff(luma, axis=0))[:, :-1]
    across = np.abs(np.diff(luma, axis=1))[:-1]
    return np.asarray(np.minimum(down + across, 60), np.float32)


def _correlation(a: Edges, b: Edges) -> float:
    x, y = a - a.mean(), b - b.mean()
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / size if size > 0 else 0.0
