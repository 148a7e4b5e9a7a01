"""What the tests of delivery hold in their hands."""

from dataclasses import dataclass, field
from datetime import datetime

import httpx
from delivery.fake_regulator import FakeRegulator
from outbox.reports import blobs_of, clip, clip_blobs_of, confirmed, ended

from kitchenvision.delivery import Sender
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
