"""What the sender makes of each answer, and that it never gives up what could still arrive."""

import logging
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from delivery.fake_regulator import BASE, TOKEN, problem
from delivery.line import Line
from outbox.reports import START, blob, blobs_of, by_hash, clip, confirmed, ended, ref, violation_id

from kitchenvision.delivery import Outcome, Pace, Sender, make_client
from kitchenvision.delivery.answers import retry_after_s
from kitchenvision.errors import StorageError
from kitchenvision.outbox import Outbox, Status

KEY = f"{violation_id('a')}/1"


class TestTheWay:
    def test_blobs_go_first_then_the_report_as_stored(self, line: Line) -> None:
        line.put_all()
        progress = line.sender.run_until_empty()
        assert (progress.delivered, progress.failed, progress.dead) == (3, 0, 0)
        assert progress.left.undelivered == 0
        assert line.regulator.accepted == [f"{violation_id('a')}/{seq}" for seq in (1, 2, 3)]
        assert [item.body for item in line.outbox.list()] == list(line.regulator.reports.values())
        assert [r.split()[0] for r in line.regulator.requests] == ["PUT", "PUT", "POST", "PUT", "POST", "POST"]
        assert line.slept == []

    def test_a_blob_that_came_with_a_failed_attempt_is_not_sent_again(self, line: Line) -> None:
        line.outbox.put(confirmed(), blobs_of())
        down = iter([httpx.Response(500)])
        line.regulator.fault = lambda r: next(down, None) if r.method == "POST" else None
        assert line.sender.run_until_empty().delivered == 1
        methods = [r.split()[0] for r in line.regulator.requests]
        assert methods == ["PUT", "PUT", "POST", "HEAD", "HEAD", "POST"]

    def test_a_large_blob_is_streamed_with_its_length_and_holds_the_lease(self, tmp_path: Path) -> None:
        data = blob("a long clip ", 3_000_000)
        report = confirmed("big", {"clip": data})
        now = [START]
        seen: list[tuple[str | None, int]] = []

        class Slow(httpx.BaseTransport):
            """Takes ten seconds for each piece of a body."""

            def handle_request(self, request: httpx.Request) -> httpx.Response:
                if request.method == "PUT":
                    pieces = 0
                    assert isinstance(request.stream, httpx.SyncByteStream)
                    for _ in request.stream:
                        pieces += 1
                        now[0] += timedelta(seconds=10)
                    seen.append((request.headers.get("Content-Length"), pieces))
                    assert other.claim(now[0], "other", 60) is None, "the lease is still held"
                    return httpx.Response(201)
                return httpx.Response(404 if request.method == "HEAD" else 503)

        with Outbox(tmp_path / "o", clock=lambda: now[0]) as outbox, Outbox(tmp_path / "o") as other:
            outbox.put(report, by_hash(data))
            with make_client(BASE, TOKEN, transport=Slow()) as client:
                assert Sender(outbox, client, lambda: now[0]).step() is Outcome.AWAY
        assert seen[0][0] == str(len(data))
        assert seen[0][1] > 10

    def test_a_sender_whose_lease_was_taken_stops(self, tmp_path: Path) -> None:
        now = [START]

        def handler(request: httpx.Request) -> httpx.Response:
            now[0] += timedelta(seconds=100)
            assert other.claim(now[0], "other", 60) is not None
            return httpx.Response(201)

        with Outbox(tmp_path / "o", clock=lambda: now[0]) as outbox, Outbox(tmp_path / "o") as other:
            outbox.put(confirmed(), blobs_of())
            with make_client(BASE, TOKEN, transport=httpx.MockTransport(handler)) as client:
                sender = Sender(outbox, client, lambda: now[0])
                assert sender.step() is Outcome.RETRY
            assert "longer than the lease" in sender.last_error
            assert outbox.list()[0].status is Status.LEASED
            assert outbox.list()[0].worker == "other"


AWAY = {
    "down": (httpx.ConnectError("[Errno 111] Connection refused"), "cannot be reached: ConnectError"),
    "slow": (httpx.ReadTimeout("timed out"), "cannot be reached: ReadTimeout"),
    "cut": (httpx.RemoteProtocolError("peer closed connection"), "RemoteProtocolError"),
    "wrong token": (
        problem(401, "Unauthorized", "not known"),
        "REFUSES THE TOKEN .*not known.*_TOKEN",
    ),
    "locked out": (problem(403, "Forbidden", "revoked"), "REFUSES THE TOKEN .*revoked"),
    "other page": (httpx.Response(404, text="<html>"), "no regulator's API .*check the address"),
    "moved": (httpx.Response(301, headers={"Location": "https://new.example"}), "sends on to https://new.example"),
    "throttled": (problem(429, "Too Many Requests", "slow down"), "cannot take reports now"),
    "broken": (httpx.Response(500, text="Internal Server Error"), "cannot take reports now .HTTP 500"),
    "gateway": (httpx.Response(502, text="<html>"), "HTTP 502"),
    "restarting": (problem(503, "Unavailable", "starting"), "HTTP 503 Unavailable: starting"),
    "portal": (httpx.Response(200, text="<html>Welcome to our Wi-Fi"), "200 without a receipt: is it a regulator"),
    "no content": (httpx.Response(204), "204 without a receipt"),
}


@pytest.mark.parametrize("name", AWAY)
def test_what_can_pass_is_tried_again_and_the_reason_is_kept(name: str, line: Line) -> None:
    answer, words = AWAY[name]
    line.outbox.put(ended(seq=1), {})

    def fault(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    line.regulator.fault = fault
    assert line.sender.step() is Outcome.AWAY
    item = line.only()
    assert (item.status, item.failures) == (Status.PENDING, 1)
    line.regulator.fault = lambda _: None
    assert re.search(words, item.last_error)
    assert line.sender.run_until_empty().delivered == 1
    assert line.sender.last_error == ""
    assert line.outbox.list()[0].last_error == ""


REFUSED = {
    "field": (problem(422, "Unprocessable", "unknown rule", field="rule_id"), r"unknown rule \(field rule_id\)"),
    "conflict": (problem(409, "Conflict", "other content under this key"), "other content under this key"),
    "too large": (problem(413, "Content Too Large", "at most 1 MB"), "at most 1 MB"),
    "too large for a proxy": (httpx.Response(413, text="<html>"), "HTTP 413"),
    "malformed": (problem(400, "Bad Request", "no JSON"), "no JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_regulator_will_never_take_is_dead_with_its_words(name: str, line: Line) -> None:
    answer, words = REFUSED[name]
    line.outbox.put(ended(seq=1), {})
    line.regulator.fault = lambda _: answer
    progress = line.sender.run_until_empty()
    assert (progress.dead, progress.left.dead, progress.delivered) == (1, 1, 0)
    assert re.search(words, line.only().last_error)
    assert len(line.regulator.requests) == 1, "it is not tried again by itself"
    line.regulator.fault = lambda _: None
    line.outbox.retry()
    assert line.sender.run_until_empty().delivered == 1


ONLY_THIS = {
    "gap": (problem(409, "Conflict", "expected seq 2", expected_seq=2), "lacks an earlier report"),
    "gap by type": (
        problem(409, "Conflict", "", **{"type": "https://x/problems/sequence-gap"}),
        "lacks an earlier report",
    ),
    "no problem": (httpx.Response(409, text="<html>"), "not one of a regulator"),
    "teapot": (httpx.Response(418), "not one of a regulator: HTTP 418"),
    "bare 422": (httpx.Response(422, json={"detail": [{"msg": "?"}]}), "not one of a regulator"),
}


@pytest.mark.parametrize("name", ONLY_THIS)
def test_what_concerns_one_report_does_not_hold_up_the_others(name: str, line: Line) -> None:
    answer, words = ONLY_THIS[name]
    line.outbox.put(ended("a", seq=1), {})
    line.outbox.put(ended("b", seq=1), {})
    line.regulator.fault = lambda request: answer if violation_id("a").encode() in request.content else None
    assert line.sender.step() is Outcome.RETRY
    assert line.sender.step() is Outcome.DELIVERED
    assert line.slept == []
    (item,) = line.outbox.list(Status.PENDING)
    assert re.search(words, item.last_error)


class TestReceipts:
    def test_a_receipt_for_other_bytes_delivers_nothing(self, line: Line) -> None:
        line.outbox.put(ended(seq=1), {})
        other = '{"idempotency_key": "%s", "report_sha256": "%s", "received_at": "%s", "status": "accepted"}'
        line.regulator.fault = lambda _: httpx.Response(201, text=other % (KEY, "0" * 64, START.isoformat()))
        assert line.sender.step() is Outcome.RETRY
        assert "the receipt is for" in line.only().last_error
        assert line.only().status is Status.PENDING

    def test_an_answer_lost_on_the_way_is_asked_for_again_and_counts_once(self, line: Line) -> None:
        line.put_all()
        lost: list[str] = []

        def cut(request: httpx.Request) -> None:
            if len(lost) < 3 and request.method == "POST":
                lost.append(request.url.path)
                raise httpx.ReadError("connection reset")

        line.regulator.after = cut
        progress = line.sender.run_until_empty()
        assert (progress.delivered, progress.failed) == (3, 3)
        assert len(line.regulator.accepted) == len(set(line.regulator.accepted)) == 3
        first = line.outbox.get(KEY)
        assert first is not None
        assert first.receipt is not None
        assert first.receipt.status == "duplicate"


class TestBlobs:
    def test_blobs_that_the_regulator_has_lost_are_sent_again_at_once(self, line: Line) -> None:
        line.outbox.put(confirmed(), blobs_of())
        claimed_to_have = iter([True, True])
        line.regulator.fault = lambda r: (
            httpx.Response(200) if r.method == "HEAD" and next(claimed_to_have, False) else None
        )
        assert line.sender.step() is Outcome.DELIVERED
        assert line.regulator.blobs == blobs_of()

    def test_a_regulator_that_cannot_keep_blobs_is_tried_again(self, line: Line) -> None:
        line.outbox.put(confirmed(), blobs_of())
        line.regulator.after = lambda r: line.regulator.blobs.clear() if r.method == "PUT" else None
        assert line.sender.step() is Outcome.RETRY
        assert "lacks blobs that were just sent" in line.only().last_error

    def test_a_blob_cut_on_the_way_is_sent_again(self, line: Line) -> None:
        line.outbox.put(confirmed(), blobs_of())
        cut = iter([problem(422, "Unprocessable", "the hash differs")])
        line.regulator.fault = lambda r: next(cut, None) if r.method == "PUT" else None
        assert line.sender.step() is Outcome.RETRY
        assert "snapshot was not taken: HTTP 422" in line.only().last_error
        assert line.sender.run_until_empty().delivered == 1

    @pytest.mark.parametrize(
        ("harm", "words"),
        [
            (lambda path: path.unlink(), "is missing"),
            (lambda path: path.write_bytes(b"short"), "5 bytes long, expected 10"),
            (lambda path: path.write_bytes(b"0123456789"), "is damaged"),
        ],
    )
    def test_a_blob_that_the_disk_has_spoilt_is_dead_until_it_is_put_again(
        self, line: Line, harm: object, words: str
    ) -> None:
        line.outbox.put(confirmed(), blobs_of())
        path = line.outbox.blob_path(ref("snapshot", blob("snapshot a")).sha256)
        assert callable(harm)
        harm(path)
        assert line.sender.step() is Outcome.DEAD
        assert words in line.only().last_error
        path.unlink(missing_ok=True)
        line.outbox.put(confirmed(), blobs_of())
        line.outbox.retry()
        assert line.sender.step() is Outcome.DELIVERED

    def test_a_blob_too_large_for_the_regulator_is_dead(self, line: Line) -> None:
        line.outbox.put(clip(seq=1), by_hash(blob("clip a", 5000)))
        line.regulator.fault = lambda r: problem(413, "Too Large", "at most 4 KB") if r.method == "PUT" else None
        assert line.sender.step() is Outcome.DEAD
        assert re.search(r"the clip \(\d+ bytes\) is too large .*at most 4 KB", line.only().last_error)

    def test_a_blob_that_cannot_be_read_now_is_tried_again(
        self, line: Line, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line.outbox.put(confirmed(), blobs_of())

        def broken(*_: object) -> Iterator[bytes]:
            yield b"snap"
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(line.sender, "_chunks", broken)
        assert line.sender.step() is Outcome.RETRY
        assert "cannot be read" in line.only().last_error


class TestPauses:
    def test_while_the_regulator_is_down_it_looks_every_five_seconds(self, line: Line) -> None:
        for name in "abcdef":
            line.outbox.put(ended(name, seq=1), {})
        line.regulator.fault = lambda _: httpx.Response(500)
        progress = line.sender.run_until_empty(START + timedelta(seconds=22))
        assert line.slept == [5, 5, 5, 5, 2]
        assert (progress.delivered, progress.failed, progress.left.pending) == (0, 5, 6)
        assert "HTTP 500" in progress.last_error

    @pytest.mark.parametrize("header", ["40", "Mon, 02 Mar 2026 08:00:40 GMT"])
    def test_retry_after_holds_for_the_report_and_for_the_sender(self, line: Line, header: str) -> None:
        line.outbox.put(ended(seq=1), {})
        busy = iter([problem(429, "Too Many Requests", "", headers={"Retry-After": header})])
        line.regulator.fault = lambda _: next(busy, None)
        assert line.sender.run_until_empty().delivered == 1
        assert line.slept == [40]

    @pytest.mark.parametrize(("header", "seconds"), [("", 0), ("soon", 0), ("-5", 0), ("99999", 3600), ("1.5", 0)])
    def test_a_retry_after_that_makes_no_sense_does_no_harm(self, header: str, seconds: float) -> None:
        assert retry_after_s(header, START) == seconds

    def test_a_report_goes_within_a_minute_after_a_long_outage(self, line: Line) -> None:
        line.outbox.put(ended(seq=1), {})
        line.regulator.fault = lambda _: httpx.Response(503)
        line.sender.run_until_empty(START + timedelta(minutes=30))
        back = line.now[0]
        assert line.only().failures > 20
        line.regulator.fault = lambda _: None
        assert line.sender.run_until_empty().delivered == 1
        assert (line.now[0] - back).total_seconds() <= 60

    def test_it_waits_for_the_lease_of_a_killed_sender(self, line: Line) -> None:
        line.outbox.put(ended(seq=1), {})
        line.outbox.claim(START, "killed", 60)
        assert line.sender.run_until_empty().delivered == 1
        assert line.slept == [60]

    def test_it_does_not_wait_for_what_needs_a_person(self, line: Line) -> None:
        line.put_all()
        line.regulator.fault = lambda r: problem(422, "No", "") if r.method == "POST" else None
        progress = line.sender.run_until_empty()
        assert (progress.dead, progress.left.blocked, line.slept) == (1, 2, [])

    def test_a_deadline_that_is_over_tries_nothing(self, line: Line) -> None:
        line.put_all()
        assert line.sender.run_until_empty(START).delivered == 0
        assert line.regulator.requests == []


class TestSecrets:
    def test_the_token_is_neither_stored_nor_logged_whatever_the_server_says(
        self, line: Line, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        line.outbox.put(ended(seq=1), {})
        line.regulator.fault = lambda _: problem(401, "Unauthorized", f"{TOKEN} at http://u:pw@host is unknown")
        line.sender.step()
        assert "*** at http://***@host is unknown" in line.only().last_error
        line.outbox.close()
        everything = caplog.text + line.sender.last_error
        stored = b"".join(p.read_bytes() for p in line.outbox.folder.rglob("*") if p.is_file())
        assert TOKEN not in everything
        assert TOKEN.encode() not in stored
        assert "pw@" not in everything

    def test_a_reason_is_logged_once_and_its_end_too(self, line: Line, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "kitchenvision")
        line.outbox.put(ended(seq=1), {})
        down = [True]
        line.regulator.fault = lambda _: httpx.Response(500) if down[0] else None
        line.sender.run_until_empty(START + timedelta(seconds=30))
        down[0] = False
        line.sender.run_until_empty()
        levels = [record.levelname for record in caplog.records if record.name.startswith("kitchenvision")]
        assert levels == ["WARNING", "INFO"]

    def test_an_endless_answer_is_not_read_to_its_end(self, line: Line) -> None:
        line.outbox.put(ended(seq=1), {})
        read: list[int] = []

        class Endless(httpx.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                while True:
                    read.append(1 << 15)
                    yield b" " * (1 << 15)

        line.regulator.fault = lambda _: httpx.Response(200, stream=Endless())
        assert line.sender.step() is Outcome.AWAY
        assert sum(read) < 1 << 18


class TestRun:
    """The loop of a service, with real threads and a pace of milliseconds."""

    PACE = Pace(poll_s=0.005, failing_poll_s=0.005)

    def test_it_delivers_what_comes_until_it_is_stopped(self, tmp_path: Path, line: Line) -> None:
        sender = Sender(line.outbox, line.client, lambda: line.now[0], pace=self.PACE)
        stop = threading.Event()
        thread = threading.Thread(target=sender.run, args=(stop,))
        thread.start()
        try:
            for name in "ab":
                line.put_all(name)
                assert _until(lambda: line.outbox.counts().undelivered == 0)
        finally:
            stop.set()
            thread.join(5)
        assert not thread.is_alive()
        assert len(line.regulator.accepted) == 6

    @pytest.mark.logs_errors
    def test_it_outlives_an_error_that_nobody_foresaw(
        self, line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        line.outbox.put(ended(seq=1), {})
        sender = Sender(line.outbox, line.client, lambda: line.now[0], pace=self.PACE)
        real, failing = line.outbox.claim, iter([True])

        def claim(*args: object) -> object:
            if next(failing, False):
                raise StorageError("database is locked")
            return real(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(line.outbox, "claim", claim)
        stop = threading.Event()
        thread = threading.Thread(target=sender.run, args=(stop,))
        thread.start()
        try:
            assert _until(lambda: line.outbox.counts().delivered == 1)
        finally:
            stop.set()
            thread.join(5)
        assert "Traceback" in caplog.text
        assert "database is locked" in caplog.text


def _until(true: object, tries: int = 2000) -> bool:
    assert callable(true)
    pause = threading.Event()
    return any(true() or pause.wait(0.005) for _ in range(tries))
