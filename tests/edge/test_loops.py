"""Threads of a block, and loops that outlive any mistake below them."""

import threading

import pytest

from kitchenvision.edge.loops import beside, keep_on


class Pauses(threading.Event):
    """A stop that comes after so many pauses, and takes none."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.seconds = most, []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        if len(self.seconds) >= self.most:
            self.set()
        return self.is_set()


def test_it_pauses_as_long_as_each_step_says() -> None:
    stop, told = Pauses(3), iter([1.0, 2.0, 3.0])
    keep_on(lambda: next(told), stop, 60.0, "this")
    assert stop.seconds == [1.0, 2.0, 3.0]


@pytest.mark.logs_errors
def test_it_goes_on_after_an_error_and_tells_it_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    stop, done = Pauses(3), []

    def step() -> float:
        done.append(1)
        if len(done) == 2:
            raise LookupError("not foreseen")
        return 5.0

    keep_on(step, stop, 60.0, "counting")
    assert stop.seconds == [5.0, 60.0, 5.0]
    [record] = caplog.records
    assert record.getMessage().startswith("counting: it goes on")
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_nothing_is_done_after_the_stop() -> None:
    stop = threading.Event()
    stop.set()
    keep_on(lambda: pytest.fail("a step after the stop"), stop, 1.0, "this")


@pytest.mark.parametrize("wrong", [False, True])
def test_what_runs_beside_a_block_has_ended_when_the_block_has(wrong: bool) -> None:
    stop, seen = threading.Event(), []

    def run(until: threading.Event) -> None:
        seen.append(threading.current_thread().name)
        until.wait()
        seen.append("ended")

    def block() -> None:
        with beside(run, stop, "beside"):
            if wrong:
                raise ConnectionError

    if wrong:
        with pytest.raises(ConnectionError):
            block()
    else:
        block()
    assert seen == ["beside", "ended"]
    assert stop.is_set()
