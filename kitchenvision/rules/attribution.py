"""Whose cigarette: a thing seen in the crops of several heads belongs to the nearest of them only."""

from collections.abc import Sequence
from dataclasses import replace

from kitchenvision.geometry import centre, grown, iou
from kitchenvision.types import Cigarette, HeadLook, Track, Xyxy

_SAME_THING = 0.2  # IoU of two sightings of one thing, each grown, since they are a few pixels large
_REACH_HEADS = 3.0  # from the head's middle to a hand that hangs down
_REACH_PERSON = 1.15


Seen = Sequence[tuple[Track, HeadLook | None]]


def attributed(seen: Seen) -> list[tuple[Track, HeadLook]]:
    """Those that were looked at, each with only the cigarettes within its person's reach and nearest to its head.

    Who was not looked at this time (None) may still be the one whose it is.
    """
    return [
        (track, replace(look, cigarettes=tuple(c for c in look.cigarettes if _is_his(c, track, seen))))
        for track, look in seen
        if look is not None
    ]


def _is_his(cigarette: Cigarette, track: Track, seen: Seen) -> bool:
    mine = _distance_heads(cigarette.xyxy, track)
    if not _reaches(track, cigarette):
        return False
    for other, look in seen:
        if other.track_id == track.track_id:
            continue
        if look is None or look.cigarette_looked is None:
            shared = _reaches(other, cigarette)
        else:
            shared = any(iou(grown(c.xyxy, 2), grown(cigarette.xyxy, 2)) > _SAME_THING for c in look.cigarettes)
        # In the very middle it stays with the one who came first: one thing never accuses two.
        if shared and (_distance_heads(cigarette.xyxy, other), other.track_id) < (mine, track.track_id):
            return False
    return True


def _reaches(track: Track, cigarette: Cigarette) -> bool:
    near = _distance_heads(cigarette.xyxy, track) <= _REACH_HEADS
    return near and _within(cigarette.xyxy, grown(track.person_xyxy, _REACH_PERSON))


def _distance_heads(box: Xyxy, track: Track) -> float:
    """From the middle of the head to the middle of the box, in heads."""
    assert track.head_xyxy is not None
    x0, y0, x1, y1 = track.head_xyxy
    (x, y), (head_x, head_y) = centre(box), centre(track.head_xyxy)
    return float(((x - head_x) ** 2 + (y - head_y) ** 2) ** 0.5 / max(x1 - x0, y1 - y0, 1e-6))


def _within(box: Xyxy, area: Xyxy) -> bool:
    x, y = centre(box)
    return area[0] <= x <= area[2] and area[1] <= y <= area[3]
