"""One frame kept as evidence may need it: the clean picture, its times, and boxes in its own pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kitchenvision.geometry import Placement, clipped
from kitchenvision.types import Observation, Xyxy
from kitchenvision.wire import SnapshotBoxes


@dataclass(frozen=True)
class Snapshot:
    """One frame kept as evidence may need it.

    Attributes:
        media_s, captured_at: its times. jpeg: the clean picture, full resolution.
        width, height: its size. persons: boxes of everybody found in it.
        later_s, placed: of the main stream's picture of a frame of the sub-stream: how much later it was taken, and
            by track id where boxes of that frame are on it. `media_s` and `persons` are of that frame.
    """

    media_s: float
    captured_at: datetime
    jpeg: bytes
    width: int
    height: int
    persons: tuple[Xyxy, ...]
    later_s: float = 0.0
    placed: Mapping[int, Placement] = field(default_factory=dict)

    def boxes(self, look: Observation) -> SnapshotBoxes:
        """Of the accused and the others, in its own pixels; `look` is the accused's in that frame."""
        placement = self.placed.get(look.track_id, Placement(1.0, 1.0))
        plain = Placement(placement.scale_x, placement.scale_y)

        def there(box: Xyxy, by: Placement = placement) -> Xyxy:
            return to_tenths(clipped(by.there(box), self.width, self.height) if self.placed else box)

        return SnapshotBoxes(
            media_s=to_millisecond(max(0.0, self.media_s + self.later_s)),
            captured_at=self.captured_at,
            width=self.width,
            height=self.height,
            person_xyxy=there(look.person_xyxy),
            head_xyxy=there(look.head_xyxy),
            cigarette_xyxy=there(look.cigarette_xyxy) if look.cigarette_xyxy else None,
            others_xyxy=tuple(there(box, plain) for box in self.persons if box != look.person_xyxy),
        )


def to_millisecond(seconds: float) -> float:
    """So that the same times are the same bytes."""
    return round(float(seconds), 3)


def to_tenths(box: Xyxy) -> Xyxy:
    """A box to a tenth of a pixel, so that the same boxes are the same bytes."""
    x0, y0, x1, y1 = (round(float(v), 1) for v in box)
    return x0, y0, x1, y1
