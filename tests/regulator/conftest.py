"""A regulator in a folder of its own, and clients of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from regulator.asgi import TestClient
from regulator.sample import CANTEEN, sample, send

from kitchenvision.regulator import people, setup
from kitchenvision.regulator.app import create_app
from kitchenvision.regulator.settings import RegulatorSettings

RULES = ("no_hat", "no_mask", "smoking")
LOOPBACK = ("127.0.0.1", 50000)


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
def made(folder: Path) -> Iterator[Regulator]:
    """One in that folder, with one canteen and the first admin."""
    settings = RegulatorSettings(folder / "data", language="en")
    prepared = setup.prepare(settings)
    token = setup.add_canteen(settings, CANTEEN, "一号食堂")
    app = create_app(settings)
    with TestClient(app, base_url="http://regulator.test", client=LOOPBACK) as client:
        yield Regulator(settings, app, client, token, prepared.first_admin_password or "")


@pytest.fixture
def regulator(tmp_path: Path) -> Iterator[Regulator]:
    """A fresh one."""
    with made(tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulator]:
    """One for tests that only read: nine violations of one canteen, three of another."""
    with made(tmp_path_factory.mktemp("library")) as one:
        other = setup.add_canteen(one.settings, "canteen-2")
        own = [sample(i, RULES[i % 3], camera_id=f"camera-{i % 2}") for i in range(1, 10)]
        send(one.client, one.token, own)
        send(one.client, other, [sample(i, canteen_id="canteen-2") for i in range(20, 23)])
        yield one
