"""A sender on a fake regulator and a fake clock."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from delivery.fake_regulator import BASE, TOKEN, FakeRegulator
from delivery.line import Line
from outbox.reports import START

from kitchenvision.delivery import Sender, make_client
from kitchenvision.outbox import Outbox


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    now = [START]
    regulator = FakeRegulator()
    with (
        Outbox(tmp_path / "outbox", clock=lambda: now[0], rng=random.Random(5)) as outbox,
        make_client(BASE, TOKEN, transport=regulator.transport()) as client,
    ):
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            now[0] += timedelta(seconds=seconds)

        sender = Sender(outbox, client, lambda: now[0], sleep)
        yield Line(outbox, regulator, client, sender, now, slept)
