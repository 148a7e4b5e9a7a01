"""Pushes small pictures of the cameras to the regulator's wall: as often as it asks, as much as the line may carry.

`LivePlan` is pure: seconds and states in, what to send out. `LivePush` sends it.
"""

import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kitchenvision.delivery.live import LiveLink, as_body
from kitchenvision.edge.health import BLIND
from kitchenvision.edge.loops import keep_on
from kitchenvision.edge.settings import LiveSection
from kitchenvision.edge.state import CameraState
from kitchenvision.edge.words import Language, Words
from kitchenvision.errors import DeliveryRefused, DeliveryRetry
from kitchenvision.wire import LiveBatch, LivePicture, LiveState

_log = logging.getLogger(__name__)
_BLIND_AGAIN_S = 60.0
_FIRST_S = 1.0
_FAILING_S, _LONGEST_FAILING_S = 10.0, 300.0
_REFUSED_S = 600.0
_OFF_S = 2.0  # between looks whether it has been switched on
_BYTES_S = 125.0  # of one kbit/s
_MOST_PICTURES = 64  # of one batch, by the wire
_BASE64 = 4 / 3
_OVERHEAD_BYTES = 200  # of one picture in a batch, names and time
_BURST_S = 10.0  # so many seconds of the line may be used at once
_BLIND = {trouble.value for trouble in BLIND}


@dataclass(frozen=True)
class Due:
    """What to send now: pictures in one batch, and cameras that have none, each with its reason."""

    pictures: tuple[CameraState, ...]
    blind: tuple[tuple[CameraState, LiveState], ...]


class LivePlan:
    """Chooses; remembers what was sent.

    Args:
        settings: how much. words: of the language in which a blind camera's reason is told.
        now_s: any clock that never goes back; the same one in every call.
    """

    def __init__(self, settings: LiveSection, words: Words, now_s: float) -> None:
        self._bytes_s, self._words = settings.kbit_s * _BYTES_S, words
        self._saved, self._saved_s = self._bytes_s * _BURST_S, now_s
        self._wanted = 0.0  # bytes of the next picture, for which a slow line may have to save longer
        self._sent: dict[str, tuple[int, datetime]] = {}  # which was the how many-th, and of when
        self._count = 0
        self._told: dict[str, tuple[float, str]] = {}

    def limit(self, settings: LiveSection) -> None:
        """Another line."""
        self._bytes_s = settings.kbit_s * _BYTES_S

    def due(self, states: Sequence[CameraState], now_s: float, now: datetime) -> Due:
        """Of those that see, the ones with a new picture, longest unsent first, as many as the line may carry."""
        most = max(self._bytes_s * _BURST_S, self._wanted)
        self._saved = min(self._saved + (now_s - self._saved_s) * self._bytes_s, most)
        self._saved_s = now_s
        return Due(self._pictures(states), self._blind(states, now_s, now))

    def sent(self, due: Due, now_s: float, size: int) -> None:
        """It was sent: `size` bytes went over the line, taken or not."""
        self._saved -= size
        for state in due.pictures:
            assert state.picture_at is not None
            self._count += 1
            self._sent[state.camera_id] = (self._count, state.picture_at)
            self._told.pop(state.camera_id, None)
        for state, told in due.blind:
            self._told[state.camera_id] = (now_s, told.reason)

    def _pictures(self, states: Sequence[CameraState]) -> tuple[CameraState, ...]:
        fresh = [
            state
            for state in states
            if not self._reason(state)
            and state.thumbnail
            and state.picture_at is not None
            and self._sent.get(state.camera_id, (0, None))[1] != state.picture_at
        ]
        fresh.sort(key=lambda state: self._sent[state.camera_id][0] if state.camera_id in self._sent else 0)
        chosen: list[CameraState] = []
        left, self._wanted = self._saved, 0.0
        for state in fresh[:_MOST_PICTURES]:
            size = len(state.thumbnail) * _BASE64 + _OVERHEAD_BYTES
            left -= size
            if left < 0:
                self._wanted = size
                break
            chosen.append(state)
        return tuple(chosen)

    def _blind(
        self, states: Sequence[CameraState], now_s: float, now: datetime
    ) -> tuple[tuple[CameraState, LiveState], ...]:
        out = []
        for state in states:
            reason = self._reason(state)
            told_s, told = self._told.get(state.camera_id, (-_BLIND_AGAIN_S, ""))
            if reason and (reason != told or now_s - told_s >= _BLIND_AGAIN_S):
                since = now - timedelta(seconds=state.blind_s)
                out.append((state, LiveState(since=since, reason=reason)))
        return tuple(out)

    def _reason(self, state: CameraState) -> str:
        """Why there is no picture to show; empty when there is one, or it has not been called yet."""
        if not state.has_picture_now:
            return self._words("dead") if state.cause else ""
        troubles = [trouble for trouble in state.troubles if trouble in _BLIND]
        return self._words(troubles[0]) if troubles else ""


class LivePush:
    """Sends what is due, in a thread of the service.

    Args:
        link: to the wall. states: of all cameras, now. settings, language: see `LivePlan`.
        steady: seconds that never go back.

    Attributes:
        problem: why the last try failed, empty after one that did not.
    """

    def __init__(
        self,
        link: LiveLink,
        states: Callable[[], Sequence[CameraState]],
        settings: LiveSection,
        language: Language,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link, self._states, self._steady = link, states, steady
        self._plan = LivePlan(settings, Words(language), steady())
        self._settings, self._failing_s, self._next_s = settings, _FAILING_S, _FIRST_S
        self.problem = ""

    def reload(self, settings: LiveSection) -> None:
        """Other settings hold from the next batch on."""
        self._settings = settings
        self._plan.limit(settings)

    def step(self) -> float:
        """Send once; in how many seconds to come again."""
        if not self._settings.enabled:
            return _OFF_S
        due = self._plan.due(self._states(), self._steady(), datetime.now(UTC))
        try:
            for state, told in due.blind:
                self._next_s = self._link.blind(state.camera_id, told)
            size = self._send(due.pictures)
        except DeliveryRefused as error:
            self._failed(str(error))
            return _REFUSED_S
        except DeliveryRetry as error:
            self._failed(str(error))
            wait_s, self._failing_s = self._failing_s, min(2 * self._failing_s, _LONGEST_FAILING_S)
            return max(wait_s, getattr(error, "retry_after_s", 0.0))
        self._plan.sent(due, self._steady(), size)
        if self.problem:
            _log.info("live pictures go on")
        self.problem, self._failing_s = "", _FAILING_S
        return max(self._next_s, self._settings.least_s)

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set."""
        keep_on(self.step, stop, _FAILING_S, "live pictures")

    def _send(self, pictures: Sequence[CameraState]) -> int:
        """Bytes that were sent."""
        if not pictures:
            return 0
        batch = LiveBatch(
            pictures=tuple(
                LivePicture(camera_id=one.camera_id, captured_at=one.picture_at, jpeg=b64encode(one.thumbnail))
                for one in pictures
                if one.picture_at is not None
            )
        )
        body = as_body(batch)
        self._next_s = self._link.pictures(body)
        return len(body)

    def _failed(self, problem: str) -> None:
        if problem != self.problem:  # the same all night would bury everything else
            _log.warning("live pictures: %s", problem)
        self.problem = problem
