"""What the wall says besides pictures: figures of today, the trend of 30 days, what is new."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.cockpit_wall import Tile, TileState
from kitchenvision.regulator.district_view import Place
from kitchenvision.regulator.scoring import Colour
from kitchenvision.regulator.scoring_store import DayColour
from kitchenvision.regulator.tables import Canteen, ViolationRow

TREND_DAYS = 30
NEWEST_ROWS = 6


@dataclass(frozen=True)
class Figures:
    """Counts of this moment; today is the local day. `oldest_at`: of what waits for a decision."""

    reported: int
    confirmed: int
    waiting: int
    oldest_at: datetime | None
    live: int
    troubled: int
    canteens: int
    silent: int
    colours: dict[Colour, int]

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "reported": self.reported,
            "confirmed": self.confirmed,
            "waiting": self.waiting,
            "oldest_at": self.oldest_at.isoformat() if self.oldest_at else None,
            "live": self.live,
            "troubled": self.troubled,
            "canteens": self.canteens,
            "silent": self.silent,
            "colours": {colour.value: n for colour, n in self.colours.items()},
        }


@dataclass(frozen=True)
class New:
    """A violation that waits for a decision."""

    violation_id: str
    canteen: str
    camera_id: str
    rule_id: str
    captured_at: datetime
    received_at: datetime


def figures(
    session: Session,
    scope: Scope,
    at: datetime,
    places: list[Place],
    tiles: list[Tile],
    strips: dict[str, tuple[DayColour, ...]],
) -> Figures:
    """Figures of this moment.

    Args:
        at: aware, in the zone of local days. strips: of which the last day of each canteen is its colour.
    """
    begins = at.replace(hour=0, minute=0, second=0, microsecond=0)
    inside = scope.covers(ViolationRow.canteen_id)
    today = select(ViolationRow.state, func.count()).where(inside, ViolationRow.captured_at >= begins)
    states = {state: int(n) for state, n in session.execute(today.group_by(ViolationRow.state))}
    waiting, oldest = session.execute(
        select(func.count(), func.min(ViolationRow.received_at)).where(inside, ViolationRow.state == "open")
    ).one()
    colours = Counter(
        strips[place.canteen_id][-1].colour if strips.get(place.canteen_id) else Colour.GREY for place in places
    )
    heard = {tile.canteen_id for tile in tiles if tile.state is not TileState.OFFLINE}
    return Figures(
        reported=sum(states.values()),
        confirmed=states.get("confirmed", 0),
        waiting=int(waiting),
        oldest_at=oldest,
        live=sum(1 for tile in tiles if tile.state in (TileState.LIVE, TileState.LATE)),
        troubled=sum(1 for tile in tiles if tile.state not in (TileState.LIVE, TileState.LATE)),
        canteens=len(places),
        silent=len(places) - len(heard),
        colours={colour: colours[colour] for colour in Colour},
    )


def trend(session: Session, scope: Scope, at: datetime) -> list[int]:
    """Confirmed violations of each of the last 30 local days, today last."""
    begins = at.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=TREND_DAYS - 1)
    # Each day is counted by the database: a month of a district is many rows.
    nights = [begins + timedelta(days=i) for i in range(TREND_DAYS + 1)]
    days = [
        select(literal(i), func.count()).where(
            scope.covers(ViolationRow.canteen_id),
            ViolationRow.state == "confirmed",
            ViolationRow.captured_at >= day.astimezone(UTC),
            ViolationRow.captured_at < following.astimezone(UTC),
        )
        for i, (day, following) in enumerate(pairwise(nights))
    ]
    return [int(n) for _, n in sorted(tuple(row) for row in session.execute(union_all(*days)))]


def newest(session: Session, scope: Scope) -> list[New]:
    """The newest violations that nobody has decided, newest first."""
    query = (
        select(ViolationRow, Canteen.name)
        .join(Canteen, Canteen.canteen_id == ViolationRow.canteen_id)
        .where(scope.covers(ViolationRow.canteen_id), ViolationRow.state == "open")
        .order_by(ViolationRow.received_at.desc(), ViolationRow.violation_id)
        .limit(NEWEST_ROWS)
    )
    return [
        New(row.violation_id, name, row.camera_id, row.rule_id, row.captured_at, row.received_at)
        for row, name in session.execute(query)
    ]
