"""A sender on a fake regulator and a fake clock."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from delivery.fake_regulator import BASE, TOKEN, FakeRegulator
from outbox.reports import START, blobs_of, clip, clip_blobs_of, confirmed, ended

from kitchenvision.delivery import Sender, make_client
from kitchenvision.outbox import Item, Outbox


@dataclass
class Line:
    """Outbox, sender and regulator, with time that moves only by sleeping."""

    outbox: Outbox
    regulator: FakeRegulator
    client: httpx.Client
    sender: Sender
    now: list[datetime] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def put_all(self, name: object = "a") -> None:
        """The three reports of a violation."""
        self.outbox.put(confirmed(name), blobs_of(name))
        self.outbox.put(clip(name), clip_blobs_of(name))
        self.outbox.put(ended(name), {})

    def only(self) -> Item:
        """The one item that is there."""
        (item,) = self.outbox.list()
        return item

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now[0] += timedelta(seconds=seconds)


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
