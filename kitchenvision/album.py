"""Pictures that may become evidence, for as long as they may."""

from collections.abc import Sequence
from dataclasses import dataclass

from kitchenvision.close_up import CloseUp
from kitchenvision.evidence import encode_jpeg
from kitchenvision.snapshot import Snapshot
from kitchenvision.types import PERSON, Detections, Frame, Observation, Violation

_ROUNDING_S = 1e-3  # a look at the very edge of the window must still find its picture
_SHOWN_PERSON = 0.3  # least confidence of a bystander whose box travels with a snapshot


@dataclass
class _Page:
    """One picture; `accused`: the worth of each look, by (track, rule), that it is kept for."""

    snapshot: Snapshot
    accused: dict[tuple[int, str], tuple[int, float]]


class Album:
    """One camera's. A look is only kept for until a later one of the same track and rule shows more.

    Args:
        keep_s: media seconds after which no window holds a look any more.
    """

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._pages: list[_Page] = []

    def __len__(self) -> int:
        return len(self._pages)

    def keep(self, frame: Frame, found: Detections, close: CloseUp, accused: Sequence[Observation]) -> None:
        """The pictures of one frame that looks were at which accuse somebody; older ones are let go.

        Who was looked at on the main stream's picture is shown on that, the others on the sub-stream's.
        """
        by_main = [look for look in accused if look.track_id in close.placed]
        by_sub = [look for look in accused if look.track_id not in close.placed]
        oldest_s = frame.media_s - self._keep_s - _ROUNDING_S
        for page in self._pages:
            for look in accused:
                key = (look.track_id, look.rule_id)
                if page.accused.get(key, look.worth) < look.worth:
                    del page.accused[key]
        self._pages = [page for page in self._pages if page.accused and page.snapshot.media_s >= oldest_s]
        if by_main:
            self._pages.append(_Page(_of_main(frame, found, close), _worths(by_main)))
        if by_sub:
            self._pages.append(_Page(_of_sub(frame, found), _worths(by_sub)))

    def best(self, violation: Violation) -> Snapshot:
        """The picture of its best look.

        Raises:
            KeyError: it was not kept, or not for this violation.
        """
        key = (violation.track_id, violation.rule_id)
        for page in self._pages:
            if page.snapshot.media_s == violation.best_s and key in page.accused:
                return page.snapshot
        raise KeyError(violation.best_s)


def _worths(looks: Sequence[Observation]) -> dict[tuple[int, str], tuple[int, float]]:
    return {(look.track_id, look.rule_id): look.worth for look in looks}


def _of_sub(frame: Frame, found: Detections) -> Snapshot:
    return Snapshot(
        media_s=frame.media_s,
        captured_at=frame.captured_at,
        jpeg=encode_jpeg(frame.image),
        width=frame.picture.width,
        height=frame.picture.height,
        persons=_persons(found),
    )


def _of_main(frame: Frame, found: Detections, close: CloseUp) -> Snapshot:
    assert close.shown is not None
    picture, taken_at = close.shown.picture, close.shown.captured_at
    return Snapshot(
        media_s=frame.media_s,
        captured_at=taken_at,
        jpeg=encode_jpeg(picture.rgb()),
        width=picture.width,
        height=picture.height,
        persons=_persons(found),
        later_s=(taken_at - frame.captured_at).total_seconds(),
        placed=close.placed,
    )


def _persons(found: Detections) -> tuple[tuple[float, float, float, float], ...]:
    boxes = found.of(PERSON, _SHOWN_PERSON).xyxy
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in boxes)
