"""Threads towards the regulator: evidence at once, clips as the line allows, small pictures for the wall."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kitchenvision.config import minutes_of, timezone_of
from kitchenvision.delivery import Pace, Sender, make_client
from kitchenvision.delivery.box import BoxLink
from kitchenvision.delivery.live import LiveLink
from kitchenvision.delivery.throttle import Throttle
from kitchenvision.edge.box import BoxTeller
from kitchenvision.edge.live import LivePush
from kitchenvision.edge.loops import beside
from kitchenvision.edge.mutes import within
from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.state import CameraState
from kitchenvision.outbox import Outbox
from kitchenvision.outbox.queue import utc_now
from kitchenvision.wire_box import BoxState

_LIVE_TIMEOUT_S = 10.0
_CLIPS = ("clip",)
_URGENT = ("confirmed", "ended", "observed")
_NOT_BEHIND_CLIPS = ("confirmed", "observed")


@dataclass
class Delivery:
    """What goes to the regulator, and what the page says of it.

    Attributes:
        settings: may be replaced while it runs. senders: none without a regulator. throttle: of the line.
        clock: tells the time.
    """

    outbox: Outbox
    settings: EdgeSettings
    senders: Sequence[Sender]
    throttle: Throttle
    clock: Callable[[], datetime] = utc_now

    def reload(self, settings: EdgeSettings) -> None:
        """Other settings hold from now on."""
        self.settings, self.throttle.kbit_s = settings, settings.upload.kbit_s

    def clips_may_go(self) -> bool:
        """Whether it is an hour for clips."""
        return clips_due(self.settings, self.clock())

    def facts(self) -> dict[str, float | int | str]:
        """waiting, dead, delivered, oldest_s, problem. While clips wait for their hour, they make nothing old."""
        counts = self.outbox.counts()
        kinds = (*_URGENT, *_CLIPS) if self.clips_may_go() else _NOT_BEHIND_CLIPS
        oldest = self.outbox.oldest_waiting(kinds)
        age_s = (self.clock() - oldest).total_seconds() if oldest else 0.0
        return {
            "waiting": counts.pending + counts.leased,
            "dead": counts.dead,
            "delivered": counts.delivered,
            "oldest_s": round(max(0.0, age_s), 1),
            "problem": next((sender.last_error for sender in self.senders if sender.last_error), ""),
        }


def clips_due(settings: EdgeSettings, now: datetime) -> bool:
    """Whether clips may go at that instant, by the canteen's local hours."""
    hours = settings.upload.clip_hours
    local = now.astimezone(timezone_of(settings.timezone, "timezone"))
    minute = local.hour * 60 + local.minute
    return not hours or any(within(minute, *minutes_of(text)) for text in hours)


@contextmanager
def delivering(settings: EdgeSettings, where: Path, outbox: Outbox, stop: threading.Event) -> Iterator[Delivery]:
    """Two threads that deliver, so that no clip is before evidence; without a regulator all stays in the outbox."""
    throttle = Throttle(settings.upload.kbit_s, sleep=stop.wait)
    regulator = settings.regulator
    if regulator is None:
        yield Delivery(outbox, settings, (), throttle)
        return
    token = settings.token(os.environ, str(where))
    with (
        make_client(regulator.url, token, allow_http=regulator.allow_http) as client,
        make_client(regulator.url, token, allow_http=regulator.allow_http) as clip_client,
    ):
        workers = [f"edge {settings.canteen_id}", f"edge clips {settings.canteen_id}"]
        for worker in workers:
            outbox.release(worker)
        urgent = Pace(kinds=_URGENT, throttle=throttle)
        patient = Pace(kinds=_CLIPS, throttle=throttle, patient=True)
        sender = Sender(outbox, client, pace=urgent, worker=workers[0])
        clip_sender = Sender(outbox, clip_client, pace=patient, worker=workers[1])
        delivery = Delivery(outbox, settings, (sender, clip_sender), throttle)
        threads = [
            threading.Thread(target=sender.run, args=(stop,), name="delivery"),
            threading.Thread(target=clip_sender.run, args=(stop, delivery.clips_may_go), name="delivery of clips"),
        ]
        for thread in threads:
            thread.start()
        try:
            yield delivery
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            _last_delivery([sender, clip_sender] if delivery.clips_may_go() else [sender])


@contextmanager
def pushing(
    settings: EdgeSettings, where: Path, states: Callable[[], Sequence[CameraState]], stop: threading.Event
) -> Iterator[LivePush | None]:
    """A thread that sends small pictures to the regulator's wall, over a connection of its own."""
    regulator = settings.regulator
    if regulator is None:
        yield None
        return
    token = settings.token(os.environ, str(where))
    with make_client(regulator.url, token, _LIVE_TIMEOUT_S, allow_http=regulator.allow_http) as client:
        push = LivePush(LiveLink(client), states, settings.live, settings.page.language)
        with beside(push.run, stop, "live pictures"):
            yield push


@contextmanager
def telling_of_box(
    settings: EdgeSettings, where: Path, state: Callable[[], BoxState], stop: threading.Event
) -> Iterator[None]:
    """A thread that tells the regulator what this box is."""
    regulator = settings.regulator
    if regulator is None:
        yield
        return
    token = settings.token(os.environ, str(where))
    with (
        make_client(regulator.url, token, _LIVE_TIMEOUT_S, allow_http=regulator.allow_http) as client,
        beside(BoxTeller(BoxLink(client), state).run, stop, "telling of this box"),
    ):
        yield


def _last_delivery(senders: Sequence[Sender]) -> None:
    """What the workers told when they were stopped goes out, if the regulator is there."""
    deadline_s = time.monotonic() + 3.0
    going = True
    while going and time.monotonic() < deadline_s:
        outcomes = [sender.step() for sender in senders]
        going = any(outcomes) and not any(sender.last_error for sender in senders)
