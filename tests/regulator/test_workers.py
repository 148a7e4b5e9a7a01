"""Promises of several processes on one port: what one is told the others know, and the dead are replaced."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from regulator.district import District, written
from regulator.sample import bearer, sample, send

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import setup, workers
from kitchenvision.regulator.cockpit_wall import LARGEST_BYTES, MOST_CAMERAS, TileState, WallFull, tiles
from kitchenvision.regulator.limiter import MAX_FAILURES
from kitchenvision.regulator.serve import serve
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.storage_settings import StorageSettings, database_address, read_storage

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
JPEG = b"\xff\xd8\xff small"
POSTGRES = StorageSettings(database_address("postgresql://regulator@127.0.0.1:1/nowhere", "test", "-"))
ENTRY = "from kitchenvision.cli import main; main()"


@pytest.mark.parametrize("count", [0, -1, workers.MOST_WORKERS + 1])
def test_so_many_processes_cannot_be(tmp_path: Path, count: int) -> None:
    with pytest.raises(SettingsError, match="--workers"):
        workers.check(RegulatorSettings(tmp_path, storage=POSTGRES), count)


def test_several_processes_need_postgresql(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PostgreSQL"):
        serve(RegulatorSettings(tmp_path / "data", port=0), processes=2)
    assert not (tmp_path / "data").exists()
    workers.check(RegulatorSettings(tmp_path), 1)
    workers.check(RegulatorSettings(tmp_path, storage=POSTGRES), 2)


def test_two_that_join_see_one_wall_and_one_count_of_failures() -> None:
    with workers.shared_memory() as address:
        one, other = workers.joined(address), workers.joined(address)
        one.wall.put_all("canteen-1", [("camera-1", JPEG, AT), ("camera-2", JPEG, AT)], AT)
        assert other.wall.picture(("canteen-1", "camera-1"), AT) == (JPEG, 1)
        assert [tile.state for tile in tiles(other.wall.known({"canteen-1"}), AT)] == [TileState.LIVE] * 2
        one.wall.put_blind(("canteen-1", "camera-1"), AT, "covered", AT)
        assert other.wall.picture(("canteen-1", "camera-1"), AT) is None
        slow = one.wall.next_in_s("canteen-1", AT)
        other.wall.watch({"canteen-1"}, AT)
        assert one.wall.next_in_s("canteen-1", AT + timedelta(seconds=1)) < slow
        for _ in range(MAX_FAILURES):
            one.failures.failed("wang", "192.0.2.1")
        assert other.failures.wait_s("wang", "192.0.2.1") > 0
        other.failures.succeeded("wang", "192.0.2.1")
        assert one.failures.wait_s("wang", "192.0.2.1") == 0


def test_a_refusal_of_the_wall_is_the_same_from_afar() -> None:
    with workers.shared_memory() as address:
        wall = workers.joined(address).wall
        many = [(f"camera-{i}", JPEG, AT) for i in range(MOST_CAMERAS)]
        wall.put_all("canteen-1", many, AT)
        with pytest.raises(WallFull, match="cameras"):
            wall.put_all("canteen-1", [("one-more", b"x" * LARGEST_BYTES, AT)], AT)


@contextmanager
def running(data: Path, storage: StorageSettings, count: int) -> Iterator[tuple[RegulatorSettings, psutil.Process]]:
    """The command with so many workers; settings with its port."""
    written(data, storage)
    settings = RegulatorSettings(data, storage=read_storage(data))
    setup.prepare(settings)
    command = [
        sys.executable,
        "-c",
        ENTRY,
        "regulator",
        "--data",
        str(data),
        "--port",
        "0",
        "--workers",
        str(count),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().strip().rsplit(":", 1)[1])
        yield RegulatorSettings(data, port=port, storage=settings.storage), psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.slow
def test_what_arrives_at_one_process_is_seen_at_every_other(tmp_path: Path, district: District) -> None:
    with (
        district.storage() as storage,
        running(tmp_path / "data", StorageSettings(storage.database), 3) as (settings, parent),
    ):
        address, token = setup.address(settings.host, settings.port), setup.add_canteen(settings, "canteen-1")
        one, at = sample(), datetime.now(UTC).isoformat()
        told, seen = set(), 0
        cookies = None
        for i in range(12):  # each connection is taken by one of the three
            with httpx.Client(base_url=address, trust_env=False, cookies=cookies) as client:
                if cookies is None:
                    client.get("/login/once/" + setup.one_time_link(settings).rsplit("/", 1)[1])
                    cookies = client.cookies
                    send(client, token, [one])
                put = client.put(
                    f"/api/v1/live/camera-{i}?captured_at={at.replace('+', '%2B')}",
                    content=JPEG,
                    headers=bearer(token),
                )
                assert put.status_code == 200
                seen += client.get(f"/api/v1/violations/{one.violation_id}").status_code == 200
                told.add(client.get("/cockpit/events?once=true").text.count('"camera-'))
        assert seen == 12
        assert told == set(range(1, 13))  # every one knows what all have put so far
        _replaces_the_dead(parent, address)
        parent.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs([parent, *parent.children(recursive=True)], timeout=30)
        assert alive == []


def _replaces_the_dead(parent: psutil.Process, address: str) -> None:
    before = {one.pid for one in parent.children()}
    serving = [
        one for one in parent.children() if any(c.status == psutil.CONN_LISTEN for c in one.net_connections())
    ]
    assert len(serving) == 3
    serving[0].kill()
    until = time.monotonic() + 60
    while len({one.pid for one in parent.children()} - before) < 1 and time.monotonic() < until:
        time.sleep(0.2)
    assert {one.pid for one in parent.children()} - before
    assert httpx.get(f"{address}/login", trust_env=False).status_code == 200


@pytest.mark.slow
def test_all_end_when_the_first_one_is_killed(tmp_path: Path, district: District) -> None:
    with (
        district.storage() as storage,
        running(tmp_path / "data", StorageSettings(storage.database), 2) as (_, parent),
    ):
        children = parent.children(recursive=True)
        parent.kill()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
