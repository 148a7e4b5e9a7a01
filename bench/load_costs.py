"""What one request of each kind costs a regulator: CPU milliseconds of the service and of its stores.

    python bench/load_costs.py             # PostgreSQL and files
    python bench/load_costs.py --bucket    # PostgreSQL and an S3 bucket

Asks one request after another, so nothing waits for anything else, and takes the CPU time of the processes before
and after: of use also on a machine that others use. `step` is what an inspector's decision asks of the service:
desk, picture, claim, decision; `violation` what an edge box does: four blobs, three reports.
The last line is JSON.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "bench")]  # this very tree, installed or not

import psutil  # noqa: E402
from load import Made, Size, cpu_seconds, log_in, populate, service, storage, wait_for  # noqa: E402
from load_actors import HIDDEN, Connection  # noqa: E402
from load_material import Material, Violation, live_batch  # noqa: E402
from regulator.district import written  # noqa: E402
from regulator.servers import free_ports  # noqa: E402

from kitchenvision.regulator.settings import RegulatorSettings  # noqa: E402
from kitchenvision.regulator.storage_settings import read_storage  # noqa: E402

SIZE = Size(canteens=159, violations=1, inspectors=20, walls=1)
VIOLATIONS, STEPS, OTHERS = 100, 60, 60
STEP = ("desk", "picture", "claim", "decide")
Ask = Callable[[], Awaitable[tuple[int, bytes]]]


class Meter:
    """CPU seconds of the watched processes, by kind of request."""

    def __init__(self, watched: dict[str, psutil.Process]) -> None:
        self._watched = watched
        self.costs: dict[str, dict[str, float]] = {}

    async def measure(self, kind: str, asked: Sequence[Ask]) -> list[bytes]:
        """Ask one after another; returns the bodies."""
        before, began, told = cpu_seconds(self._watched), time.perf_counter(), []
        for ask in asked:
            status, body = await ask()
            if status not in (200, 201, 404):
                raise SystemExit(f"{kind}: {status} {body[:300]!r}")
            told.append(body)
        took, after = time.perf_counter() - began, cpu_seconds(self._watched)
        cost = {name: 1000 * (after[name] - before[name]) / len(asked) for name in self._watched}
        self.costs[kind] = {**cost, "wall": 1000 * took / len(asked)}
        return told


async def measure(settings: RegulatorSettings, made: Made, watched: dict[str, psutil.Process]) -> Meter:
    """All kinds, in the order of a violation's life."""
    meter, address = Meter(watched), f"http://127.0.0.1:{settings.port}"
    began = datetime.now(UTC) - timedelta(hours=12)
    boxes = [Connection(address, {"Authorization": f"Bearer {token}"}) for _, token in made.canteens[:20]]
    # Of canteens of one town, whose inspector decides.
    town = [boxes[0], Connection(address, {"Authorization": f"Bearer {made.canteens[20][1]}"})]
    ids = made.canteens[0][0], made.canteens[20][0]
    material = [Material(one, SIZE.picture_bytes, SIZE.clip_bytes) for one in ids]
    samples = [
        (town[i % 2], material[i % 2].violation(i, began + timedelta(minutes=7 * i))) for i in range(VIOLATIONS)
    ]
    await deliver(meter, samples)
    lives = [(box, live_batch(canteen_id)) for box, (canteen_id, _) in zip(boxes, made.canteens, strict=False)]
    await meter.measure("live", [_ask(box, "POST", "/api/v1/live", body) for box, body in lives * 5])
    inspector = Connection(address, {"Cookie": await log_in(settings, made.inspectors[0]), "Accept": "text/html"})
    await meter.measure("queue", [_ask(inspector, "GET", "/review")] * OTHERS)
    await decide(meter, inspector, [one.violation_id for _, one in samples[-STEPS:]])
    wall = Connection(address, {"Cookie": await log_in(settings, "admin")})
    await meter.measure("wall", [_ask(wall, "GET", "/cockpit/events?once=true")] * OTHERS)
    return meter


async def deliver(meter: Meter, samples: Sequence[tuple[Connection, Violation]]) -> None:
    """Blobs, then reports."""
    blobs = [(box, sha256, data) for box, one in samples for sha256, data in one.blobs.items()]
    for kind, large in (("blob, small", False), ("blob, large", True)):
        chosen = [blob for blob in blobs if (len(blob[2]) > 100_000) is large]
        asked = [_ask(box, "PUT", f"/api/v1/blobs/{sha256}", data) for box, sha256, data in chosen]
        await meter.measure(kind, asked)
    for i, kind in enumerate(("confirmed", "clip", "ended")):
        asked = [_ask(box, "POST", "/api/v1/reports", one.reports[i]) for box, one in samples]
        await meter.measure(kind, asked)


async def decide(meter: Meter, inspector: Connection, ids: Sequence[str]) -> None:
    """What a step asks."""
    desks = await meter.measure("desk", [_ask(inspector, "GET", f"/review/{one}/desk") for one in ids])
    await meter.measure("picture", [_ask(inspector, "GET", f"/api/v1/violations/{one}/snapshot") for one in ids])
    forms = [dict(HIDDEN.findall(desk.decode())) for desk in desks]
    for kind, path, more in (
        ("claim", "claim", {}),
        ("decide", "decision", {"verdict": "rejected", "reason": "2"}),
    ):
        asked = [
            _ask(inspector, "POST", f"/review/{one}/{path}", urlencode({**form, **more}).encode(), form=True)
            for one, form in zip(ids, forms, strict=True)
        ]
        await meter.measure(kind, asked)


def _ask(connection: Connection, method: str, path: str, body: bytes = b"", form: bool = False) -> Ask:
    headers = {"Content-Type": "application/json"}
    if form:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return lambda: connection.ask(method, path, body, **(headers if body else {}))


def report(meter: Meter, watched: Sequence[str]) -> None:
    """Print the table and the JSON."""
    costs = dict(meter.costs)
    for name, kinds in (
        ("step", STEP),
        ("violation", (*["blob, small", "blob, large"] * 2, "confirmed", "clip", "ended")),
    ):
        costs[name] = {key: sum(costs[kind][key] for kind in kinds) for key in (*watched, "wall")}
    print(f"CPU ms of one{'':7}" + "".join(f"{name:>10}" for name in (*watched, "wall")))
    for kind, cost in costs.items():
        print(f"{kind:20}" + "".join(f"{cost[name]:10.2f}" for name in (*watched, "wall")))
    print(json.dumps({kind: {name: round(ms, 2) for name, ms in cost.items()} for kind, cost in costs.items()}))


def main() -> None:
    """Run and say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bucket", action="store_true", help="pictures in an S3 bucket instead of files")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="kv-load-") as name,
        storage("bucket" if chosen.bucket else "folder", Path(name)) as (kept, others),
    ):
        data = Path(name) / "data"
        data.mkdir()
        written(data, kept)
        settings = RegulatorSettings(data, port=free_ports(1)[0], storage=read_storage(data))
        made = populate(settings, SIZE)
        with service(settings) as process:
            watched = {"service": psutil.Process(process.pid), **others}
            wait_for(settings)
            meter = asyncio.run(measure(settings, made, watched))
        report(meter, list(watched))


if __name__ == "__main__":
    main()
