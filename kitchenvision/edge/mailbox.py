"""Where readers put frames and the worker takes them: newest wins, every camera gets its turn, nothing piles up."""

import threading
from collections import Counter, deque
from dataclasses import dataclass

from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.types import Frame

# One that is being waited for and one that just came: more would be old when its turn comes.
_MOST_WAITING = 2


@dataclass(frozen=True)
class Arrival:
    """A frame of one connection of one camera.

    Attributes:
        camera_id, session: whose; `session` counts connections. source: the connection, for its clips.
        frame: None when the connection is over. arrived_s: steady seconds.
    """

    camera_id: str
    session: int
    source: RtspSource
    frame: Frame | None
    arrived_s: float


class Mailbox:
    """Frames of several cameras for one taker.

    Attributes:
        dropped: frames that were never taken, by camera.
    """

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self._waiting: dict[str, deque[Arrival]] = {}
        self._turn: deque[str] = deque()
        self._changed = threading.Condition()

    def put(self, arrival: Arrival) -> None:
        """Adds a frame; of one camera the oldest frame goes when more than two wait. The end of a session stays."""
        with self._changed:
            held = self._waiting.setdefault(arrival.camera_id, deque())
            if arrival.camera_id not in self._turn:
                self._turn.append(arrival.camera_id)
            held.append(arrival)
            frames = [one for one in held if one.frame is not None]
            if len(frames) > _MOST_WAITING:
                held.remove(frames[0])
                self.dropped[arrival.camera_id] += 1
            self._changed.notify()

    def forget(self, camera_id: str) -> list[Arrival]:
        """Nothing of this camera waits any more; what did, for the last time."""
        with self._changed:
            if camera_id in self._turn:
                self._turn.remove(camera_id)
            return list(self._waiting.pop(camera_id, ()))

    def waiting(self) -> bool:
        """Whether anything waits to be taken."""
        with self._changed:
            return bool(self._turn)

    def take(self, timeout_s: float) -> Arrival | None:
        """The next arrival, cameras in turn; None when none came in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._turn), timeout_s):
                return None
            camera_id = self._turn.popleft()
            held = self._waiting[camera_id]
            arrival = held.popleft()
            if held:
                self._turn.append(camera_id)
            return arrival
