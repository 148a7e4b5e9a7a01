"""A regulator in a folder of its own, and clients of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from regulator.asgi import TestClient
from regulator.sample import CANTEEN

from kitchenvision.regulator import setup
from kitchenvision.regulator.app import create_app
from kitchenvision.regulator.settings import RegulatorSettings

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


@pytest.fixture
def regulator(tmp_path: Path) -> Iterator[Regulator]:
    """A fresh one with one canteen and the first admin."""
    settings = RegulatorSettings(tmp_path / "data", language="en")
    prepared = setup.prepare(settings)
    token = setup.add_canteen(settings, CANTEEN, "一号食堂")
    app = create_app(settings)
    with TestClient(app, base_url="http://regulator.test", client=LOOPBACK) as client:
        yield Regulator(settings, app, client, token, prepared.first_admin_password or "")
