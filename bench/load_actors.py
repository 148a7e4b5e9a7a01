"""Who a regulator under load meets: edge boxes that deliver, boxes that push live pictures, inspectors, walls.

Each is a coroutine with one connection of its own. The client is plain asyncio, and what it sends is cut from
templates, so that measuring costs little.
"""

import asyncio
import contextlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

from load_material import Material, live_batch

RETRY_S = 1.0
FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_ROW = re.compile(r'class="item" href="/review/([0-9a-f]{32})')


@dataclass(frozen=True)
class Plan:
    """What one canteen delivers: how many violations, over how many seconds, of which sizes in bytes."""

    violations: int
    over_s: float
    picture_bytes: int
    clip_bytes: int


@dataclass
class Timings:
    """Seconds of each kind of request, what went wrong, and what was acknowledged."""

    seconds: dict[str, list[float]] = field(default_factory=partial(defaultdict, list))
    problems: dict[str, int] = field(default_factory=partial(defaultdict, int))
    receipts: int = 0
    decisions: int = 0
    wall_ages: list[float] = field(default_factory=list)
    tile_ages: list[float] = field(default_factory=list)

    def add(self, other: "Timings") -> None:
        """What another process saw too."""
        for kind, seconds in other.seconds.items():
            self.seconds[kind] += seconds
        for problem, count in other.problems.items():
            self.problems[problem] += count
        self.receipts += other.receipts
        self.decisions += other.decisions
        self.wall_ages += other.wall_ages
        self.tile_ages += other.tile_ages


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
        writer.writelines([f"{method} {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode(), body])
        await writer.drain()
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(answer[9:12])
        if method == "HEAD" or status in (204, 304):
            return status, b""
        if "transfer-encoding: chunked" in answer.lower():
            return status, await _chunks(reader)
        length = re.search(r"(?i)content-length: (\d+)", answer)
        return status, await reader.readexactly(int(length.group(1)) if length else 0)

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


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return bytes(body)


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
        told = re.search(rb'"type":"([\w-]+)"', body.replace(b'": "', b'":"'))
        timings.problems[f"{kind} {status}{' ' + told.group(1).decode() if told else ''}"] += 1
        raise Refused(f"{kind}: {status} {body[:200]!r}")
    return body


async def deliver(address: str, canteen: tuple[str, str], plan: Plan, timings: Timings) -> None:
    """One edge box: sends each blob, then the reports, again until each has its receipt.

    Args:
        canteen: id and token.
    """
    (canteen_id, token), count, over_s = canteen, plan.violations, plan.over_s
    material = Material(canteen_id, plan.picture_bytes, plan.clip_bytes)
    connection = Connection(address, {"Authorization": f"Bearer {token}"})
    offset = Random(canteen_id).random() * over_s / count
    began, began_at = time.perf_counter(), datetime.now(UTC) - timedelta(minutes=7 * count)
    for number in range(count):
        await asyncio.sleep(max(began + offset + number * over_s / count * 0.97 - time.perf_counter(), 0.0))
        one = material.violation(number, began_at + timedelta(minutes=7 * number))
        for name, data in one.blobs.items():
            await _until(timings, "blob", connection, ("PUT", f"/api/v1/blobs/{name}", data))
        for report in one.reports:
            await _until(timings, "report", connection, ("POST", "/api/v1/reports", report))
            timings.receipts += 1
    connection.close()


async def _until(
    timings: Timings,
    kind: str,
    connection: Connection,
    asked: tuple[str, str, bytes],
    good: Iterable[int] = (200, 201),
) -> None:
    while True:
        try:
            await timed(timings, kind, connection.ask(*asked), good)
            return
        except (Refused, ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(RETRY_S)


async def push_live(
    address: str, canteen: tuple[str, str], every_s: float, timings: Timings, cameras: int = 4
) -> None:
    """One edge box's batches of small pictures, until it is cancelled."""
    canteen_id, token = canteen
    connection = Connection(address, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    await asyncio.sleep(Random(canteen_id + "live").random() * every_s)
    while True:
        began = time.perf_counter()
        with contextlib.suppress(Refused, ConnectionError, asyncio.IncompleteReadError):
            asked = connection.ask("POST", "/api/v1/live", live_batch(canteen_id, cameras))
            await timed(timings, "live", asked, (200,))
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
                await _one_step(connection, violation_id, think_s * (0.5 + chance.random()), timings)
            if not waiting:
                await asyncio.sleep(think_s)
        except (Refused, ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(RETRY_S)


async def _one_step(connection: Connection, violation_id: str, think_s: float, timings: Timings) -> None:
    began = time.perf_counter()
    desk = (await timed(timings, "desk", connection.ask("GET", f"/review/{violation_id}/desk"), (200,))).decode()
    shown = time.perf_counter() - began
    fields = dict(HIDDEN.findall(desk))
    picture = f"/api/v1/violations/{violation_id}/snapshot"
    await timed(timings, "picture", connection.ask("GET", picture), (200,))
    claimed = connection.ask("POST", f"/review/{violation_id}/claim", urlencode(fields).encode(), **FORM)
    await timed(timings, "claim", claimed, (200,))
    await asyncio.sleep(think_s)
    verdict = (
        {"verdict": "rejected", "reason": "2"} if Random(violation_id).random() < 0.5 else {"verdict": "confirmed"}
    )
    form = urlencode({**fields, **verdict}).encode()
    decided = time.perf_counter()
    asked = connection.ask("POST", f"/review/{violation_id}/decision", form, **FORM)
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


def be_boxes(address: str, canteens: list[tuple[str, str]], plan: Plan, live_every_s: float, told: Any) -> None:
    """A process of all edge boxes; puts timings, seconds until all was delivered, and CPU seconds into `told`."""

    async def run() -> tuple[Timings, float]:
        timings = Timings()
        lasting = [asyncio.create_task(push_live(address, one, live_every_s, timings)) for one in canteens]
        began = time.perf_counter()
        await asyncio.gather(*(deliver(address, one, plan, timings) for one in canteens))
        took_s = time.perf_counter() - began
        await _ended(lasting)
        return timings, took_s

    timings, took_s = asyncio.run(run())
    told.put((timings, took_s, time.process_time()))


def be_people(address: str, cookies: list[str], plan: tuple[int, float], done: Any, told: Any) -> None:
    """A process of inspectors and walls until `done`; puts timings and CPU seconds into `told`.

    Args:
        plan: how many of the cookies are of inspectors, and for how many seconds they think.
    """

    async def run() -> Timings:
        timings, (inspectors, think_s) = Timings(), plan
        lasting = [asyncio.create_task(review(address, one, think_s, timings)) for one in cookies[:inspectors]]
        lasting += [asyncio.create_task(watch(address, one, timings)) for one in cookies[inspectors:]]
        while not done.is_set() and not any(task.done() for task in lasting):
            await asyncio.sleep(0.5)
        await _ended(lasting)
        return timings

    timings = asyncio.run(run())
    told.put((timings, time.process_time()))


async def _ended(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    for error in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(error, Exception):
            raise error
