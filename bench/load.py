"""A district's regulator under load: canteens deliver, inspectors review, walls are open. Nothing may be lost.

    python bench/load.py            # 159 canteens x 100 violations in 10 minutes, PostgreSQL and files
    python bench/load.py --quick    # the same load for one minute
    python bench/load.py --bucket   # PostgreSQL and an S3 bucket
    python bench/load.py --files    # SQLite and files, one process

Everything runs on this machine, on loopback: the service, PostgreSQL that waits for the disk at each commit,
SeaweedFS if asked for, and the actors, boxes and people in a process each. Each violation is a picture of 200 kB,
a head, a trace and a clip of 500 kB, sent by hash, then three reports. Twenty inspectors of twenty
towns decide, five walls are open, each canteen sends one batch of four small pictures every 10 s. A review step is
the desk until it is there, then the decision; the picture, the claim and thinking lie between. Afterwards every
violation, report and blob is counted in the stores. CPU seconds say what each part costs whatever else the machine
does. The last line is JSON.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "bench")]  # this very tree, installed or not

import psutil  # noqa: E402
from load_actors import Plan, Timings, be_boxes, be_people  # noqa: E402
from regulator.district import written  # noqa: E402
from regulator.servers import free_ports, postgres_server, s3_server  # noqa: E402
from sqlalchemy import func, select  # noqa: E402

from kitchenvision.regulator import canteens, people, setup  # noqa: E402
from kitchenvision.regulator.access import Role  # noqa: E402
from kitchenvision.regulator.people import Place  # noqa: E402
from kitchenvision.regulator.settings import RegulatorSettings  # noqa: E402
from kitchenvision.regulator.storage import open_blobs  # noqa: E402
from kitchenvision.regulator.storage_settings import StorageSettings, database_address, read_storage  # noqa: E402
from kitchenvision.regulator.tables import DecisionRow, ReportBlob, ReportRow, ViolationRow  # noqa: E402

LIVE_EVERY_S = 10.0
THINK_S = 2.0
# As docs/operations.md recommends, for a small machine.
POSTGRES = ("shared_buffers=256MB",)
SHOWN = ("step", "queue", "desk", "picture", "claim", "decide", "blob", "report", "live")


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    canteens: int = 159
    violations: int = 100
    over_s: float = 600.0
    inspectors: int = 20
    walls: int = 5
    picture_bytes: int = 200_000
    clip_bytes: int = 500_000


QUICK = Size(violations=10, over_s=60.0)


@dataclass(frozen=True)
class Made:
    """Who there is: ids and tokens of canteens, user names."""

    canteens: list[tuple[str, str]]
    inspectors: list[str]


def populate(settings: RegulatorSettings, size: Size) -> Made:
    """Towns, canteens and people."""
    setup.prepare(settings)
    at = datetime.now(UTC)
    towns = [f"town-{i}" for i in range(size.inspectors)]
    with setup.opened(settings) as database, database.writing() as session:
        for town in towns:
            canteens.add_town(session, town, town, "default")
        session.flush()
        made = [
            (
                f"canteen-{i}",
                canteens.add_canteen(session, f"canteen-{i}", f"canteen-{i}", at, towns[i % len(towns)]),
            )
            for i in range(size.canteens)
        ]
        names = [f"inspector-{i}" for i in range(size.inspectors)]
        for name, town in zip(names, towns, strict=True):
            people.add_person(session, name, Role.INSPECTOR, at, Place((town,)))
    return Made(made, names)


@contextlib.contextmanager
def service(settings: RegulatorSettings, workers: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """The regulator as a process of its own."""
    entry = "from kitchenvision.cli import main; main()"
    command = [sys.executable, "-c", entry, "regulator", "--data", str(settings.data_dir)]
    command += ["--workers", str(workers)]
    with (settings.data_dir / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--port", str(settings.port)], stdout=log, stderr=log, cwd=ROOT)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass(frozen=True)
class Measured:
    """What the actors saw, how long the delivery took, and the CPU seconds of the actors."""

    timings: Timings
    took_s: float
    cpu_s: dict[str, float]


def run(settings: RegulatorSettings, size: Size, made: Made) -> Measured:
    """Everybody at once, until every canteen has its receipts. Boxes and people are a process each."""
    address = f"http://127.0.0.1:{settings.port}"
    cookies = asyncio.run(log_in_all(settings, [*made.inspectors, *["admin"] * size.walls]))
    spawn = multiprocessing.get_context("spawn")
    done, boxes, persons = spawn.Event(), spawn.SimpleQueue(), spawn.SimpleQueue()
    plan = Plan(size.violations, size.over_s, size.picture_bytes, size.clip_bytes)
    people_plan = (size.inspectors, THINK_S)
    processes = [
        spawn.Process(target=be_boxes, args=(address, made.canteens, plan, LIVE_EVERY_S, boxes)),
        spawn.Process(target=be_people, args=(address, cookies, people_plan, done, persons)),
    ]
    for process in processes:
        process.start()
    try:
        delivered, took_s, boxes_cpu_s = _received(boxes, processes)
        done.set()
        seen, people_cpu_s = _received(persons, processes)
    finally:
        for process in processes:
            process.join(10)
            process.kill()
    delivered.add(seen)
    return Measured(delivered, took_s, {"boxes": boxes_cpu_s, "people": people_cpu_s})


def _received(queue: Any, processes: list[Any]) -> Any:
    while queue.empty():
        if any(process.exitcode for process in processes):
            sys.exit("an actor failed; its words stand above")
        time.sleep(0.2)
    return queue.get()


async def log_in_all(settings: RegulatorSettings, names: Sequence[str]) -> list[str]:
    """A session's cookie of each."""
    return [await log_in(settings, name) for name in names]


async def log_in(settings: RegulatorSettings, username: str) -> str:
    """A session's cookie."""
    link = await asyncio.to_thread(setup.one_time_link, settings, username)
    path = link.split("/", 3)[3]
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{settings.port}\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    writer.close()
    (cookie,) = (line for line in answer.splitlines() if line.lower().startswith("set-cookie:"))
    return cookie.split(":", 1)[1].split(";", 1)[0].strip()


def counted(settings: RegulatorSettings, size: Size) -> dict[str, int]:
    """What the stores hold, and what of it is missing: every blob that a report names is looked up."""
    blobs = open_blobs(settings, tidy=False)
    with setup.opened(settings) as database, database.reading() as session:
        tables = {"violations": ViolationRow, "reports": ReportRow, "decisions": DecisionRow}
        found = {
            name: int(session.scalar(select(func.count()).select_from(one)) or 0) for name, one in tables.items()
        }
        named = set(session.scalars(select(ReportBlob.sha256)))
    expected = size.canteens * size.violations
    kept = set(blobs.names())
    lost = (expected - found["violations"]) + (3 * expected - found["reports"]) + len(named - kept)
    return {**found, "blobs": len(kept), "lost": lost}


def quantile(values: Sequence[float], share: float) -> float:
    """Of sorted values the one at that share; NaN without any."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def cpu_seconds(names: dict[str, psutil.Process]) -> dict[str, float]:
    """CPU seconds of processes and their children."""
    told = {}
    for name, process in names.items():
        every = [process, *process.children(recursive=True)]
        with contextlib.suppress(psutil.NoSuchProcess):
            told[name] = sum(sum(one.cpu_times()[:2]) for one in every)
    return told


def report(measured: Measured, stores: dict[str, int]) -> dict[str, Any]:
    """Prints the table; returns what the last line says."""
    timings, took, cpu = measured.timings, measured.took_s, measured.cpu_s
    print(f"{'':10}{'requests':>10}{'p50 ms':>10}{'p95 ms':>10}{'max ms':>10}")
    for kind in SHOWN:
        values = [1000 * one for one in timings.seconds[kind]] or [float("nan")]
        p50, p95 = quantile(values, 0.5), quantile(values, 0.95)
        print(f"{kind:10}{len(values):10}{p50:10.1f}{p95:10.1f}{max(values):10.1f}")
    print(f"delivered in {took:.1f} s; {timings.receipts} receipts, {timings.decisions} decisions")
    print("stores: " + ", ".join(f"{name} {count}" for name, count in stores.items()))
    shares = (f"{name} {seconds:.1f} ({seconds / took:.0%})" for name, seconds in cpu.items())
    print("CPU seconds (of one core): " + ", ".join(shares))
    print(f"other answers: {dict(timings.problems) or 'none'}")
    told = {
        "delivered_s": round(took, 1),
        "lost": stores["lost"],
        "step_p95_ms": round(1000 * quantile(timings.seconds["step"], 0.95), 1),
        "wall_age_p95_s": round(quantile(timings.wall_ages, 0.95), 2),
        "wall_age_max_s": round(max(timings.wall_ages, default=float("nan")), 2),
        "tile_age_max_s": round(max(timings.tile_ages, default=float("nan")), 2),
        "receipts": timings.receipts,
        "decisions": timings.decisions,
        "cpu_s": {name: round(seconds, 1) for name, seconds in cpu.items()},
    }
    print(json.dumps(told))
    return told


@contextlib.contextmanager
def storage(kind: str, folder: Path) -> Iterator[tuple[StorageSettings, dict[str, psutil.Process]]]:
    """Where things are kept, and the processes that keep them.

    Args:
        kind: ``sqlite``, ``folder`` (PostgreSQL and files) or ``bucket`` (PostgreSQL and S3).
    """
    if kind == "sqlite":
        yield StorageSettings(), {}
        return
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(durable=True, more=POSTGRES))
        name = postgres.create()
        address = database_address(postgres.address(name), "bench", postgres.password)
        blobs = stack.enter_context(s3_server(folder)).bucket() if kind == "bucket" else None
        own = {one.name(): one for one in psutil.Process().children()}
        stores = {"postgres": own["postgres"], **({"s3": own["weed"]} if blobs else {})}
        yield StorageSettings(address, blobs), stores


def main() -> None:
    """Run and say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the same load for one minute")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--bucket", action="store_true", help="pictures in an S3 bucket instead of files")
    kinds.add_argument("--files", action="store_true", help="SQLite and files, one process")
    parser.add_argument("--workers", type=int, default=2, help="processes of the service")
    parser.add_argument("--canteens", type=int, help="so many instead")
    chosen = parser.parse_args()
    size = QUICK if chosen.quick else Size()
    size = replace(size, canteens=chosen.canteens or size.canteens)
    kind = "sqlite" if chosen.files else "bucket" if chosen.bucket else "folder"
    workers = 1 if chosen.files else chosen.workers
    print(f"load before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} threads; {kind}, {workers} workers; {size}")
    with (
        tempfile.TemporaryDirectory(prefix="kv-load-") as name,
        storage(kind, Path(name)) as (kept, others),
    ):
        data = Path(name) / "data"
        data.mkdir()
        written(data, kept)
        settings = RegulatorSettings(data, port=free_ports(1)[0], storage=read_storage(data))
        made = populate(settings, size)
        with service(settings, workers) as process:
            watched = {"service": psutil.Process(process.pid), **others}
            wait_for(settings)
            before = cpu_seconds(watched)
            measured = run(settings, size, made)
            after = cpu_seconds(watched)
        measured.cpu_s.update({name: after[name] - before[name] for name in watched})
        told = report(measured, counted(settings, size))
    sys.exit(1 if told["lost"] else 0)


def wait_for(settings: RegulatorSettings) -> None:
    """Until the service answers."""
    until = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", settings.port), 1):
            return
        if time.monotonic() > until:
            sys.exit((settings.data_dir / "log").read_text("utf-8", "replace"))
        time.sleep(0.2)


if __name__ == "__main__":
    main()
