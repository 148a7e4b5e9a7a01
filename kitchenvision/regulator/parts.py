"""What every request needs, made once and put on the application's state."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from kitchenvision.regulator.blobs import BlobStore
from kitchenvision.regulator.cockpit_wall import Wall
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.limiter import FailureLimiter
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.views import Views


@dataclass(frozen=True)
class Parts:
    """Settings, database, blobs, who failed to log in lately, who looked at what lately, live pictures."""

    settings: RegulatorSettings
    database: Database
    blobs: BlobStore
    failures: FailureLimiter
    views: Views
    wall: Wall = field(default_factory=Wall)


def now() -> datetime:
    """This instant, UTC."""
    return datetime.now(UTC)


def _parts(request: Request) -> Parts:
    parts = request.app.state.parts
    if not isinstance(parts, Parts):
        raise TypeError("the application was not made by create_app")
    return parts


NeedsParts = Annotated[Parts, Depends(_parts)]
