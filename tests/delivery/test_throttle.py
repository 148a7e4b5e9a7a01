"""A line that is shared: what can wait does, what is urgent goes at once and is paid for by the rest."""

import threading

import pytest
from delivery.fake_regulator import BASE, TOKEN
from delivery.line import Line
from hypothesis import given
from hypothesis import strategies as st
from outbox.reports import blob, by_hash, clip, confirmed, ended, violation_id

from kitchenvision.delivery import Outcome, Pace, Sender, make_client
from kitchenvision.delivery.throttle import Throttle


class Clock:
    """Steady seconds; sleeping makes them pass."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def throttle(kbit_s: float) -> tuple[Throttle, Clock]:
    clock = Clock()
    return Throttle(kbit_s, lambda: clock.now_s, clock.sleep), clock


def test_on_average_no_more_than_the_limit_goes_out() -> None:
    """80 kbit/s are 10 kB a second."""
    line, clock = throttle(80)
    for _ in range(20):
        line.patient(10_000)
    assert clock.now_s == 100.0 + 19.0
    clock.now_s += 60
    line.patient(10_000)
    line.patient(10_000)
    assert clock.now_s == 100.0 + 19.0 + 60.0 + 1.0


def test_what_is_urgent_goes_at_once_and_the_rest_waits_for_it_but_not_forever() -> None:
    """At most 20 seconds: a server would hang up on a clip that stops for longer."""
    line, clock = throttle(80)
    line.urgent(50_000)
    assert clock.now_s == 100.0
    line.patient(10_000)
    assert clock.now_s == 105.0
    line.urgent(10_000_000)
    line.patient(10_000)
    assert clock.now_s == 125.0


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=50), st.sampled_from([16.0, 80.0, 2000.0]))
def test_whatever_the_sizes_the_average_is_kept(sizes: list[int], kbit_s: float) -> None:
    """Everything but the last piece has had its time before that goes out."""
    line, clock = throttle(kbit_s)
    for size in sizes:
        line.patient(size)
    assert clock.now_s - 100.0 == pytest.approx(sum(sizes[:-1]) / (kbit_s * 125), rel=1e-6)


def test_without_a_limit_nobody_waits_and_it_can_be_set_while_it_is_used() -> None:
    """0 is no limit."""
    line, clock = throttle(0)
    line.urgent(10**9)
    line.patient(10**9)
    assert clock.now_s == 100.0
    line.kbit_s = 80
    line.patient(10_000)
    line.patient(10_000)
    assert clock.now_s == 101.0


def test_clips_go_by_a_sender_of_their_own_and_evidence_never_waits_for_one(line: Line) -> None:
    """The end of a violation waits for its clip, since the regulator takes them in sequence."""
    film = blob("a clip", 100_000)
    line.put_all()
    shared, clock = throttle(80)
    with make_client(BASE, TOKEN, transport=line.regulator.transport()) as client:
        urgent = Sender(line.outbox, client, pace=Pace(kinds=("confirmed", "ended"), throttle=shared), worker="a")
        clips = Sender(line.outbox, client, pace=Pace(kinds=("clip",), throttle=shared, patient=True), worker="b")
        assert clips.step() is None
        assert urgent.step() is Outcome.DELIVERED
        assert urgent.step() is None
        began_s = clock.now_s
        assert clips.step() is Outcome.DELIVERED
        assert clock.now_s >= began_s
        assert urgent.step() is Outcome.DELIVERED
    assert line.regulator.accepted == [f"{violation_id('a')}/{seq}" for seq in (1, 2, 3)]
    line.outbox.put(confirmed("b", {"clip": film}), by_hash(film))
    oldest = line.outbox.oldest_waiting(("confirmed",))
    assert oldest is not None
    assert line.outbox.oldest_waiting(("clip", "ended")) is None


def test_a_large_clip_takes_its_time(line: Line) -> None:
    """100 kB at 80 kbit/s: ten seconds, less the first piece."""
    line.put_all()
    line.sender.run_until_empty()
    film = blob("long clip", 100_000)
    first = blob("snapshot c", 10)
    line.outbox.put(confirmed("c", {"snapshot": first}), by_hash(first))
    line.outbox.put(clip("c", film), by_hash(film))
    line.outbox.put(ended("c"), {})
    line.sender.step()
    shared, clock = throttle(80)
    with make_client(BASE, TOKEN, transport=line.regulator.transport()) as client:
        pace = Pace(kinds=("clip",), throttle=shared, patient=True)
        assert Sender(line.outbox, client, pace=pace, worker="b").step() is Outcome.DELIVERED
    assert 8.0 <= clock.now_s - 100.0 <= 10.0


def test_a_sender_whose_hour_has_not_come_sends_nothing(line: Line) -> None:
    """Until it may."""
    line.put_all()
    stop, may = threading.Event(), threading.Event()
    quick = Pace(poll_s=0.01)
    with make_client(BASE, TOKEN, transport=line.regulator.transport()) as client:
        sender = Sender(line.outbox, client, pace=quick)
        thread = threading.Thread(target=sender.run, args=(stop, may.is_set))
        thread.start()
        stop.wait(0.2)
        assert line.regulator.accepted == []
        may.set()
        for _ in range(500):
            if len(line.regulator.accepted) == 3:
                break
            stop.wait(0.02)
        stop.set()
        thread.join()
    assert len(line.regulator.accepted) == 3
