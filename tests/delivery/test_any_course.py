"""Whatever happens on the way, every report arrives once, in its order, with its blobs."""

import random
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from delivery.fake_regulator import BASE, TOKEN, FakeRegulator, problem
from delivery.line import Line
from hypothesis import given, settings
from hypothesis import strategies as st
from outbox.reports import START, blobs_of, clip, clip_blobs_of, confirmed, ended

from kitchenvision.delivery import Pace, Progress, Sender, make_client
from kitchenvision.outbox import Item, Outbox

# What passes by itself. True: only the answer is lost, what was asked for has been done.
FAULTS = {
    "cut": (httpx.RemoteProtocolError("cut"), False),
    "cut behind": (httpx.ReadError("cut"), True),
    "slow": (httpx.ReadTimeout("slow"), True),
    "down": (httpx.Response(503), False),
    "busy": (problem(429, "Too Many Requests", "", headers={"Retry-After": "7"}), False),
    "portal": (httpx.Response(200, text="<html>Welcome"), False),
    "proxy": (httpx.Response(502, text="<html>"), True),
    "token": (problem(401, "Unauthorized", "not yet known"), False),
    "odd": (httpx.Response(418), False),
}


class Course:
    """A line on which each request meets the next fault of a plan, until the plan is over."""

    def __init__(self, plan: list[str | None]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="course-"))
        self.now, self.plan = START, iter(plan)
        self.regulator, self._behind = FakeRegulator(), ""
        self.regulator.fault, self.regulator.after = self.before, self.behind

    def before(self, _: httpx.Request) -> httpx.Response | None:
        """The fault that comes before anything is done."""
        name = next(self.plan, None) or ""
        self._behind = name if name and FAULTS[name][1] else ""
        return told(name) if name and not self._behind else None

    def behind(self, _: httpx.Request) -> httpx.Response | None:
        """The fault that swallows the answer."""
        return told(self._behind) if self._behind else None

    def run(self, names: str, forget: int) -> Progress:
        """Put the reports of some violations in an order of their own, deliver; the server forgets blobs once."""

        def sleep(seconds: float) -> None:
            self.now += timedelta(seconds=seconds)

        with (
            Outbox(self.folder, clock=lambda: self.now, rng=random.Random(1)) as outbox,
            make_client(BASE, TOKEN, transport=self.regulator.transport()) as client,
        ):
            for name in names:
                outbox.put(ended(name), {})
                outbox.put(clip(name), clip_blobs_of(name))
                outbox.put(confirmed(name), blobs_of(name))
            sender = Sender(outbox, client, lambda: self.now, sleep)
            for _ in range(forget):
                sender.step()
            self.regulator.blobs.clear()
            return sender.run_until_empty(START + timedelta(days=2))


def told(name: str) -> httpx.Response:
    """The fault itself."""
    fault = FAULTS[name][0]
    if isinstance(fault, Exception):
        raise fault
    return fault


@settings(max_examples=40)
@given(st.lists(st.none() | st.sampled_from(sorted(FAULTS)), max_size=25), st.integers(0, 4))
def test_every_report_arrives_once_in_order_with_all_its_blobs(plan: list[str | None], forget: int) -> None:
    course = Course(plan)
    try:
        progress = course.run("abc", forget)
    finally:
        shutil.rmtree(course.folder)
    accepted, regulator = course.regulator.accepted, course.regulator
    assert progress.left.undelivered == 0
    assert progress.dead == 0
    assert max(Counter(accepted).values()) == 1
    for name in "abc":
        own = [key for key in accepted if key.startswith(confirmed(name).violation_id)]
        assert own == [f"{confirmed(name).violation_id}/{seq}" for seq in (1, 2, 3)]
    assert len(regulator.reports) == 9


@settings(max_examples=25)
@given(st.lists(st.none() | st.sampled_from(sorted(FAULTS)), max_size=12))
def test_what_is_told_of_a_delivery_adds_up(plan: list[str | None]) -> None:
    course = Course(plan)
    try:
        progress = course.run("a", 0)
    finally:
        shutil.rmtree(course.folder)
    assert progress.delivered == progress.left.delivered == 3
    assert progress.failed <= len([name for name in plan if name])
    assert progress.last_error == "", "what went well at last is no error any more"


def test_a_sender_of_some_kinds_ends_when_nothing_of_these_is_left(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.put_all("a")
    looks, claim = [], line.outbox.claim

    def counted(*args: Any) -> Item | None:
        looks.append(args)
        assert len(looks) < 50, "it looks for what it never sends, without a pause"
        return claim(*args)

    monkeypatch.setattr(line.outbox, "claim", counted)
    urgent = Sender(line.outbox, line.client, lambda: line.now[0], line.slept.append, Pace(kinds=("confirmed",)))
    progress = urgent.run_until_empty(START + timedelta(minutes=1))
    assert (progress.delivered, progress.left.pending, line.slept) == (1, 2, [])
    assert line.sender.run_until_empty().delivered == 2


def test_when_the_next_report_of_some_kinds_is_due_is_not_told_by_the_others(line: Line) -> None:
    line.put_all("a")
    assert line.outbox.next_due(START) is not None
    assert line.outbox.next_due(START, ("clip",)) is None, "it waits for the one before it"
    assert line.outbox.next_due(START, ("confirmed", "clip")) == line.outbox.next_due(START)
    assert line.outbox.next_due(START, ("observed",)) is None
