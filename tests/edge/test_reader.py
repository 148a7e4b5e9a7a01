"""A camera's connection in threads: what is stuck is given up, what breaks is called again, and nobody is named."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fake_stream import FakeStream

from kitchenvision.edge.causes import Cause
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.lifecycle import Limits, State
from kitchenvision.edge.mailbox import Mailbox
from kitchenvision.edge.reader import Reader, Wiring
from kitchenvision.errors import SourceUnreadable
from kitchenvision.frames.dialing import CameraRefused
from kitchenvision.frames.source import SourceOptions

URL = "rtsp://viewer:hunter2@camera.local/live?token=hunter2"


class Net:
    """The network: says what opening gives; time only passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.opened: list[FakeStream] = []
        self.failure: Exception | None = None
        self.stuck = threading.Event()
        self.hangs = False
        self.mailbox = Mailbox()
        wiring = Wiring(
            self.mailbox,
            SteadyClock(),
            Limits(),
            self.open,
            lambda: self.now_s,
            random.Random(7),  # type: ignore[arg-type]
        )
        self.reader = Reader("cooking", URL, SourceOptions(), wiring)

    def open(self, *_: object) -> FakeStream:
        if self.hangs:
            self.stuck.wait(10)
        if self.failure:
            raise self.failure
        self.opened.append(FakeStream())
        return self.opened[-1]

    def until(self, done: Callable[[], bool]) -> None:
        """Real threads need a moment."""
        deadline = time.monotonic() + 5
        while not done():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def picture(self, media_s: float = 0.0) -> None:
        """A frame arrives and is taken."""
        self.opened[-1].say(media_s)
        self.until(lambda: self.mailbox.take(0.0) is not None)

    def live(self) -> None:
        """Called, and a first picture."""
        before = len(self.opened)
        self.reader.tick()
        self.until(lambda: len(self.opened) > before)
        self.picture()


@pytest.fixture
def net() -> Iterator[Net]:
    """And nothing is left running."""
    one = Net()
    yield one
    one.stuck.set()
    one.reader.close()


def test_a_stream_that_breaks_is_called_again(net: Net) -> None:
    """Its end reaches the worker, the cause is known, and the new connection is another session."""
    net.live()
    first = net.reader.session
    net.opened[0].end()
    net.until(lambda: net.reader.lifecycle.state is State.BACKING_OFF)
    assert net.reader.lifecycle.cause is Cause.ENDED
    ended = net.mailbox.take(1.0)
    assert ended is not None
    assert ended.frame is None
    net.now_s = net.reader.lifecycle.next_try_s
    net.live()
    assert net.reader.session > first
    assert net.reader.lifecycle.state is State.LIVE
    assert net.reader.problem == ""


def test_a_stream_that_stalls_is_given_up_without_waiting_for_it(net: Net) -> None:
    """The frames that come of it later are nobody's."""
    net.live()
    net.now_s = 25.0
    net.reader.tick()
    assert net.reader.lifecycle.state is State.BACKING_OFF
    assert net.reader.lifecycle.cause is Cause.STALLED
    ended = net.mailbox.take(1.0)
    assert ended is not None
    assert ended.frame is None
    net.opened[0].say(1.0)
    time.sleep(0.05)
    assert net.mailbox.take(0.0) is None


def test_a_reader_that_hangs_in_native_code_is_counted_and_does_not_hold_up_the_next(net: Net) -> None:
    """It cannot be killed, only left behind."""
    net.hangs = True
    net.reader.tick()
    net.now_s = 20.0
    net.reader.tick()
    assert net.reader.abandoned == 1
    net.hangs = False
    net.now_s = net.reader.lifecycle.next_try_s
    net.live()
    assert net.reader.lifecycle.state is State.LIVE
    assert net.reader.abandoned == 1
    net.stuck.set()
    net.until(lambda: net.reader.abandoned == 0)
    assert net.opened[-1].closed.wait(5), "what a late opening brought is closed again"


def test_causes_come_from_the_errors(net: Net) -> None:
    """A wrong password is asked seldom."""
    net.failure = CameraRefused("rtsp://camera.local/live: the camera refuses this user or password")
    net.reader.tick()
    net.until(lambda: net.reader.lifecycle.state is State.BACKING_OFF)
    assert net.reader.lifecycle.cause is Cause.WRONG_PASSWORD
    assert "refuses" in net.reader.problem


@pytest.mark.parametrize(
    "failure",
    [
        SourceUnreadable(f"{URL}: nothing"),
        RuntimeError(f"cannot open {URL}"),
        OSError(5, "Input/output error", URL),
    ],
)
def test_no_credential_reaches_a_log_or_the_page(
    net: Net, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even out of an error that nobody foresaw and that carries the whole address."""
    caplog.set_level(logging.DEBUG)
    net.failure = failure
    net.reader.tick()
    net.until(lambda: net.reader.lifecycle.state is State.BACKING_OFF)
    net.until(lambda: bool(caplog.records))
    assert "hunter2" not in caplog.text
    assert "hunter2" not in net.reader.problem
    assert "viewer" not in net.reader.problem


def test_the_same_trouble_is_logged_once(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    """A camera that is off for a week-end must not bury everything else."""
    net.failure = CameraRefused("rtsp://camera.local/live: refused")
    for tries in range(1, 6):
        net.now_s = net.reader.lifecycle.next_try_s
        net.reader.tick()
        net.until(lambda tries=tries: sum(net.reader.lifecycle.reconnects.values()) == tries)  # type: ignore[misc]
    net.until(lambda: bool(caplog.records))
    assert len(caplog.records) == 1
