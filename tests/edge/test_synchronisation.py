"""Whether the box's clock is kept right: what the kernel's bound shows, and that evidence says it."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_stream import FakeStream
from hypothesis import given
from hypothesis import strategies as st
from regulator.asgi import TestClient
from staged import staged_eyes, staged_settings
from test_edge_page import DELIVERY, LIVE

from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.job import Job
from kitchenvision.edge.lifecycle import Limits
from kitchenvision.edge.mailbox import Arrival, Mailbox
from kitchenvision.edge.page import Board, create_page
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.synchronisation import ClockWatch, kernel_error_s, service_of
from kitchenvision.edge.worker import Worker
from kitchenvision.outbox import Outbox, Status
from kitchenvision.verification import verify_folder
from kitchenvision.wire import ClockState, ConfirmedReport, parse_report

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
GROWTH = 500e-6


class Kernel:
    """A box: a wall clock that may be set, and a kernel whose bound grows until somebody corrects the clock."""

    def __init__(self) -> None:
        self.now_s, self.off_s = 1000.0, 0.0
        self.bound_s, self.bound_at_s = 16.0, 1000.0
        self.asked = 0

    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.now_s - 1000 + self.off_s)

    def error_s(self) -> float:
        self.asked += 1
        return min(16.0, self.bound_s + (self.now_s - self.bound_at_s) * GROWTH)

    def correct(self, error_s: float = 0.0) -> None:
        """What a time service tells the kernel."""
        self.bound_s, self.bound_at_s = error_s, self.now_s

    def set_clock(self, by_s: float) -> None:
        """As `date -s`: the kernel forgets that it was ever synchronised."""
        self.off_s += by_s
        self.correct(16.0)

    def watch(self) -> ClockWatch:
        clock = SteadyClock(self.wall, lambda: self.now_s)
        return ClockWatch(clock, self.error_s, lambda: "chrony", lambda: self.now_s)

    def after(self, watch: ClockWatch, seconds: float) -> ClockState:
        """The service's loop looks at it once a second meanwhile."""
        for _ in range(round(seconds)):
            self.now_s += 1
            watch.tick()
        assert watch.state is not None
        return watch.state


def test_a_clock_that_nobody_keeps_is_not_synchronised() -> None:
    """As of a box without NTP: nothing is claimed of when it was right."""
    state = Kernel().watch().state
    assert state is not None
    assert (state.synchronised, state.last_sync_at, state.max_error_s) == (False, None, 16.0)
    assert state.checked_at == NOON


def test_the_bound_itself_says_how_long_ago_it_was_corrected_at_most() -> None:
    """Already at the first question: 0.1 s of error are at most 200 s of growth."""
    kernel = Kernel()
    kernel.correct(0.02)
    kernel.now_s += 160
    state = kernel.watch().state
    assert state is not None
    assert state.synchronised
    assert state.by == "chrony"
    assert state.max_error_s == pytest.approx(0.1)
    assert state.last_sync_at is not None
    assert (kernel.wall() - state.last_sync_at).total_seconds() == pytest.approx(200, abs=0.01)


def test_a_correction_between_two_questions_is_seen() -> None:
    """Even where the service leaves a bound that alone would say ten minutes."""
    kernel = Kernel()
    kernel.correct(0.3)
    watch = kernel.watch()
    kernel.after(watch, 90)
    kernel.correct(0.3)
    state = kernel.after(watch, 30)
    assert state.last_sync_at is not None
    assert NOON + timedelta(seconds=60) <= state.last_sync_at <= NOON + timedelta(seconds=90)


def test_it_is_asked_once_a_minute_and_when_the_clock_was_set() -> None:
    """Not at every frame."""
    kernel = Kernel()
    kernel.correct()
    watch = kernel.watch()
    kernel.after(watch, 59)
    assert kernel.asked == 1
    kernel.after(watch, 2)
    assert kernel.asked == 2
    kernel.set_clock(3600.0)
    state = kernel.after(watch, 1)
    assert kernel.asked == 3
    assert (state.synchronised, state.steps, state.last_step_s) == (False, 1, 3600.0)
    assert state.last_sync_at is not None, "when it was right is still known"
    assert (kernel.wall() - state.last_sync_at).total_seconds() == pytest.approx(62, abs=61)


def test_a_service_that_died_is_found_out_when_the_bound_has_run_out() -> None:
    """After less than nine hours; until then the age of the last correction grows for all to see."""
    kernel = Kernel()
    kernel.correct()
    watch = kernel.watch()
    state = kernel.after(watch, 8 * 3600)
    assert state.synchronised
    assert state.last_sync_at is not None
    assert (state.checked_at - state.last_sync_at).total_seconds() == pytest.approx(8 * 3600, abs=1)
    assert not kernel.after(watch, 3600).synchronised


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0.0, 0.5)), min_size=1, max_size=8))
def test_a_correction_is_never_told_later_than_it_was(corrections: list[tuple[int, float]]) -> None:
    """Whatever the service does: "at most so long ago" must be true, and no worse than the bound or a minute."""
    kernel = Kernel()
    kernel.correct()
    watch = kernel.watch()
    for pause_s, error_s in corrections:
        kernel.after(watch, pause_s)
        kernel.correct(error_s)
    true_s = kernel.now_s
    state = kernel.after(watch, 61)
    assert state.last_sync_at is not None
    told_s = (state.last_sync_at - NOON).total_seconds() + 1000
    assert told_s <= true_s + 0.001
    assert told_s >= true_s - max(corrections[-1][1] / GROWTH, 61)


def test_where_the_system_says_nothing_nothing_is_claimed() -> None:
    """Neither that it is synchronised nor that it is not; asked again a minute later."""
    kernel = Kernel()
    answers = [None, 0.001]
    clock = SteadyClock(kernel.wall, lambda: kernel.now_s)
    watch = ClockWatch(clock, lambda: answers.pop(0), lambda: "", lambda: kernel.now_s)
    assert watch.state is None
    for _ in range(61):
        kernel.now_s += 1
        watch.tick()
    assert watch.state is not None
    assert watch.state.synchronised


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex is of Linux")
def test_this_kernel_answers() -> None:
    """Without any right, with a bound within its range."""
    error_s = kernel_error_s()
    assert error_s is not None
    assert 0 <= error_s <= 16


def test_other_systems_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have another adjtimex, or none."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert kernel_error_s() is None


@pytest.mark.parametrize(
    ("sign", "name"),
    [("systemd/timesync/synchronized", "systemd-timesyncd"), ("chrony/chronyd.sock", "chrony"), ("other", "")],
)
def test_who_keeps_it_shows_in_run(tmp_path: Path, sign: str, name: str) -> None:
    """In a container nothing does."""
    path = tmp_path / sign
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert service_of(tmp_path) == name


def test_a_worker_s_evidence_says_how_right_its_clock_was(tmp_path: Path) -> None:
    """From a frame to the report in the outbox and the file beside the picture, which is whole."""
    kernel, mailbox = Kernel(), Mailbox()
    settings = staged_settings(tmp_path, {"cooking": "rtsp://127.0.0.1:9/none"})
    with Outbox(tmp_path / "outbox") as outbox:
        job = Job(settings, {"cooking": "rtsp://127.0.0.1:9/none"}, ("cooking",))
        worker = Worker(job, staged_eyes(), outbox, Wiring(mailbox, SteadyClock(), Limits()))
        kernel.correct()
        kernel.now_s += 30
        worker._clock_watch = kernel.watch()
        stream = FakeStream()
        for i in range(20):
            mailbox.put(Arrival("cooking", 1, stream, stream.say(i / 5), 1000 + i / 5))  # type: ignore[arg-type]
            while not worker.step():
                pass
        worker.close()
        item = outbox.list(Status.PENDING)[0]
        report = parse_report(item.body)
    assert isinstance(report, ConfirmedReport)
    assert report.clock == worker._clock_watch.state
    assert report.clock is not None
    assert report.clock.synchronised
    (sealed,) = (tmp_path / "evidence").rglob("evidence.json")
    facts = json.loads(sealed.read_text())
    assert facts["facts"]["clock"]["by"] == "chrony"
    assert facts["evidence_sha256"] == report.evidence_sha256
    assert verify_folder(sealed.parent) == []


GOOD = ClockState(checked_at=NOON, synchronised=True, by="chrony", last_sync_at=NOON, max_error_s=0.25, steps=2)


def client(clock: ClockState | None) -> TestClient:
    """The status page of a box with that clock."""
    settings = staged_settings(Path("/nowhere"), {"cooking": "rtsp://camera/live"})
    states = [replace(LIVE, picture_at=datetime.now(UTC))]
    return TestClient(
        create_page(Board(settings, lambda: states, lambda: DELIVERY, DiskFacts, clock=lambda: clock))
    )


def test_the_page_says_in_both_languages_when_it_was_corrected_and_by_whom() -> None:
    """Beside the disk: the ages are of now."""
    synced = GOOD.model_copy(update={"last_sync_at": datetime.now(UTC) - timedelta(seconds=185)})
    one = client(synced)
    assert "synchronised at most 3 min ago · chrony" in one.get("/?lang=en").text
    assert "已同步，最近一次校时在 3 分钟内 · chrony" in one.get("/?lang=zh").text
    assert "Set up NTP" not in one.get("/?lang=en").text


def test_the_page_says_what_to_do_where_nothing_keeps_it_right() -> None:
    """And nothing at all where the system does not say."""
    off = GOOD.model_copy(update={"synchronised": False})
    assert "▲ clock" in client(off).get("/?lang=en").text
    assert "Set up NTP" in client(off).get("/?lang=en").text
    assert "请配置时间同步" in client(off).get("/?lang=zh").text
    assert "synchronised" not in client(None).get("/?lang=en").text


def test_machines_get_it_too() -> None:
    """In the API and as metrics; none of them where nothing is known."""
    one = client(GOOD)
    assert one.get("/api/state").json()["clock"]["max_error_s"] == 0.25
    lines = one.get("/metrics").text.splitlines()
    assert "kitchenvision_clock_synchronised 1" in lines
    assert "kitchenvision_clock_error_seconds 0.25" in lines
    assert "kitchenvision_clock_steps_total 2" in lines
    assert f"kitchenvision_clock_last_sync_timestamp_seconds {NOON.timestamp():.0f}" in lines
    assert client(None).get("/api/state").json()["clock"] is None
    assert "clock_synchronised" not in client(None).get("/metrics").text
