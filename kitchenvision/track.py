"""TRACK: persons with their heads over time, and which of them ended.

In the spirit of ByteTrack (Zhang et al. 2022, arXiv:2110.06864): sure detections first, doubtful ones only
continue a track; positions are predicted with constant speed. Made for 5 frames a second and fewer, so a match
compares neighbourhoods (the head grown to 3x3 heads) rather than heads, which seldom overlap from one frame to
the next when somebody walks.
"""

from dataclasses import dataclass, field

import numpy as np

from kitchenvision.geometry import as_xyxy, centre, clipped, grown, intersection_matrix, iou, iou_matrix
from kitchenvision.types import HEAD, PERSON, Detections, Floats, Track, Xyxy

_NEIGHBOURHOOD_HEADS = 3.0
_SPEED_MEMORY = 0.5  # share of the old speed in the new one
_FASTEST_HEADS_S = 8.0  # a speed above this is a detector's jump, not a person


@dataclass(frozen=True)
class TrackSettings:
    """Defaults and reasons stand in docs/rules.md.

    Attributes:
        person, head: sure from this confidence on; half of it continues a track.
        lost_s: a track not seen for longer has ended.
        doubt_s: after this long unseen the identity is doubtful: the stretch grows.
        least_match: least overlap of neighbourhoods or persons for a match.
        crossing_iou: heads that overlap more are crossing.
    """

    person: float = 0.3
    head: float = 0.35
    lost_s: float = 2.0
    doubt_s: float = 1.0
    least_match: float = 0.15
    crossing_iou: float = 0.15


@dataclass(frozen=True)
class TrackUpdate:
    """Tracks seen in this frame, in order of id, and the ids of those that ended before it."""

    tracks: tuple[Track, ...]
    ended: tuple[int, ...]


@dataclass(frozen=True)
class _Candidate:
    person: Xyxy
    head: Xyxy | None
    head_confidence: float
    sure: bool
    person_found: bool

    @property
    def neighbourhood(self) -> Xyxy:
        if self.head is not None:
            return grown(self.head, _NEIGHBOURHOOD_HEADS)
        return _upper_square(self.person)


@dataclass
class _Life:
    track_id: int
    stretch: int
    last: _Candidate
    seen_s: float
    speed: Floats = field(default_factory=lambda: np.zeros(2, np.float32))
    crossing: bool = False

    def shift(self, media_s: float) -> Floats:
        return self.speed * min(media_s - self.seen_s, 1.0)


class Tracker:
    """One camera's tracks. Feed frames in order of media time; the same frames give the same ids."""

    def __init__(self, settings: TrackSettings | None = None) -> None:
        self._settings = settings or TrackSettings()
        self._lives: list[_Life] = []
        self._next_id = 1

    def update(self, media_s: float, found: Detections, size: tuple[int, int]) -> TrackUpdate:
        """Match one frame's detections to the tracks.

        Args:
            media_s: time of the frame, not before the last one's.
            found: detections, pixels. size: (width, height) of the picture.
        """
        ended = tuple(i.track_id for i in self._lives if media_s - i.seen_s > self._settings.lost_s)
        self._lives = [i for i in self._lives if i.track_id not in ended]
        candidates = self._candidates(found, size)
        taken = self._match(media_s, candidates)
        for index, candidate in enumerate(candidates):
            if candidate.sure and index not in taken.values():
                self._lives.append(_Life(self._next_id, 0, candidate, media_s))
                taken[self._next_id] = index
                self._next_id += 1
        seen = [life for life in self._lives if life.track_id in taken]
        self._mark_crossings(seen)
        return TrackUpdate(tuple(self._track(life, size) for life in seen), ended)

    def _candidates(self, found: Detections, size: tuple[int, int]) -> list[_Candidate]:
        persons = found.of(PERSON, self._settings.person / 2)
        heads = found.of(HEAD, self._settings.head / 2)
        fit = _fit(persons.xyxy, heads.xyxy)
        owner = _owners(fit)
        out = []
        for i, box in enumerate(persons.xyxy):
            head = owner.get(i)
            sure = bool(persons.confidence[i] >= self._settings.person)
            if head is None:
                # With another's head where its own should be it is that person, found a second time.
                if not (fit[i] > -1).any():
                    out.append(_Candidate(as_xyxy(box), None, 0.0, sure, True))
            else:
                confidence = float(heads.confidence[head])
                sure = sure or confidence >= self._settings.head
                # A doubtful head on a sure person still says where the head is.
                out.append(_Candidate(as_xyxy(box), as_xyxy(heads.xyxy[head]), confidence, sure, True))
        for i, box in enumerate(heads.xyxy):
            if i not in owner.values():
                head_box, confidence = as_xyxy(box), float(heads.confidence[i])
                person = clipped(grown(head_box, _NEIGHBOURHOOD_HEADS), *size)
                out.append(_Candidate(person, head_box, confidence, confidence >= self._settings.head, False))
        return out

    def _match(self, media_s: float, candidates: list[_Candidate]) -> dict[int, int]:
        """track_id -> index of its candidate; updates the lives that matched."""
        taken: dict[int, int] = {}
        for sure in (True, False):
            free = [i for i, c in enumerate(candidates) if c.sure == sure and i not in taken.values()]
            lives = [life for life in self._lives if life.track_id not in taken]
            if not free or not lives:
                continue
            closeness = self._closeness(media_s, lives, [candidates[i] for i in free])
            while closeness.size and float(closeness.max()) >= self._settings.least_match:
                row, column = np.unravel_index(int(closeness.argmax()), closeness.shape)
                taken[lives[row].track_id] = free[column]
                self._continue(lives[row], candidates[free[column]], media_s)
                closeness[row, :] = closeness[:, column] = -1
        return taken

    def _closeness(self, media_s: float, lives: list[_Life], candidates: list[_Candidate]) -> Floats:
        shifts = np.asarray([np.tile(life.shift(media_s), 2) for life in lives], np.float32)
        near = np.asarray([life.last.neighbourhood for life in lives], np.float32) + shifts
        persons = np.asarray([life.last.person for life in lives], np.float32) + shifts
        by_head = iou_matrix(near, np.asarray([c.neighbourhood for c in candidates], np.float32))
        by_person = iou_matrix(persons, np.asarray([c.person for c in candidates], np.float32))
        headless = np.asarray([c.head is None for c in candidates])
        # Heads say more than bodies, which overlap in a crowd and change with every table in front.
        return np.where(headless[None, :], by_person, np.maximum(by_head, 0.7 * by_person)).astype(np.float32)

    def _continue(self, life: _Life, candidate: _Candidate, media_s: float) -> None:
        gap = media_s - life.seen_s
        if gap > self._settings.doubt_s:
            life.stretch += 1
        if gap > 0:
            step = np.subtract(centre(candidate.neighbourhood), centre(life.last.neighbourhood))
            fastest = _FASTEST_HEADS_S * (candidate.neighbourhood[3] - candidate.neighbourhood[1]) / 3
            speed = np.clip(step / gap, -fastest, fastest)
            life.speed = (_SPEED_MEMORY * life.speed + (1 - _SPEED_MEMORY) * speed).astype(np.float32)
        life.last, life.seen_s = candidate, media_s

    def _mark_crossings(self, seen: list[_Life]) -> None:
        crossing = {
            life.track_id
            for life in seen
            for other in seen
            if life is not other
            and life.last.head is not None
            and other.last.head is not None
            and iou(life.last.head, other.last.head) > self._settings.crossing_iou
        }
        for life in seen:
            now = life.track_id in crossing
            if now != life.crossing:
                life.stretch += 1
            life.crossing = now

    def _track(self, life: _Life, size: tuple[int, int]) -> Track:
        last = life.last
        height = last.person[3] - last.person[1]
        head_height = last.head[3] - last.head[1] if last.head is not None else height / 7
        feet = last.person_found and last.person[3] < 0.98 * size[1] and height >= 4.5 * head_height
        return Track(life.track_id, life.stretch, last.person, last.head, last.head_confidence, feet)


def _fit(persons: Floats, heads: Floats) -> Floats:
    """How well each head sits on each person, (N, M); -1 where it cannot be its head.

    A head lies inside its person, near the top.
    """
    if not len(persons) or not len(heads):
        return np.full((len(persons), len(heads)), -1, np.float32)
    area = np.maximum((heads[:, 2:] - heads[:, :2]).prod(axis=1), 1e-6)
    inside = intersection_matrix(persons, heads) / area[None, :]
    below_top = (heads[None, :, 1] + heads[None, :, 3]) / 2 - persons[:, None, 1]
    tallness = np.maximum(persons[:, 3] - persons[:, 1], 1e-6)[:, None]
    fits = (inside > 0.6) & (below_top < 0.55 * tallness)
    return np.where(fits, inside - below_top / tallness, -1).astype(np.float32)


def _owners(fit: Floats) -> dict[int, int]:
    """Index of person -> index of its head, best fit first."""
    left = fit.copy()
    owners: dict[int, int] = {}
    while left.size and float(left.max()) > -1:
        person, head = np.unravel_index(int(left.argmax()), left.shape)
        owners[int(person)] = int(head)
        left[person, :] = left[:, head] = -1
    return owners


def _upper_square(person: Xyxy) -> Xyxy:
    """Where the neighbourhood of the head is expected on a person without one: a square at the top."""
    x, _ = centre(person)
    side = min(person[2] - person[0], (person[3] - person[1]) * 3 / 7)
    return x - side / 2, person[1] - side / 3, x + side / 2, person[1] + side * 2 / 3
