"""The outbox against a model of it: any order of puts, claims, crashes, failures and retries."""

import random
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule
from outbox.reports import START, AnyReport, blobs_of, clip, clip_blobs_of, confirmed, ended, violation_id

from kitchenvision.outbox import Item, Outbox, ReportConflict, Status
from kitchenvision.wire import Receipt

NAMES = ("a", "b", "c")
LEASE_S = 60.0


@dataclass
class Expected:
    """What the model holds of one report."""

    name: str
    seq: int
    status: Status = Status.PENDING
    not_before: datetime = START  # earliest instant at which it may be claimed
    claims: int = 0
    errors: list[str] = field(default_factory=list)


class OutboxMachine(RuleBasedStateMachine):
    """Rules do one thing to the outbox and the same to the model; invariants compare the two."""

    leases: Bundle[Item] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-machine-"))
        self.now = START
        self.model: dict[str, Expected] = {}
        self.sent: list[tuple[str, int]] = []
        self.outbox = self._open()

    def _open(self) -> Outbox:
        return Outbox(self.folder, clock=lambda: self.now, rng=random.Random(3))

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.folder)

    @rule(name=st.sampled_from(NAMES), seq=st.integers(1, 3))
    def put(self, name: str, seq: int) -> None:
        report: AnyReport = {1: confirmed, 2: clip, 3: ended}[seq](name)
        blobs = {1: blobs_of(name), 2: clip_blobs_of(name), 3: {}}[seq]
        key = report.idempotency_key
        assert self.outbox.put(report, blobs) is (key not in self.model)
        self.model.setdefault(key, Expected(name, seq))

    @rule(name=st.sampled_from(NAMES))
    def put_other_content(self, name: str) -> None:
        report = ended(name, ended_s=99.0)
        if report.idempotency_key in self.model:
            with pytest.raises(ReportConflict):
                self.outbox.put(report, {})

    @rule(target=leases, worker=st.sampled_from(("one", "two")))
    def claim(self, worker: str) -> object:
        item = self.outbox.claim(self.now, worker, LEASE_S)
        due = {key for key, expected in self.model.items() if self._due(expected)}
        if item is None:
            assert not due
            return multiple()
        assert item.idempotency_key in due
        expected = self.model[item.idempotency_key]
        if any(self.model[key].seq == 1 for key in due):
            assert expected.seq == 1, "confirmed reports go first"
        expected.status, expected.claims = Status.LEASED, expected.claims + 1
        expected.not_before = self.now + timedelta(seconds=LEASE_S)
        assert item.claims == expected.claims
        return item

    @rule(item=leases)
    def deliver(self, item: Item) -> None:
        receipt = Receipt(
            idempotency_key=item.idempotency_key,
            report_sha256=item.sha256,
            received_at=self.now,
            status="accepted",
        )
        self.outbox.delivered(item, receipt)
        expected = self.model[item.idempotency_key]
        if expected.status is not Status.DELIVERED:
            self.sent.append((expected.name, expected.seq))
        expected.status = Status.DELIVERED

    @rule(item=leases)
    def extend(self, item: Item) -> None:
        assert self.outbox.extend(item, self.now, LEASE_S) is self._holds(item)
        if self._holds(item):
            self.model[item.idempotency_key].not_before = self.now + timedelta(seconds=LEASE_S)

    @rule(item=leases)
    def fail(self, item: Item) -> None:
        held = self._holds(item)
        assert self.outbox.failed(item, self.now, "down") is held
        if held:
            expected = self.model[item.idempotency_key]
            expected.status = Status.PENDING
            row = self.outbox.get(item.idempotency_key)
            assert row is not None
            wait_s = (row.next_attempt_at - self.now).total_seconds()
            assert 0 < wait_s <= 600
            expected.not_before = row.next_attempt_at

    @rule(item=leases)
    def give_up(self, item: Item) -> None:
        held = self._holds(item)
        assert self.outbox.dead(item, "refused") is held
        if held:
            self.model[item.idempotency_key].status = Status.DEAD

    @rule(name=st.sampled_from(NAMES), seq=st.integers(1, 3), everything=st.booleans())
    def retry(self, name: str, seq: int, everything: bool) -> None:
        keys = list(self.model) if everything else [f"{violation_id(name)}/{seq}"]
        expected = [
            key for key in keys if key in self.model and self.model[key].status in (Status.PENDING, Status.DEAD)
        ]
        assert self.outbox.retry(None if everything else keys) == tuple(sorted(expected))
        for key in expected:
            self.model[key].status, self.model[key].not_before = Status.PENDING, START

    @rule(seconds=st.sampled_from((1.0, 30.0, 60.0, 700.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def crash_and_reopen(self) -> None:
        abandoned = self.outbox
        self.outbox = self._open()  # before the old one is closed: a crash closes nothing
        abandoned.close()

    @rule(worker=st.sampled_from(("one", "two")))
    def restart(self, worker: str) -> None:
        held = [item.idempotency_key for item in self.outbox.list(Status.LEASED) if item.worker == worker]
        assert self.outbox.release(worker) == len(held)
        for key in held:
            self.model[key].status, self.model[key].not_before = Status.PENDING, START

    @precondition(lambda self: self.model)
    @rule(age_s=st.sampled_from((0.0, 100.0)))
    def prune(self, age_s: float) -> None:
        self.outbox.prune(self.now - timedelta(seconds=age_s))

    @invariant()
    def rows_are_as_expected(self) -> None:
        found = {item.idempotency_key: item.status for item in self.outbox.list()}
        assert found == {key: expected.status for key, expected in self.model.items()}

    @invariant()
    def violations_are_sent_in_sequence_and_each_report_once(self) -> None:
        for name in NAMES:
            seqs = [seq for sent, seq in self.sent if sent == name]
            assert seqs == list(range(1, len(seqs) + 1))

    @invariant()
    def what_is_not_delivered_has_its_blobs(self) -> None:
        for item in self.outbox.list(Status.PENDING, Status.LEASED, Status.DEAD):
            assert item.body
            assert all(self.outbox.blob_path(ref.sha256).stat().st_size == ref.size for ref in item.blobs)

    @invariant()
    def blocked_means_behind_a_dead_one(self) -> None:
        for item in self.outbox.list(Status.PENDING):
            dead = [e.seq for e in self.model.values() if e.status is Status.DEAD and self._same(e, item)]
            assert item.blocked is any(seq < item.seq for seq in dead)

    @invariant()
    def next_due_agrees_with_the_model(self) -> None:
        instants = [
            expected.not_before
            for expected in self.model.values()
            if expected.status in (Status.PENDING, Status.LEASED) and self._its_turn(expected)
        ]
        found = self.outbox.next_due(self.now)
        assert (found is None) is (not instants)
        if found is not None:
            assert (found <= self.now) is (min(instants) <= self.now)
            if found > self.now:
                assert found == min(instants)

    def _same(self, expected: Expected, item: Item) -> bool:
        return violation_id(expected.name) == item.violation_id

    def _holds(self, item: Item) -> bool:
        expected = self.model[item.idempotency_key]
        return expected.status is Status.LEASED and expected.claims == item.claims

    def _its_turn(self, expected: Expected) -> bool:
        before = [self.model.get(f"{violation_id(expected.name)}/{seq}") for seq in range(1, expected.seq)]
        return all(e is not None and e.status is Status.DELIVERED for e in before)

    def _due(self, expected: Expected) -> bool:
        waiting = expected.status in (Status.PENDING, Status.LEASED)
        return waiting and expected.not_before <= self.now and self._its_turn(expected)


OutboxMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestOutboxMachine = OutboxMachine.TestCase
