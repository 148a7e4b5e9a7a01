"""What the main stream's picture shows of a frame of the sub-stream: heads found again on it, and looks at them.

Tracks, zones and rules live on the sub-stream's picture; only the pixels of a look, and of the evidence, are the
main stream's. So every box that comes out of here is one of the sub-stream's; `placed` says where it is there.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from kitchenvision.detect.detector import HeadLooker
from kitchenvision.frames.alignment import found_again
from kitchenvision.geometry import Placement
from kitchenvision.types import Cigarette, Frame, HeadLook, MainPicture, MainUse, Track

MainSource = Callable[[datetime], MainPicture | MainUse]
"""The main stream's picture to go with a frame of that `captured_at`, or why not; asked in order of time."""


@dataclass(frozen=True)
class CloseUp:
    """One frame.

    Attributes:
        shown: the main stream's picture; None where none is used.
        placed: by track id, where those heads are on it that were found again.
        why: by track id, why a head that was asked for is looked at on the sub-stream. otherwise: why another is.
    """

    shown: MainPicture | None = None
    placed: Mapping[int, Placement] = field(default_factory=dict)
    why: Mapping[int, MainUse] = field(default_factory=dict)
    otherwise: MainUse = MainUse.NONE

    def look(
        self, looker: HeadLooker, frame: Frame, tracks: Sequence[Track], cigarettes: bool, glance: bool
    ) -> dict[int, HeadLook]:
        """Looks by track id, each at the better picture that there is of it; `tracks` have heads."""
        closer = [track for track in tracks if track.track_id in self.placed]
        others = [track for track in tracks if track.track_id not in self.placed]
        heads = [track.head_xyxy for track in others if track.head_xyxy is not None]
        answers = looker.look(frame.picture, heads, cigarettes, glance)
        looks = {
            track.track_id: replace(answer, main=self.why.get(track.track_id, self.otherwise))
            for track, answer in zip(others, answers, strict=True)
        }
        if self.shown is None or not closer:
            return looks
        there = [self.placed[t.track_id].there(t.head_xyxy) for t in closer if t.head_xyxy is not None]
        answers = looker.look(self.shown.picture, there, cigarettes, glance)
        return looks | {
            track.track_id: _brought_back(answer, self.placed[track.track_id])
            for track, answer in zip(closer, answers, strict=True)
        }


def close_up(frame: Frame, main: MainSource | None, tracks: Sequence[Track], wanted: Sequence[Track]) -> CloseUp:
    """The heads of `wanted` on the main stream's picture, as far as there is one and they are found on it.

    Args:
        frame: of the sub-stream. main: gives the other picture, if there is one. tracks: all of this frame.
        wanted: those that the main stream is asked for; without any it is not asked.
    """
    if main is None:
        return CloseUp()
    wanted = [track for track in wanted if track.head_xyxy is not None]
    if not wanted:
        return CloseUp(otherwise=MainUse.NOT_ASKED)
    answer = main(frame.captured_at)
    if not isinstance(answer, MainPicture):
        return _without(wanted, answer)
    if answer.picture.width <= frame.picture.width or answer.picture.height <= frame.picture.height:
        return _without(wanted, MainUse.NOT_LARGER)
    placed: dict[int, Placement] = {}
    for track in wanted:
        assert track.head_xyxy is not None
        others = [t.head_xyxy for t in tracks if t.head_xyxy is not None and t.track_id != track.track_id]
        found = found_again(frame.image, answer.picture.rgb(), track.head_xyxy, others)
        if found is not None:
            placed[track.track_id] = found
    missed = [track.track_id for track in wanted if track.track_id not in placed]
    return CloseUp(answer, placed, dict.fromkeys(missed, MainUse.NOT_FOUND), MainUse.NOT_ASKED)


def counted(looks: Mapping[int, HeadLook]) -> Counter[MainUse]:
    """How many of the looks that asked for the main stream's picture were at it, and why the others were not."""
    return Counter(look.main for look in looks.values() if look.main not in (MainUse.NONE, MainUse.NOT_ASKED))


def _without(wanted: Sequence[Track], why: MainUse) -> CloseUp:
    return CloseUp(why={track.track_id: why for track in wanted}, otherwise=MainUse.NOT_ASKED)


def _brought_back(look: HeadLook, placement: Placement) -> HeadLook:
    """With its cigarettes on the sub-stream's picture; the size of the head stays that of what was looked at."""
    cigarettes = tuple(Cigarette(placement.back(one.xyxy), one.confidence) for one in look.cigarettes)
    return replace(look, cigarettes=cigarettes, main=MainUse.USED)
