"""Which frames of a calm scene may be left out: pure, seconds of media time and small pictures in, yes or no out.

Motion never gates a verdict: it only lowers the rate at which a scene is looked at in which nothing happens.
"""

import numpy as np
import numpy.typing as npt

from kitchenvision.types import Picture

Luma = npt.NDArray[np.int16]
WIDTH, HEIGHT = 128, 72
_BLOCK = 4
_CHANGED_LEVELS = 8.0  # mean of 4x4 cells, so that a sensor's noise is averaged out
_CHANGED_BLOCKS = 2
_MOVING_FPS = 2.5  # tracks hold a walk at it, and the planner looks at settled heads every half second
_PEOPLE_FPS = 2.0  # who stands still
_ROUNDING_S = 1e-6
_ASLEEP_S = 5.0
_ASLEEP_FPS = 1.0  # who wants a still scene to be looked at more often wants every picture
_ASLEEP_LOOK_FPS = 0.25  # of it; whatever moves is looked at anyway


def luma_of(picture: Picture) -> Luma:
    """(72, 128) int16 brightness, 0..255, of a picture of any size."""
    rgb = picture.scaled(WIDTH, HEIGHT).astype(np.int16)
    return np.asarray((rgb[..., 0] * 2 + rgb[..., 1] * 5 + rgb[..., 2]) // 8, np.int16)


class SceneGate:
    """One camera's rate.

    Args:
        calm_fps: frames a second of a still scene without people.
    """

    def __init__(self, calm_fps: float) -> None:
        self._calm_fps = calm_fps
        self._last_s: float | None = None
        self._last: npt.NDArray[np.float32] | None = None
        self._busy_s = float("-inf")

    def wants(self, media_s: float, luma: Luma, people: bool, building: bool) -> bool:
        """Whether this frame is to be analysed: what moves after a pause at once.

        Args:
            media_s: its time. luma: from `luma_of`. people: somebody was tracked in the last analysed frame.
            building: a violation may be building up, or little is known of somebody: then every frame counts.
        """
        blocks = _blocks(luma)
        moved = self._last is None or _changed(self._last, blocks)
        rate = max(self._calm_fps, _MOVING_FPS if moved else _PEOPLE_FPS if people else 0.0)
        if moved or people or building:
            self._busy_s = media_s
        elif self.asleep(media_s):
            rate = min(rate, _ASLEEP_LOOK_FPS)
        due = self._last_s is None or media_s - self._last_s >= 1 / rate - _ROUNDING_S
        if not (building or due):
            return False
        self._last_s, self._last = media_s, blocks
        return True

    def asleep(self, media_s: float) -> bool:
        """Whether nothing has moved and nobody has been there for so long that key frames are enough."""
        return self._calm_fps <= _ASLEEP_FPS and media_s - self._busy_s >= _ASLEEP_S


def _blocks(luma: Luma) -> npt.NDArray[np.float32]:
    cells = luma.reshape(HEIGHT // _BLOCK, _BLOCK, WIDTH // _BLOCK, _BLOCK)
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def _changed(before: npt.NDArray[np.float32], now: npt.NDArray[np.float32]) -> bool:
    return int((np.abs(now - before) >= _CHANGED_LEVELS).sum()) >= _CHANGED_BLOCKS
