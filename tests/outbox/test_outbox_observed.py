"""Observed time in the outbox: kept like a report, sent after what somebody waits for, forgotten once delivered."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from outbox.reports import START, blobs_of, confirmed, ended

from kitchenvision.outbox import Outbox, ReportConflict
from kitchenvision.wire import ObservedTime, Receipt, observation_id, parse_observed


def observed(seconds: float = 200.0) -> ObservedTime:
    """Five minutes of one camera."""
    return ObservedTime(
        observation_id=observation_id("school-7", "cam-1", "kitchen", "no_hat", START),
        canteen_id="school-7",
        camera_id="cam-1",
        zone="kitchen",
        rule_id="no_hat",
        from_at=START,
        to_at=START + timedelta(minutes=5),
        observed_s=seconds,
        created_at=START + timedelta(minutes=5),
    )


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox", clock=lambda: START) as one:
        yield one


def test_the_same_again_is_known_and_other_content_is_refused(outbox: Outbox) -> None:
    assert outbox.put_observed(observed())
    assert not outbox.put_observed(observed())
    with pytest.raises(ReportConflict, match="observed/"):
        outbox.put_observed(observed(201.0))
    (item,) = outbox.list()
    assert parse_observed(item.body) == observed()
    assert (item.idempotency_key, item.kind, item.blobs) == (observed().idempotency_key, "observed", ())


def test_it_goes_after_what_somebody_waits_for(outbox: Outbox) -> None:
    outbox.put_observed(observed())
    outbox.put(confirmed(), blobs_of())
    outbox.put(ended(seq=2), {})
    kinds = []
    while (item := outbox.claim(START, "worker", 60)) is not None:
        kinds.append(item.kind)
        receipt = Receipt(
            idempotency_key=item.idempotency_key, report_sha256=item.sha256, received_at=START, status="accepted"
        )
        outbox.delivered(item, receipt)
    assert kinds == ["confirmed", "ended", "observed"]


def test_once_delivered_it_is_forgotten_and_before_never(outbox: Outbox) -> None:
    outbox.put_observed(observed())
    outbox.prune(START + timedelta(days=1))
    item = outbox.claim(START, "worker", 60)
    assert item is not None
    receipt = Receipt(
        idempotency_key=item.idempotency_key, report_sha256=item.sha256, received_at=START, status="accepted"
    )
    outbox.delivered(item, receipt)
    outbox.prune(START)
    assert len(outbox.list()) == 1, "it was delivered at that instant, not before"
    outbox.prune(START + timedelta(seconds=1))
    assert outbox.list() == ()
