"""What the outbox promises: nothing is lost, nothing goes twice, and the order within a violation holds."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from outbox.reports import START, blob, blobs_of, by_hash, clip, clip_blobs_of, confirmed, ended, ref, violation_id

from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.outbox import Item, Outbox, ReportConflict, Status
from kitchenvision.outbox.backoff import LEAST_DELAY_S, LONGEST_DELAY_S, delay_s
from kitchenvision.wire import Receipt, parse_report, report_bytes


class Clock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox", clock=clock, rng=random.Random(1)) as box:
        yield box


def receipt(item: Item) -> Receipt:
    return Receipt(
        idempotency_key=item.idempotency_key, report_sha256=item.sha256, received_at=START, status="accepted"
    )


def claimed(outbox: Outbox, clock: Clock, worker: str = "w", lease_s: float = 60) -> Item:
    item = outbox.claim(clock(), worker, lease_s)
    assert item is not None
    return item


def deliver_one(outbox: Outbox, clock: Clock) -> Item:
    item = claimed(outbox, clock)
    outbox.delivered(item, receipt(item))
    return item


class TestPut:
    def test_a_report_is_kept_byte_for_byte_with_its_blobs(self, outbox: Outbox) -> None:
        report = confirmed()
        assert outbox.put(report, blobs_of())
        (item,) = outbox.list()
        assert item.body == report_bytes(report)
        assert parse_report(item.body) == report
        assert item.blobs == report.blobs
        for each in item.blobs:
            assert by_hash(outbox.blob_path(each.sha256).read_bytes()).keys() == {each.sha256}

    def test_blobs_may_come_from_files(self, outbox: Outbox, tmp_path: Path) -> None:
        (sha256, data), *_ = clip_blobs_of().items()
        (tmp_path / "clip.mp4").write_bytes(data)
        outbox.put(clip(), {sha256: tmp_path / "clip.mp4"})
        assert outbox.blob_path(sha256).read_bytes() == data

    def test_the_same_report_again_changes_nothing(self, outbox: Outbox) -> None:
        assert outbox.put(confirmed(), blobs_of())
        assert not outbox.put(confirmed(), blobs_of())
        assert not outbox.put(confirmed(), {}), "its blobs need not be given again"
        assert outbox.counts().pending == 1

    def test_a_delivered_report_put_again_is_not_sent_again(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        deliver_one(outbox, clock)
        assert not outbox.put(confirmed(), blobs_of())
        assert outbox.claim(clock(), "w", 60) is None

    def test_other_content_under_the_same_key_is_refused(self, outbox: Outbox) -> None:
        outbox.put(confirmed(), blobs_of())
        with pytest.raises(ReportConflict, match=r"/1 is already in the outbox with other content"):
            outbox.put(confirmed(confidence=0.8), blobs_of())
        assert outbox.list()[0].body == report_bytes(confirmed())

    def test_a_blob_that_two_reports_name_is_stored_once(self, outbox: Outbox) -> None:
        shared = {"snapshot": blob("the same picture")}
        outbox.put(confirmed("a", shared), by_hash(*shared.values()))
        outbox.put(confirmed("b", shared), {})
        assert len([p for p in (outbox.folder / "blobs").rglob("*") if p.is_file()]) == 1

    def test_a_blob_that_is_nowhere_is_named(self, outbox: Outbox) -> None:
        with pytest.raises(StorageError, match=r"the snapshot [0-9a-f]{64} was neither given"):
            outbox.put(confirmed(), {})
        assert outbox.list() == ()

    def test_a_blob_that_is_not_what_its_hash_says_is_refused_and_leaves_nothing(self, outbox: Outbox) -> None:
        wrong = dict.fromkeys(blobs_of(), b"something else")
        with pytest.raises(StorageError, match="not what the report says: expected 10 bytes"):
            outbox.put(confirmed(), wrong)
        assert outbox.list() == ()
        assert [p for p in outbox.folder.rglob("*") if p.is_file() and p.parent.name == "incoming"] == []

    def test_a_blob_that_the_report_does_not_name_is_a_mistake_of_the_caller(self, outbox: Outbox) -> None:
        with pytest.raises(ValueError, match="does not name the blobs"):
            outbox.put(ended(), blobs_of())

    def test_a_blob_that_was_lost_on_disk_comes_back_with_the_next_put(self, outbox: Outbox) -> None:
        outbox.put(confirmed(), blobs_of())
        lost = outbox.blob_path(next(iter(blobs_of())))
        lost.unlink()
        assert not outbox.put(confirmed(), blobs_of())
        assert lost.is_file()


class TestOrder:
    def test_reports_of_one_violation_go_strictly_in_sequence(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(ended(), {})
        outbox.put(clip(), clip_blobs_of())
        assert outbox.claim(clock(), "w", 60) is None, "the first is not even there"
        outbox.put(confirmed(), blobs_of())
        for seq in (1, 2, 3):
            assert claimed(outbox, clock).seq == seq
            assert outbox.claim(clock(), "other", 60) is None, "the next waits for the receipt"
            (leased,) = outbox.list(Status.LEASED)
            outbox.delivered(leased, receipt(leased))
        assert outbox.counts().undelivered == 0

    def test_a_waiting_report_names_what_it_waits_for(self, outbox: Outbox, clock: Clock) -> None:
        for report, blobs in ((confirmed(), blobs_of()), (clip(), clip_blobs_of()), (ended(), {})):
            outbox.put(report, blobs)
        vid = violation_id("a")
        assert [item.waits_for for item in outbox.list()] == [None, f"{vid}/1", f"{vid}/1"]
        deliver_one(outbox, clock)
        assert [item.waits_for for item in outbox.list()] == [None, None, f"{vid}/2"]

    def test_new_accusations_go_before_clips_and_ends(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed("a"), blobs_of("a"))
        deliver_one(outbox, clock)
        outbox.put(clip("a"), clip_blobs_of("a"))
        outbox.put(confirmed("b"), blobs_of("b"))
        assert claimed(outbox, clock).violation_id == violation_id("b")

    def test_a_dead_report_blocks_its_followers_visibly_and_nobody_else(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed("a"), blobs_of("a"))
        outbox.put(clip("a"), clip_blobs_of("a"))
        assert outbox.dead(claimed(outbox, clock), "unknown rule")
        assert outbox.claim(clock(), "w", 60) is None
        assert outbox.next_due(clock()) is None
        first, second = outbox.list()
        assert (first.status, first.last_error, first.blocked) == (
            Status.DEAD,
            "unknown rule",
            False,
        )
        assert (second.status, second.blocked) == (Status.PENDING, True)
        assert (outbox.counts().dead, outbox.counts().blocked) == (1, 1)
        outbox.put(confirmed("b"), blobs_of("b"))
        assert claimed(outbox, clock).violation_id == violation_id("b")


class TestLeases:
    def test_a_leased_report_is_not_given_to_another(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        claimed(outbox, clock, "one")
        assert outbox.claim(clock(), "two", 60) is None

    def test_a_lease_that_ran_out_gives_the_report_back_and_the_old_holder_can_do_no_harm(
        self, outbox: Outbox, clock: Clock
    ) -> None:
        outbox.put(confirmed(), blobs_of())
        old = claimed(outbox, clock, "one", 60)
        assert outbox.next_due(clock()) == START + timedelta(seconds=60)
        clock.sleep(60)
        new = claimed(outbox, clock, "two", 60)
        assert (new.claims, new.worker) == (2, "two")
        assert not outbox.failed(old, clock(), "late")
        assert not outbox.dead(old, "late")
        assert not outbox.extend(old, clock(), 60)
        assert outbox.list()[0].status is Status.LEASED

    def test_a_late_receipt_still_counts(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        old = claimed(outbox, clock, "one", 60)
        clock.sleep(60)
        new = claimed(outbox, clock, "two", 60)
        outbox.delivered(old, receipt(old))
        assert not outbox.failed(new, clock(), "cut off")
        outbox.delivered(new, receipt(new))
        assert outbox.counts().delivered == 1

    def test_a_lease_can_be_held_longer(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        item = claimed(outbox, clock, "one", 60)
        clock.sleep(50)
        assert outbox.extend(item, clock(), 60)
        clock.sleep(50)
        assert outbox.claim(clock(), "two", 60) is None

    def test_what_a_killed_sender_held_can_be_released_at_once(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed("a"), blobs_of("a"))
        outbox.put(confirmed("b"), blobs_of("b"))
        claimed(outbox, clock, "edge")
        claimed(outbox, clock, "other")
        assert outbox.release("edge") == 1
        assert claimed(outbox, clock, "edge").claims == 2
        assert outbox.claim(clock(), "edge", 60) is None

    @pytest.mark.parametrize("lease_s", [0, -1, 3601])
    def test_a_senseless_lease_is_refused(self, outbox: Outbox, clock: Clock, lease_s: float) -> None:
        with pytest.raises(ValueError, match="expected a lease"):
            outbox.claim(clock(), "w", lease_s)


class TestBackOff:
    def test_it_doubles_up_to_ten_minutes_and_is_spread_over_the_whole_span(self) -> None:
        rng = random.Random(7)
        for failures, longest in ((1, 2), (2, 4), (5, 32), (6, 64), (9, 512), (10, 600), (5000, LONGEST_DELAY_S)):
            drawn = [delay_s(failures, rng) for _ in range(400)]
            assert max(drawn) <= longest
            assert max(drawn) > 0.9 * longest
            assert LEAST_DELAY_S <= min(drawn) <= max(LEAST_DELAY_S, 0.1 * longest)

    def test_a_failed_report_waits_and_keeps_the_reason_without_credentials(
        self, outbox: Outbox, clock: Clock
    ) -> None:
        outbox.put(confirmed(), blobs_of())
        assert outbox.failed(claimed(outbox, clock), clock(), "no route to https://me:secret@host")
        (item,) = outbox.list()
        assert (item.status, item.failures, item.claims) == (Status.PENDING, 1, 1)
        assert item.last_error == "no route to https://***@host"
        assert clock() < item.next_attempt_at <= clock() + timedelta(seconds=2)
        assert outbox.claim(clock(), "w", 60) is None
        assert outbox.next_due(clock()) == item.next_attempt_at
        clock.now = item.next_attempt_at
        assert claimed(outbox, clock).claims == 2

    def test_retry_after_is_respected_up_to_an_hour(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        outbox.failed(claimed(outbox, clock), clock(), "busy", retry_after_s=90)
        assert outbox.list()[0].next_attempt_at == START + timedelta(seconds=90)
        clock.sleep(90)
        outbox.failed(claimed(outbox, clock), clock(), "busy", retry_after_s=1e9)
        assert outbox.list()[0].next_attempt_at == clock() + timedelta(hours=1)

    def test_a_clock_that_jumped_back_strands_nothing(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed("a"), blobs_of("a"))
        outbox.put(confirmed("b"), blobs_of("b"))
        outbox.failed(claimed(outbox, clock), clock(), "down")
        claimed(outbox, clock)
        clock.now = datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)  # a box without a battery starts here
        assert outbox.next_due(clock()) == clock()
        assert {claimed(outbox, clock).violation_id for _ in range(2)} == {violation_id("a"), violation_id("b")}


class TestRetry:
    def test_a_dead_report_goes_again_when_a_person_says_so(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        outbox.put(clip(), clip_blobs_of())
        outbox.dead(claimed(outbox, clock), "refused")
        key = f"{violation_id('a')}/1"
        assert outbox.retry([key, "unknown/1"]) == (key,)
        item = claimed(outbox, clock)
        assert (item.idempotency_key, item.failures, item.claims) == (key, 0, 2)

    def test_all_takes_the_dead_and_the_waiting_but_not_what_is_on_its_way(
        self, outbox: Outbox, clock: Clock
    ) -> None:
        for name in "abc":
            outbox.put(confirmed(name), blobs_of(name))
        outbox.dead(claimed(outbox, clock), "refused")
        outbox.failed(claimed(outbox, clock), clock(), "down", retry_after_s=600)
        claimed(outbox, clock)
        assert outbox.retry() == tuple(sorted(f"{violation_id(name)}/1" for name in "ab"))
        assert outbox.counts().leased == 1
        assert [claimed(outbox, clock).violation_id for _ in range(2)] == [violation_id("a"), violation_id("b")]


class TestReceipts:
    def test_the_receipt_is_kept(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        item = deliver_one(outbox, clock)
        kept = outbox.get(item.idempotency_key)
        assert kept is not None
        assert (kept.receipt, kept.status, kept.delivered_at) == (receipt(item), Status.DELIVERED, START)
        assert outbox.get("nobody/1") is None

    def test_a_receipt_for_other_content_delivers_nothing(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        item = claimed(outbox, clock)
        with pytest.raises(ValueError, match="the receipt for"):
            outbox.delivered(item, receipt(item).model_copy(update={"report_sha256": "0" * 64}))
        assert outbox.counts().delivered == 0


class TestPrune:
    def test_only_old_delivered_reports_are_emptied(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed("old"), blobs_of("old"))
        deliver_one(outbox, clock)
        clock.sleep(86400)
        outbox.put(confirmed("new"), blobs_of("new"))
        deliver_one(outbox, clock)
        outbox.put(confirmed("waiting"), blobs_of("waiting"))
        freed = outbox.prune(START + timedelta(hours=1))
        assert freed == sum(len(data) for data in blobs_of("old").values())
        there = {
            name: all(outbox.blob_path(h).is_file() for h in blobs_of(name)) for name in ("old", "new", "waiting")
        }
        assert there == {"old": False, "new": True, "waiting": True}
        assert outbox.prune(START + timedelta(hours=1)) == 0

    def test_what_is_not_delivered_is_never_touched(self, outbox: Outbox, clock: Clock) -> None:
        for name in "abc":
            outbox.put(confirmed(name), blobs_of(name))
        outbox.dead(claimed(outbox, clock), "refused")
        claimed(outbox, clock)
        assert outbox.prune(datetime.max.replace(tzinfo=UTC)) == 0
        assert all(outbox.blob_path(each.sha256).is_file() for item in outbox.list() for each in item.blobs)

    def test_a_blob_that_an_undelivered_report_needs_too_stays(self, outbox: Outbox, clock: Clock) -> None:
        shared = {"snapshot": blob("the same picture")}
        outbox.put(confirmed("a", shared), by_hash(*shared.values()))
        deliver_one(outbox, clock)
        outbox.put(confirmed("b", shared), {})
        assert outbox.prune(START + timedelta(days=1)) == 0
        assert outbox.blob_path(ref("snapshot", shared["snapshot"]).sha256).is_file()

    def test_a_pruned_report_is_still_known(self, outbox: Outbox, clock: Clock) -> None:
        outbox.put(confirmed(), blobs_of())
        deliver_one(outbox, clock)
        outbox.prune(START + timedelta(days=1))
        assert outbox.list()[0].body == b""
        assert not outbox.put(confirmed(), blobs_of()), "the same again is no news"
        with pytest.raises(ReportConflict):
            outbox.put(confirmed(confidence=0.5), blobs_of())
        outbox.put(clip(), clip_blobs_of())
        assert claimed(outbox, clock).seq == 2, "its followers still go"

    def test_what_a_killed_put_left_behind_is_swept(self, outbox: Outbox, clock: Clock) -> None:
        orphan = outbox.blob_path("ab" * 32)
        orphan.parent.mkdir()
        orphan.write_bytes(b"whole, but no report came")
        half = outbox.folder / "incoming" / "half"
        half.write_bytes(b"ha")
        clock.now = datetime.fromtimestamp(half.stat().st_mtime, UTC) + timedelta(minutes=50)
        outbox.prune(START)
        assert not orphan.exists()
        assert half.exists(), "it may still be written to"
        clock.sleep(3600)
        outbox.prune(START)
        assert not half.exists()


class TestFolder:
    def test_it_is_all_there_after_closing_and_opening(self, tmp_path: Path, clock: Clock) -> None:
        with Outbox(tmp_path / "o", clock=clock) as outbox:
            outbox.put(confirmed(), blobs_of())
            before = outbox.list()
        with Outbox(tmp_path / "o", create=False) as outbox:
            assert outbox.list() == before

    def test_a_folder_that_is_no_outbox_is_not_made_one(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="there is no outbox in"):
            Outbox(tmp_path / "nothing", create=False)
        assert not (tmp_path / "nothing").exists()

    def test_closing_twice_is_fine(self, outbox: Outbox) -> None:
        outbox.close()
        outbox.close()

    def test_list_can_be_cut_short(self, outbox: Outbox) -> None:
        for name in "abc":
            outbox.put(confirmed(name), blobs_of(name))
        assert [item.violation_id for item in outbox.list(limit=2)] == [violation_id("a"), violation_id("b")]
