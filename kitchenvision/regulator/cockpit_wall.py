"""The newest small picture of each camera, in memory only: a wall shows what is, and the past is in the evidence.

Time arrives with each call. A restart forgets everything; within seconds the edge boxes have sent it anew.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Lock

LIVE_S = 5.0
STALE_S = 15.0
OFFLINE_S = 60.0
LARGEST_BYTES = 60_000
MOST_CAMERAS = 64  # of one canteen
WATCHED_S = 20.0
NEXT_WATCHED_S, NEXT_UNWATCHED_S = 2.0, 10.0
Key = tuple[str, str]  # canteen, camera
# Canteen, camera, when the picture was taken and came, its stamp, whether the camera is blind, and why.
Known = tuple[str, str, datetime, datetime, int, bool, str]


class TileState(StrEnum):
    """LIVE up to 5 s, LATE up to 15 s, STALE up to 60 s; OFFLINE and BLIND have no picture."""

    LIVE = "live"
    LATE = "late"
    STALE = "stale"
    OFFLINE = "offline"
    BLIND = "blind"


@dataclass(frozen=True)
class Tile:
    """One camera as it is now.

    Attributes:
        age_s: since the picture was taken, or since the camera was last well.
        stamp: changes with each picture; 0 where there is none to show.
        reason: what the edge box says of a camera without a picture, empty when it says nothing.
    """

    canteen_id: str
    camera_id: str
    state: TileState
    age_s: float
    stamp: int
    reason: str = ""


@dataclass(frozen=True)
class _Kept:
    picture: bytes
    taken_at: datetime
    received_at: datetime
    stamp: int
    blind_since: datetime | None = None
    reason: str = ""


class WallFull(ValueError):
    """The canteen has too many cameras on the wall already."""


class Wall:
    """Pictures by camera. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[Key, _Kept] = {}
        self._asked: dict[str, datetime] = {}
        self._stamp = 0

    def put_all(self, canteen_id: str, pictures: Sequence[tuple[str, bytes, datetime]], now: datetime) -> None:
        """Keep pictures (camera, bytes, when it was taken) of a canteen.

        Raises:
            WallFull: one is of a camera too many; those before it are kept.
        """
        for camera_id, picture, taken_at in pictures:
            self.put((canteen_id, camera_id), picture, taken_at, now)

    def put(self, key: Key, picture: bytes, taken_at: datetime, now: datetime) -> None:
        """Keep a picture, unless a newer one is there.

        Raises:
            WallFull: it is of one camera too many.
        """
        # An edge clock that runs ahead must not make a picture fresher than its arrival.
        taken_at = min(taken_at, now)
        with self._lock:
            before = self._room(key, now)
            if before is not None and before.picture and before.taken_at > taken_at:
                return
            self._stamp += 1
            self._kept[key] = _Kept(picture, taken_at, now, self._stamp)

    def put_blind(self, key: Key, since: datetime, reason: str, now: datetime) -> None:
        """Note that the camera gives no usable picture; the last one is dropped at once.

        Raises:
            WallFull: it is of one camera too many.
        """
        with self._lock:
            self._room(key, now)
            self._stamp += 1
            self._kept[key] = _Kept(b"", min(since, now), now, self._stamp, min(since, now), reason)

    def _room(self, key: Key, now: datetime) -> _Kept | None:
        before = self._kept.get(key)
        own = [] if before is not None else [one for one in self._kept if one[0] == key[0]]
        if len(own) >= MOST_CAMERAS:
            # Cameras are given other names in time, and a wall lives for months: the longest silent makes room.
            oldest = min(own, key=lambda one: self._kept[one].received_at)
            if (now - self._kept[oldest].received_at).total_seconds() <= OFFLINE_S:
                raise WallFull(f"at most {MOST_CAMERAS} cameras of a canteen")
            del self._kept[oldest]
        return before

    def picture(self, key: Key, now: datetime) -> tuple[bytes, int] | None:
        """The newest picture and its stamp; None without one, and when it is too old to be shown at all."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or not kept.picture or _age(kept.taken_at, now) > OFFLINE_S:
            return None
        return kept.picture, kept.stamp

    def known(self, canteen_ids: Collection[str]) -> list[Known]:
        """Every known camera of these canteens, by canteen and camera: plain values, which travel cheaply."""
        with self._lock:
            kept = [(key, one) for key, one in self._kept.items() if key[0] in canteen_ids]
        return sorted(
            (*key, one.taken_at, one.received_at, one.stamp, one.blind_since is not None, one.reason)
            for key, one in kept
        )

    def tiles(self, canteen_ids: Collection[str], now: datetime) -> list[Tile]:
        """The same as they are shown at that instant."""
        return tiles(self.known(canteen_ids), now)

    def watch(self, canteen_ids: Collection[str], now: datetime) -> None:
        """Somebody is looking at these canteens."""
        with self._lock:
            for canteen_id in canteen_ids:
                self._asked[canteen_id] = now

    def next_in_s(self, canteen_id: str, now: datetime) -> float:
        """After how many seconds the edge box should send again: sooner while somebody is looking."""
        with self._lock:
            asked = self._asked.get(canteen_id)
        watched = asked is not None and (now - asked).total_seconds() <= WATCHED_S
        return NEXT_WATCHED_S if watched else NEXT_UNWATCHED_S


def tiles(known: Iterable[Known], now: datetime) -> list[Tile]:
    """How cameras are shown at that instant."""
    return [_tile(one, now) for one in known]


def _age(taken_at: datetime, now: datetime) -> float:
    return max((now - taken_at).total_seconds(), 0.0)


def _tile(known: Known, now: datetime) -> Tile:
    canteen_id, camera_id, taken_at, received_at, stamp, blind, reason = known
    age = _age(taken_at, now)
    if blind:
        # An edge box that said "blind" and then nothing is itself off line.
        silent = (now - received_at).total_seconds() > OFFLINE_S
        state = TileState.OFFLINE if silent else TileState.BLIND
        return Tile(canteen_id, camera_id, state, age, 0, reason)
    for limit, state in ((LIVE_S, TileState.LIVE), (STALE_S, TileState.LATE), (OFFLINE_S, TileState.STALE)):
        if age <= limit:
            return Tile(canteen_id, camera_id, state, age, stamp)
    return Tile(canteen_id, camera_id, TileState.OFFLINE, age, 0)
