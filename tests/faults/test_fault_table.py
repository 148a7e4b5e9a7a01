"""Whatever the network and the server do for a while, each report arrives once, in sequence, with its blobs.

The regulator is the real one; a proxy before it does the harm. Time is faked, the network is not.
"""

import random
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from faults.fault_proxy import Fault, FaultProxy, Upstream
from faults.processes import free_port
from outbox.reports import START, blob, by_hash, clip, confirmed, ended, violation_id

from kitchenvision.delivery import Sender, make_client
from kitchenvision.outbox import Outbox
from kitchenvision.regulator import setup
from kitchenvision.regulator.serve import serve
from kitchenvision.regulator.settings import RegulatorSettings

CANTEEN = "school-7"


class Regulator:
    """The real regulator in a thread: its port and the canteen's token."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token

    def reports_of(self, name: str) -> list[int]:
        """The seqs that it holds of a violation, after reading every blob; empty when it knows none."""
        headers = {"Authorization": f"Bearer {self.token}"}
        base = f"http://127.0.0.1:{self.port}/api/v1/violations/{violation_id(name)}"
        with httpx.Client(headers=headers, trust_env=False) as client:
            answer = client.get(base)
            if answer.status_code == 404:
                return []
            reports = answer.json()["reports"]
            for ref in [ref for report in reports for ref in report["blobs"]]:
                assert by_hash(client.get(f"{base}/{ref['role']}").content).keys() == {ref["sha256"]}
            return [report["seq"] for report in reports]


@pytest.fixture(scope="module")
def regulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulator]:
    settings = RegulatorSettings(data_dir=tmp_path_factory.mktemp("regulator"), port=free_port())
    setup.prepare(settings)
    token = setup.add_canteen(settings, CANTEEN)
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=serve, args=(settings, lambda _: ready.set(), stop))
    thread.start()
    try:
        assert ready.wait(30)
        yield Regulator(settings.port, token)
    finally:
        stop.set()
        thread.join(30)


def answers(status: str, body: str = "", headers: str = "") -> Fault:
    """A server that answers so, whatever it is asked."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
    return lambda request, upstream: (head + body).encode()


def answer_cut_at(count: int) -> Fault:
    """The request is carried out, its answer is cut after so many bytes."""
    return lambda request, upstream: upstream(request)[:count]


def twice(request: bytes, upstream: Upstream) -> bytes:
    """A proxy that repeats what it carries, as some do after a hiccup."""
    upstream(request)
    return upstream(request)


def silence(request: bytes, upstream: Upstream) -> None:
    """Nobody answers."""


def late(request: bytes, upstream: Upstream) -> None:
    """It is carried out, and the answer comes after the client has gone."""
    upstream(request)


TABLE: dict[str, tuple[Fault, int, str]] = {
    "closed at once": (answer_cut_at(0), 9, ""),
    "500": (answers("500 Internal Server Error"), 9, ""),
    "502 page of a gateway": (answers("502 Bad Gateway", "<html>no upstream</html>"), 9, ""),
    "503 with Retry-After": (answers("503 Service Unavailable", headers="Retry-After: 30\r\n"), 9, ""),
    "429": (answers("429 Too Many Requests", headers="Retry-After: 10\r\n"), 9, ""),
    "no answer": (silence, 3, ""),
    "answer too late to a blob": (late, 2, "PUT"),
    "answer too late to a report": (late, 2, "POST"),
    "answer lost": (answer_cut_at(0), 6, "POST"),
    "answer cut in its head": (answer_cut_at(20), 6, "POST"),
    "receipt cut": (lambda request, upstream: upstream(request)[:-30], 6, "POST"),
    "blob's answer lost": (answer_cut_at(0), 2, "PUT"),
    "each request twice": (twice, 99, ""),
    "each report twice, one answer lost": (
        lambda request, upstream: twice(request, upstream)[:0],
        4,
        "POST",
    ),
    "a log-in page of the Wi-Fi": (answers("200 OK", "<html>Welcome</html>"), 9, ""),
    "redirected": (answers("302 Found", headers="Location: http://127.0.0.1:9/\r\n"), 9, ""),
    "the wrong server": (answers("404 Not Found", "<html>"), 9, ""),
    "the token is not known yet": (answers("401 Unauthorized"), 9, ""),
    "no HTTP": (lambda request, upstream: b"SSH-2.0-OpenSSH_9.2\r\n", 9, ""),
}


@pytest.mark.parametrize("name", TABLE)
def test_each_report_arrives_once_in_sequence(name: str, regulator: Regulator, tmp_path: Path) -> None:
    fault, times, method = TABLE[name]
    now = [START]

    def sleep(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    snapshot, video = blob(f"snapshot {name}", 20_000), blob(f"clip {name}", 400_000)
    with (
        Outbox(tmp_path / "outbox", clock=lambda: now[0], rng=random.Random(2)) as outbox,
        FaultProxy(regulator.port, fault, times, method) as proxy,
        make_client(proxy.address, regulator.token, timeout_s=0.4 if fault in (silence, late) else 10) as client,
    ):
        outbox.put(confirmed(name, {"snapshot": snapshot}), by_hash(snapshot))
        outbox.put(clip(name, video), by_hash(video))
        outbox.put(ended(name), {})
        progress = Sender(outbox, client, lambda: now[0], sleep).run_until_empty(START + timedelta(hours=2))
        assert proxy.left <= 0 or times == 99, "the fault has happened as often as it was meant to"
    assert (progress.delivered, progress.dead, progress.left.undelivered) == (3, 0, 0), progress.last_error
    assert regulator.reports_of(name) == [1, 2, 3]
    if fault is not twice:
        assert progress.failed > 0


@pytest.mark.logs_errors  # the server may note what was cut off
def test_a_line_that_breaks_in_the_middle_of_a_blob_leaves_no_half_of_it(
    regulator: Regulator, tmp_path: Path
) -> None:
    """The harm is done on the way to the regulator, so it sees the beginning of a PUT and then the end."""
    video = blob("clip that is cut", 2_000_000)
    cuts = iter([0.2, 0.5, 0.9])

    def cut(request: bytes, upstream: Upstream) -> bytes:
        with socket.create_connection(("127.0.0.1", regulator.port)) as line:
            line.sendall(request[: int(len(request) * next(cuts))])
        return b""

    with (
        Outbox(tmp_path / "outbox") as outbox,
        FaultProxy(regulator.port, cut, 3, "PUT") as proxy,
        make_client(proxy.address, regulator.token) as client,
    ):
        now = [START]
        outbox.put(confirmed("cut", {"clip": video}), by_hash(video))

        def sleep(seconds: float) -> None:
            now[0] += timedelta(seconds=seconds)

        progress = Sender(outbox, client, lambda: now[0], sleep).run_until_empty()
    assert (progress.delivered, progress.failed) == (1, 3)
    assert regulator.reports_of("cut") == [1]
