"""A regulator in a folder of its own, or with a database and a bucket on real servers; clients of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from regulator.asgi import TestClient
from regulator.district import District, servers, written
from regulator.sample import CANTEEN, sample, send
from regulator.servers import NoServer, skip_or_fail

from kitchenvision.regulator import people, setup
from kitchenvision.regulator.app import create_app
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.storage_settings import StorageSettings, read_storage

RULES = ("no_hat", "no_mask", "smoking")
LOOPBACK = ("127.0.0.1", 50000)
FILES = StorageSettings()
# What these promise, files and a district's servers keep alike. Pages and pure functions need no second run.
OVER_BOTH = frozenset(
    {
        *("test_api", "test_case_machine", "test_decisions", "test_feedback", "test_incident_members"),
        *("test_ingest", "test_observed", "test_retention", "test_scoring_store", "test_violation_listing"),
        *("test_account", "test_digest", "test_kiosk", "test_lookout", "test_odd_values", "test_webhooks"),
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of `OVER_BOTH` run over both."""
    if metafunc.module.__name__.rsplit(".", 1)[-1] not in OVER_BOTH:
        return
    for name in ("storage", "library_storage"):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, ["files", "district"], indirect=True)


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """PostgreSQL and an S3 server, started once; skipped by name where they cannot be had."""
    try:
        with servers(tmp_path_factory.mktemp("servers")) as one:
            yield one
    except NoServer as error:
        skip_or_fail(error)


@pytest.fixture
def storage(request: pytest.FixtureRequest) -> Iterator[StorageSettings]:
    """Files, or for tests of `OVER_BOTH` also a database and a bucket."""
    with chosen_storage(request) as one:
        yield one


@pytest.fixture(scope="module")
def library_storage(request: pytest.FixtureRequest) -> Iterator[StorageSettings]:
    """The same for `library`."""
    with chosen_storage(request) as one:
        yield one


@contextmanager
def chosen_storage(request: pytest.FixtureRequest) -> Iterator[StorageSettings]:
    """What the parameter of a fixture asks for; files without one."""
    if getattr(request, "param", "files") == "files":
        yield FILES
        return
    with request.getfixturevalue("district").storage() as one:
        yield one


@dataclass
class Regulator:
    """What a test needs of a running regulator."""

    settings: RegulatorSettings
    app: FastAPI
    client: TestClient
    token: str
    password: str

    def another_client(self, address: tuple[str, int] = LOOPBACK) -> TestClient:
        """A browser without a session."""
        return TestClient(self.app, base_url="http://regulator.test", client=address)

    def logged_in(self, username: str = "admin") -> TestClient:
        """A browser with a session of its own."""
        client = self.another_client()
        link = setup.one_time_link(self.settings, username)
        answer = client.get("/login/once/" + link.rsplit("/", 1)[1], follow_redirects=False)
        assert answer.status_code == 303
        return client


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose, which a test need not wait for; `test_auth` looks at the real one."""
    monkeypatch.setattr(people, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@contextmanager
def made(folder: Path, storage: StorageSettings = FILES) -> Iterator[Regulator]:
    """One in that folder, with one canteen and the first admin."""
    written(folder / "data", storage)
    settings = RegulatorSettings(folder / "data", language="en", storage=read_storage(folder / "data"))
    prepared = setup.prepare(settings)
    token = setup.add_canteen(settings, CANTEEN, "一号食堂")
    app = create_app(settings)
    with TestClient(app, base_url="http://regulator.test", client=LOOPBACK) as client:
        yield Regulator(settings, app, client, token, prepared.first_admin_password or "")


@pytest.fixture
def regulator(tmp_path: Path, storage: StorageSettings) -> Iterator[Regulator]:
    """A fresh one."""
    with made(tmp_path, storage) as one:
        yield one


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, library_storage: StorageSettings) -> Iterator[Regulator]:
    """One for tests that only read: nine violations of one canteen, three of another."""
    with made(tmp_path_factory.mktemp("library"), library_storage) as one:
        other = setup.add_canteen(one.settings, "canteen-2")
        own = [sample(i, RULES[i % 3], camera_id=f"camera-{i % 2}") for i in range(1, 10)]
        send(one.client, one.token, own)
        send(one.client, other, [sample(i, canteen_id="canteen-2") for i in range(20, 23)])
        yield one
