"""Walls of one scope hear the same round, made once."""

import threading
import time
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.regulator.cockpit_rounds import Rounds, until_next

BEGAN = datetime(2026, 11, 20, 3, tzinfo=UTC)
Asks = list[tuple[str, float, bool]]


class Maker:
    """Counts what was made, and with what."""

    def __init__(self) -> None:
        self.counts: list[bool] = []

    def __call__(self, count: bool) -> str:
        self.counts.append(count)
        return f"{len(self.counts)}{' counted' if count else ''}"


def test_walls_of_one_scope_are_told_what_was_made_once() -> None:
    rounds, make = Rounds(2.0, 10), Maker()
    assert rounds.text("a", BEGAN, True, make) == "1 counted"
    assert rounds.text("a", BEGAN + timedelta(seconds=1.9), True, make) == "1 counted"
    assert rounds.text("a", BEGAN + timedelta(seconds=2.0), False, make) == "2"
    assert rounds.text("b", BEGAN + timedelta(seconds=2.0), True, make) == "3 counted"


def test_who_comes_new_into_a_round_without_figures_gets_them() -> None:
    rounds, make = Rounds(2.0, 10), Maker()
    rounds.text("a", BEGAN, True, make)
    later = BEGAN + timedelta(seconds=4)
    assert rounds.text("a", later, False, make) == "2"
    assert rounds.text("a", later, True, make) == "3 counted"
    assert rounds.text("a", later, False, make) == "3 counted"


def test_figures_are_counted_anew_every_tenth_round() -> None:
    rounds, make = Rounds(2.0, 10), Maker()
    for beat in range(31):
        rounds.text("a", BEGAN + timedelta(seconds=2 * beat), beat == 0, make)
    assert [i for i, count in enumerate(make.counts) if count] == [0, 10, 20, 30]


def test_scopes_that_nobody_watches_any_more_are_forgotten() -> None:
    rounds, make = Rounds(2.0, 10), Maker()
    for minute in range(30):
        rounds.text(minute, BEGAN + timedelta(minutes=3 * minute), True, make)
    assert len(rounds._rounds) == 1


def test_a_round_that_cannot_be_made_is_tried_by_the_next() -> None:
    rounds, make = Rounds(2.0, 10), Maker()

    def broken(_: bool) -> str:
        raise ConnectionError

    for _ in range(2):
        try:
            rounds.text("a", BEGAN, True, broken)
        except ConnectionError:
            continue
        raise AssertionError("it was told all the same")
    assert rounds.text("a", BEGAN, True, make) == "1 counted"


def test_who_comes_while_a_round_is_made_waits_for_it() -> None:
    rounds, made, told = Rounds(2.0, 10), [], []

    def slow(_: bool) -> str:
        time.sleep(0.05)
        made.append(1)
        return "slow"

    threads = [threading.Thread(target=lambda: told.append(rounds.text("a", BEGAN, True, slow))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert told == ["slow"] * 5


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 3), st.booleans()), max_size=60))
def test_each_gets_a_text_of_its_own_scope_and_round_and_figures_when_new(asks: Asks) -> None:
    rounds, at = Rounds(2.0, 10), BEGAN
    for key, step_s, first in asks:
        at += timedelta(seconds=step_s)

        def make(count: bool, key: str = key, at: datetime = at) -> str:
            return f"{key} {int(at.timestamp() // 2)} {count}"

        scope, beat, counted = rounds.text(key, at, first, make).split()
        assert (scope, int(beat)) == (key, int(at.timestamp() // 2))
        assert counted == "True" or not first


@given(st.floats(0, 1e6))
def test_all_wait_for_the_same_instant(after_s: float) -> None:
    at = BEGAN + timedelta(seconds=after_s)
    wait = until_next(2.0, at)
    assert 0.0 < wait <= 2.0
    assert abs((at.timestamp() + wait) / 2.0 - round((at.timestamp() + wait) / 2.0)) < 1e-3
