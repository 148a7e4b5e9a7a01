"""A camera's main stream beside the one that is looked at: kept for clips, and decoded for what builds up only."""

import logging
import random
import threading
from datetime import datetime
from pathlib import Path

from kitchenvision.edge.causes import Cause, cause_of
from kitchenvision.edge.lifecycle import Lifecycle, State
from kitchenvision.edge.reader import Wiring
from kitchenvision.errors import SourceError
from kitchenvision.frames.dialing import shown_address, without_secrets
from kitchenvision.frames.source import ClipSpan
from kitchenvision.frames.tap import PacketTap
from kitchenvision.types import MainPicture, MainUse

_log = logging.getLogger(__name__)
_LOOK_S = 0.2


class MainStream:
    """Keeps it connected, in a thread of its own; without it clips and pictures come from the stream looked at.

    Args:
        camera_id: whose. url: with credentials; it is never logged. transport: of RTSP. wiring: clock and limits.

    Attributes:
        problem: why it is not there, in words; empty while it is.
    """

    def __init__(self, camera_id: str, url: str, transport: str, wiring: Wiring) -> None:
        self.problem = ""
        self._camera_id, self._url, self._transport, self._wiring = camera_id, url, transport, wiring
        self._lifecycle = Lifecycle(wiring.limits, random.Random(), wiring.steady())
        self._stop = threading.Event()
        self._tap: PacketTap | None = None
        self._pictures: PacketTap | None = None  # the connection that pictures are of: the last that sent anything
        self._thread = threading.Thread(target=self._run, name=f"main stream {camera_id}", daemon=True)
        self._thread.start()

    def clip(self, at: datetime, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """As `PacketTap.clip`; None while there is no connection."""
        tap = self._tap
        return tap.clip(at, from_s, to_s, path) if tap is not None else None

    def picture(self, at: datetime) -> MainPicture | MainUse:
        """As `OnDemand.picture`: the main stream's picture to go with a frame that arrived `at`."""
        tap = self._pictures
        return tap.picture(at) if tap is not None else MainUse.ABSENT

    def close(self) -> None:
        """Hangs up, without waiting for a connection that may be stuck."""
        self._stop.set()
        if self._tap is not None:
            self._tap.hang_up()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._lifecycle.due(self._wiring.steady()):
                self._stop.wait(_LOOK_S)
                continue
            try:
                self._connect()
            except SourceError as error:
                self._failed(cause_of(error), without_secrets(str(error), self._url))
            except Exception as error:  # noqa: BLE001  the top of a thread; an unknown error may carry the address
                text = without_secrets(str(error), self._url)
                self._failed(Cause.UNREACHABLE, f"{type(error).__name__}: {text}")

    def _connect(self) -> None:
        limits, wiring = self._wiring.limits, self._wiring
        tap = PacketTap(self._url, self._transport, wiring.clock, limits.open_s, limits.stall_s)
        self._tap = tap
        try:
            tap.run(self._came)
        finally:
            self._tap = None
            tap.close()

    def _came(self) -> None:
        if self._lifecycle.state is not State.LIVE:
            self.problem = ""
            _log.info("camera %s: main stream", self._camera_id, extra={"camera_id": self._camera_id})
            self._pictures = self._tap
        self._lifecycle.frame(self._wiring.steady())
        if self._stop.is_set() and self._tap is not None:
            self._tap.hang_up()

    def _failed(self, cause: Cause, problem: str) -> None:
        self._lifecycle.failed(self._wiring.steady(), cause)
        if problem != self.problem:
            _log.warning(
                "camera %s: main stream: %s", self._camera_id, problem, extra={"camera_id": self._camera_id}
            )
        self.problem = problem or shown_address(self._url)
