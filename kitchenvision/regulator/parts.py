"""What every request needs, made once and put on the application's state."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from kitchenvision.regulator.blobs import Arrived, BlobStore
from kitchenvision.regulator.cockpit_rounds import Rounds
from kitchenvision.regulator.cockpit_wall import Wall
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.edge_tokens import EdgeTokens
from kitchenvision.regulator.limiter import FailureLimiter
from kitchenvision.regulator.oidc import Provider
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.turns import Turns
from kitchenvision.regulator.vault import Vault
from kitchenvision.regulator.views import Views


@dataclass(frozen=True)
class Memory:
    """What all processes of one service share."""

    failures: FailureLimiter = field(default_factory=FailureLimiter)
    wall: Wall = field(default_factory=Wall)


@dataclass(frozen=True)
class Parts:
    """Settings, database, blobs, who failed to log in lately, who looked at what lately, live pictures.

    Attributes:
        arrived: sizes of blobs that were put lately, by hash, so that a report need not ask the store for them.
        turns: whose turn it is, a person's or a box's. rounds: what walls were told last.
        provider: of log-ins, where one is set up. vault: opens what the database keeps sealed.
    """

    settings: RegulatorSettings
    database: Database
    blobs: BlobStore
    failures: FailureLimiter
    views: Views
    wall: Wall = field(default_factory=Wall)
    edge_tokens: EdgeTokens = field(default_factory=EdgeTokens)
    arrived: Arrived = field(default_factory=Arrived)
    turns: Turns = field(default_factory=Turns)
    rounds: Rounds = field(default_factory=Rounds)
    provider: Provider | None = None
    vault: Vault = field(kw_only=True)


def now() -> datetime:
    """This instant, UTC."""
    return datetime.now(UTC)


def parts_of(request: Request) -> Parts:
    """Of the application that was asked. A call costs less than the dependency does."""
    parts = request.app.state.parts
    if not isinstance(parts, Parts):
        raise TypeError("the application was not made by create_app")
    return parts


async def _parts(request: Request) -> Parts:
    return parts_of(request)


NeedsParts = Annotated[Parts, Depends(_parts)]
