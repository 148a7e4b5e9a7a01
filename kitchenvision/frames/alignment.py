"""Where a head of one stream's picture is on the picture that another stream of that camera gives of the moment.

The two need not be of the very same instant: who moves is a little further on the other. So the surroundings of the
head are looked for near the place where they should be, by normalised correlation of grey levels (Lewis, "Fast
Normalized Cross-Correlation", 1995), at the resolution of the smaller picture. What is not recognised is not there.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from kitchenvision.geometry import Placement, clipped, grown, iou
from kitchenvision.types import Pixels, Xyxy

# Measured on the sample and golden clips (docs/decisions/0016): the same head at the same instant correlates with
# 0.94 and more, a quarter of a second apart usually with 0.9, another's head and an empty place with 0.77 at most.
LEAST_ALIKE = 0.8
_SURROUNDINGS_HEADS = 1.5
_REACH_HEADS = 0.75  # further than that is another's place
_LEAST_PX = 8  # of a side of what is compared
_LEAST_CONTRAST = 3.0  # grey levels, standard deviation: a plain wall is like every other plain wall
_Grey = npt.NDArray[np.uint8]


def found_again(here: Pixels, there: Pixels, head: Xyxy, others: Sequence[Xyxy] = ()) -> Placement | None:
    """Where `head` is on the other picture; None when it is not recognised there, or may be somebody else's.

    Args:
        here: (h, w, 3) uint8 RGB, the picture on which the head was found. there: (H, W, 3), the other, which
            shows the same field of view, at any size.
        head: box in pixels of `here`. others: the other heads there.
    """
    height, width = here.shape[:2]
    scale_x, scale_y = there.shape[1] / width, there.shape[0] / height
    x0, y0, x1, y1 = _whole(grown(head, _SURROUNDINGS_HEADS), width, height)
    if min(x1 - x0, y1 - y0) < _LEAST_PX:
        return None
    looked_for = _grey(here[y0:y1, x0:x1])
    if float(looked_for.std()) < _LEAST_CONTRAST:
        return None
    reach = round(_REACH_HEADS * max(head[2] - head[0], head[3] - head[1]))
    left, top, right, bottom = _whole((x0 - reach, y0 - reach, x1 + reach, y1 + reach), width, height)
    a, b = (round(left * scale_x), round(right * scale_x)), (round(top * scale_y), round(bottom * scale_y))
    around = cv2.resize(there[b[0] : b[1], a[0] : a[1]], (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    alike = cv2.matchTemplate(_grey(np.asarray(around, np.uint8)), looked_for, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(alike)
    if not best >= LEAST_ALIKE:
        return None
    moved_x, moved_y = left + column - x0, top + row - y0
    found = (head[0] + moved_x, head[1] + moved_y, head[2] + moved_x, head[3] + moved_y)
    if any(iou(found, other) >= iou(found, head) for other in others):
        return None
    return Placement(scale_x, scale_y, moved_x * scale_x, moved_y * scale_y)


def _whole(box: Xyxy, width: int, height: int) -> tuple[int, int, int, int]:
    """The box in whole pixels, inside a picture of that size."""
    x0, y0, x1, y1 = clipped(box, width, height)
    return round(x0), round(y0), round(x1), round(y1)


def _grey(pixels: Pixels) -> _Grey:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.uint8)
