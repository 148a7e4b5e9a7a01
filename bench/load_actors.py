"""Who a regulator under load meets: edge boxes that deliver, boxes that push live pictures, inspectors, walls.

Each is a coroutine with one connection of its own. The client is plain asyncio, so that measuring costs little.
"""

import asyncio
import base64
import contextlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import urlencode, urlsplit

from regulator.sample import Sample, sample

from kitchenvision.wire import report_bytes

RULES = ("no_hat", "no_mask", "smoking")
RETRY_S = 1.0
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_ROW = re.compile(r"/review/([0-9a-f]{32})")


@dataclass
class Timings:
    """Seconds of each kind of request, what went wrong, and what was acknowledged."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    problems: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    receipts: int = 0
    decisions: int = 0
    wall_ages: list[float] = field(default_factory=list)
    tile_ages: list[float] = field(default_factory=list)
    last_receipt_s: float = 0.0


class Refused(Exception):
    """An answer that is not one of those expected."""


class Connection:
    """One kept connection; opened anew when it breaks."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._headers = {"Host": parts.netloc, **headers}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Status and body of one request; sent again once when the kept connection had been closed."""
        for fresh in (False, True):
            try:
                return await self._ask(method, path, body, headers)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
                if fresh:
                    raise
        raise AssertionError

    async def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        reader, writer = await self.open()
        told = {**self._headers, **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(answer[9:12])
        length = re.search(r"(?i)content-length: (\d+)", answer)
        if method == "HEAD" or status in (204, 304) or length is None:
            return status, b""
        return status, await reader.readexactly(int(length.group(1)))

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Both directions."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=1 << 22)
        return self._streams

    def close(self) -> None:
        """Twice is harmless."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def timed(
    timings: Timings, kind: str, asked: "asyncio.Future[tuple[int, bytes]]", good: Iterable[int]
) -> bytes:
    """The body of an answer, whose time is kept.

    Raises:
        Refused: another status.
    """
    began = time.perf_counter()
    status, body = await asked
    timings.seconds[kind].append(time.perf_counter() - began)
    if status not in set(good):
        timings.problems[f"{kind} {status}"] += 1
        raise Refused(f"{kind}: {status} {body[:200]!r}")
    return body


@dataclass(frozen=True)
class Material:
    """Bytes from which each violation's picture and clip are made."""

    picture: bytes
    clip: bytes
    head: bytes

    @classmethod
    def of(cls, picture_bytes: int, clip_bytes: int) -> "Material":
        """Of these sizes; like a JPEG, they cannot be compressed."""
        chance = Random(1)
        return cls(
            b"\xff\xd8\xff" + chance.randbytes(picture_bytes - 40), chance.randbytes(clip_bytes - 40), b"\xff\xd8"
        )

    def violation(self, canteen_id: str, number: int, began: datetime) -> Sample:
        """One with a picture and a clip of its own; some minutes after the one before it."""
        mark = f"{canteen_id} {number}".ljust(37).encode()[:37]
        return sample(
            number + 1,
            RULES[number % len(RULES)],
            canteen_id,
            camera_id=f"camera-{number % 4}",
            picture=self.picture + mark,
            head=self.head + mark,
            clip=self.clip + mark,
            captured_at=began + timedelta(minutes=7 * number),
        )


async def deliver(
    address: str, canteen: tuple[str, str], plan: tuple[int, float], material: Material, timings: Timings
) -> None:
    """One edge box: blobs by hash, then the reports, again until each has its receipt.

    Args:
        canteen: id and token. plan: how many violations, over how many seconds.
    """
    (canteen_id, token), (count, over_s) = canteen, plan
    connection = Connection(address, {"Authorization": f"Bearer {token}"})
    offset = Random(canteen_id).random() * over_s / count
    began, began_at = time.perf_counter(), datetime.now(UTC) - timedelta(minutes=7 * count)
    for number in range(count):
        await asyncio.sleep(max(began + offset + number * over_s / count * 0.97 - time.perf_counter(), 0.0))
        one = material.violation(canteen_id, number, began_at)
        for sha256, data in one.blobs.items():
            await _until(timings, "blob", connection, ("PUT", f"/api/v1/blobs/{sha256}", data))
        for report in one.reports:
            await _until(timings, "report", connection, ("POST", "/api/v1/reports", report_bytes(report)))
            timings.receipts += 1
        timings.last_receipt_s = time.perf_counter()
    connection.close()


async def _until(timings: Timings, kind: str, connection: Connection, asked: tuple[str, str, bytes]) -> None:
    while True:
        try:
            await timed(timings, kind, connection.ask(*asked), (200, 201))
            return
        except (Refused, ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(RETRY_S)


async def push_live(
    address: str, canteen: tuple[str, str], every_s: float, timings: Timings, cameras: int = 4
) -> None:
    """One edge box's batches of small pictures, until it is cancelled."""
    canteen_id, token = canteen
    connection = Connection(address, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    jpeg = base64.b64encode(b"\xff\xd8\xff" + Random(canteen_id).randbytes(8000)).decode()
    await asyncio.sleep(Random(canteen_id + "live").random() * every_s)
    while True:
        began = time.perf_counter()
        at = datetime.now(UTC).isoformat()
        pictures = [{"camera_id": f"camera-{i}", "captured_at": at, "jpeg": jpeg} for i in range(cameras)]
        with contextlib.suppress(Refused, ConnectionError, asyncio.IncompleteReadError):
            await timed(
                timings,
                "live",
                connection.ask("POST", "/api/v1/live", json.dumps({"pictures": pictures}).encode()),
                (200,),
            )
        await asyncio.sleep(max(began + every_s - time.perf_counter(), 0.0))


async def review(address: str, cookie: str, think_s: float, timings: Timings) -> None:
    """One inspector, until cancelled: the queue, then one after another. A step: the desk, then the decision."""
    connection = Connection(address, {"Cookie": cookie, "Accept": "text/html"})
    chance = Random(cookie)
    await asyncio.sleep(chance.random() * think_s)
    while True:
        try:
            page = (await timed(timings, "queue", connection.ask("GET", "/review"), (200,))).decode()
            waiting = list(dict.fromkeys(_ROW.findall(page)))
            for violation_id in waiting[:10]:
                await _one_step(connection, violation_id, timings)
                await asyncio.sleep(think_s * (0.5 + chance.random()))
            if not waiting:
                await asyncio.sleep(think_s)
        except (Refused, ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(RETRY_S)


async def _one_step(connection: Connection, violation_id: str, timings: Timings) -> None:
    began = time.perf_counter()
    desk = (await timed(timings, "desk", connection.ask("GET", f"/review/{violation_id}/desk"), (200,))).decode()
    shown = time.perf_counter() - began
    fields = dict(_HIDDEN.findall(desk))
    picture = f"/api/v1/violations/{violation_id}/snapshot"
    await timed(timings, "picture", connection.ask("GET", picture), (200,))
    verdict = (
        {"verdict": "rejected", "reason": "2"} if Random(violation_id).random() < 0.5 else {"verdict": "confirmed"}
    )
    form = urlencode({**fields, **verdict}).encode()
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    decided = time.perf_counter()
    asked = connection.ask("POST", f"/review/{violation_id}/decision", form, **headers)
    await timed(timings, "decide", asked, (200,))
    timings.seconds["step"].append(shown + time.perf_counter() - decided)
    timings.decisions += 1


async def watch(address: str, cookie: str, timings: Timings) -> None:
    """One wall, until cancelled. `wall_ages`: how old each picture is when a wall first hears of it."""
    while True:
        connection = Connection(address, {"Cookie": cookie, "Accept": "text/event-stream"})
        seen: dict[tuple[str, str], int] = {}
        try:
            reader, writer = await connection.open()
            writer.write(f"GET /cockpit/events HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
            while line := await reader.readline():
                if line.startswith(b"data: "):
                    _look(json.loads(line[6:]), seen, timings)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            timings.problems["wall broke"] += 1
        finally:
            connection.close()
        await asyncio.sleep(RETRY_S)


def _look(
    told: dict[str, list[list[str | float | int]]], seen: dict[tuple[str, str], int], timings: Timings
) -> None:
    for canteen_id, camera_id, _name, _state, age_s, stamp, _reason in told["tiles"]:
        key = (str(canteen_id), str(camera_id))
        timings.tile_ages.append(float(age_s))
        if stamp and seen.get(key) != stamp:
            if key in seen:
                timings.wall_ages.append(float(age_s))
            seen[key] = int(stamp)
