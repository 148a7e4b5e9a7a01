"""What this box says of itself to the regulator: at its start, when something changes, and every ten minutes."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from kitchenvision import __version__
from kitchenvision.delivery.box import BoxLink
from kitchenvision.edge.loops import keep_on
from kitchenvision.edge.state import CameraState
from kitchenvision.errors import DeliveryRefused, DeliveryRetry
from kitchenvision.wire import ClockState
from kitchenvision.wire_box import BoxCamera, BoxShadow, BoxState, box_bytes

PROFILE = "fast"
"""Of all looks of the edge."""
_log = logging.getLogger(__name__)
_LOOK_S = 5.0
_AGAIN_S = 600.0
_FAILING_S = 60.0
_REFUSED_S = 3600.0
# What changes all the time is no reason to tell it at once.
_OF_THE_MOMENT = {"told_at", "clock", "shadow"}


def box_state(
    canteen_id: str,
    states: Sequence[CameraState],
    started_at: datetime,
    now: datetime,
    clock: ClockState | None = None,
    shadow: BoxShadow | None = None,
) -> BoxState:
    """The box as its cameras' states show it."""
    return BoxState(
        canteen_id=canteen_id,
        started_at=started_at,
        told_at=now,
        software_version=__version__,
        profile=PROFILE,
        cameras=tuple(BoxCamera(camera_id=s.camera_id, live=s.has_picture_now, model=s.model) for s in states),
        clock=clock,
        shadow=shadow,
    )


class BoxTeller:
    """Tells it, in a thread of the service.

    Args:
        link: to the regulator. state: of the box, now. steady: seconds that never go back.

    Attributes:
        problem: why the last try failed, empty after one that did not.
    """

    def __init__(
        self, link: BoxLink, state: Callable[[], BoxState], steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._link, self._state, self._steady = link, state, steady
        self._told: BoxState | None = None
        self._told_s = 0.0
        self.problem = ""

    def step(self) -> float:
        """Tell it if it is due; in how many seconds to come again."""
        state = self._state()
        if not self._due(state):
            return _LOOK_S
        try:
            self._link.tell(box_bytes(state))
        except DeliveryRefused as error:
            self._failed(str(error))
            return _REFUSED_S
        except DeliveryRetry as error:
            self._failed(str(error))
            return max(_FAILING_S, getattr(error, "retry_after_s", 0.0))
        self._told, self._told_s, self.problem = state, self._steady(), ""
        return _LOOK_S

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        keep_on(self.step, stop, _FAILING_S, "telling the regulator of this box")

    def _due(self, state: BoxState) -> bool:
        if self._told is None or self._steady() - self._told_s >= _AGAIN_S:
            return True
        return self._told.model_dump(exclude=_OF_THE_MOMENT) != state.model_dump(exclude=_OF_THE_MOMENT)

    def _failed(self, problem: str) -> None:
        if problem != self.problem:
            _log.warning("what this box is was not told: %s", problem)
        self.problem = problem
