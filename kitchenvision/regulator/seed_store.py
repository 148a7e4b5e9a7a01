"""Writes a made-up district into the database in batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import people, seed, seed_cases
from kitchenvision.regulator.access import Role
from kitchenvision.regulator.blobs import BlobStore
from kitchenvision.regulator.incident_members import settle_all
from kitchenvision.regulator.observed_tables import ObservedDay
from kitchenvision.regulator.scoring_store import strips
from kitchenvision.regulator.seed import MadeCanteen, MadeViolation, Scene
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.setup import open_database
from kitchenvision.regulator.storage import open_blobs
from kitchenvision.regulator.tables import (
    DEFAULT_DISTRICT,
    Base,
    Canteen,
    DecisionRow,
    Person,
    ReportBlob,
    ReportRow,
    Town,
    ViolationRow,
)
from kitchenvision.wire import content_hash, report_bytes

INSPECTOR = "seed-inspector"
SECOND = "seed-inspector-2"  # rules on appeals
_AT_ONCE = 2000
_COPIED = {"violation_id", "canteen_id", "camera_id", "rule_id", "captured_at", "zone"}


@dataclass(frozen=True)
class Plan:
    """What is to be made. `now`: the last day is that of this instant."""

    canteens: int
    days: int
    seed: int
    now: datetime


@dataclass(frozen=True)
class Seeded:
    """What was made."""

    canteens: int
    violations: int
    observed_days: int
    cases: int


def fill(settings: RegulatorSettings, plan: Plan, scenes: Sequence[Scene], photos: Sequence[bytes] = ()) -> Seeded:
    """Fill the default district.

    Args:
        photos: JPEGs of kitchens as they should be, for the answers of canteens; without any there are no cases.

    Raises:
        SettingsError: it was seeded before, or there are no scenes. StorageError: not writable.
    """
    if not scenes:
        raise SettingsError("seed", "clips", "no incident is in the clips; give the folder of sample_videos")
    database = open_database(settings)
    try:
        local = seed.local(plan.now, settings.timezone)
        days = seed.school_days(local.date(), plan.days)
        made = seed.canteens(plan.canteens, plan.seed)
        found = [one for canteen in made for one in seed.violations(canteen, days, scenes, plan.seed, local)]
        kept = {*photos, *(data for one in found for data in one.blobs)}
        _keep_blobs(open_blobs(settings, tidy=False), kept)
        watched = [row for canteen in made for row in seed.observed_rows(canteen, days, plan.seed)]
        with database.writing() as session:
            _refuse_twice(session)
            _places(session, made, plan)
            _batches(session, ObservedDay, watched)
            _reports(session, found)
            settle_all(session)
            _decisions(session, found, plan)
            _decision_ids(session)
            cases = _cases(session, made, photos, plan) if photos else 0
        # So that the first page is not the one that waits for all of them.
        strips(database, DEFAULT_DISTRICT, [one.canteen_id for one in made], local, plan.days)
        return Seeded(len(made), len(found), len(watched), cases)
    finally:
        database.close()


def _refuse_twice(session: Session) -> None:
    if session.scalar(select(Canteen.canteen_id).where(Canteen.canteen_id.startswith("seed-")).limit(1)):
        raise SettingsError("seed", "data", "this folder was seeded before; give another --data folder")


def _places(session: Session, made: Sequence[MadeCanteen], plan: Plan) -> None:
    for i, name in enumerate(seed.TOWNS):
        session.add(Town(town_id=seed.town_id(i), district_id=DEFAULT_DISTRICT, name=name))
    session.flush()
    created_at = plan.now - timedelta(days=plan.days)
    _batches(
        session,
        Canteen,
        [
            {
                "canteen_id": one.canteen_id,
                "town_id": one.town_id,
                "name": one.name,
                "token_sha256": seed.token_sha256(one.canteen_id, plan.seed),
                "created_at": created_at,
                "latitude": latitude,
                "longitude": longitude,
            }
            for one in made
            for latitude, longitude in (seed.coordinates(one),)
        ],
    )


def _reports(session: Session, found: Sequence[MadeViolation]) -> None:
    rows, reports, blobs = [], [], []
    for one in found:
        report, received_at = one.report, one.report.captured_at + timedelta(seconds=3)
        rows.append(
            {
                **report.model_dump(include=_COPIED),
                "received_at": received_at,
                "started_s": report.started_s,
                "confirmed_s": report.confirmed_s,
                "ended_s": report.confirmed_s + 6.0,
                "confidence": report.confidence,
                "last_seq": 1,
                "state": one.verdict or "open",
                "decision_id": 0,
            }
        )
        body = report_bytes(report)
        key = {"violation_id": report.violation_id, "seq": 1}
        digest = content_hash(body)
        reports.append({**key, "kind": "confirmed", "body": body, "sha256": digest, "received_at": received_at})
        blobs += [{**key, **blob.model_dump()} for blob in report.blobs]
    _batches(session, ViolationRow, rows)
    _batches(session, ReportRow, reports)
    _batches(session, ReportBlob, blobs)


def _decisions(session: Session, found: Sequence[MadeViolation], plan: Plan) -> None:
    person_id = _inspector(session, plan)
    decided = [one for one in found if one.verdict is not None and one.decided_at is not None]
    _batches(
        session,
        DecisionRow,
        [
            {
                "violation_id": one.report.violation_id,
                "follows": 0,
                "verdict": one.verdict,
                "reason": one.reason,
                "note": "",
                "person_id": person_id,
                "decided_at": (one.decided_at or plan.now).astimezone(UTC),
            }
            for one in sorted(decided, key=lambda one: one.decided_at or plan.now)
        ],
    )


def _decision_ids(session: Session) -> None:
    newest = (
        select(DecisionRow.decision_id)
        .where(DecisionRow.violation_id == ViolationRow.violation_id)
        .scalar_subquery()
    )
    decided = ViolationRow.state != "open"
    session.execute(update(ViolationRow).where(decided, ViolationRow.decision_id == 0).values(decision_id=newest))


def _cases(session: Session, made: Sequence[MadeCanteen], photos: Sequence[bytes], plan: Plan) -> int:
    inspector = session.scalars(select(Person.person_id).where(Person.username == INSPECTOR)).one()
    cooks = seed_cases.cooks(session, [one.canteen_id for one in made], plan.now - timedelta(days=plan.days))
    cast = seed_cases.Cast(inspector, _inspector(session, plan, SECOND), cooks)
    digests = [content_hash(data) for data in photos]
    return seed_cases.seed_cases(session, cast, digests, plan.seed, plan.now)


def _inspector(session: Session, plan: Plan, name: str = INSPECTOR) -> int:
    """Somebody whose password nobody knows and who cannot log in: made-up decisions need a name."""
    began = plan.now - timedelta(days=plan.days)
    people.add_person(session, name, Role.INSPECTOR, began)
    person = session.scalars(select(Person).where(Person.username == name)).one()
    person.disabled_at = began
    return person.person_id


def _batches(session: Session, table: type[Base], rows: list[dict[str, Any]]) -> None:
    for begin in range(0, len(rows), _AT_ONCE):
        session.execute(insert(table), rows[begin : begin + _AT_ONCE])


def _keep_blobs(blobs: BlobStore, found: Iterable[bytes]) -> None:
    for data in found:
        digest = content_hash(data)
        if blobs.size(digest) is None:
            with blobs.writer() as writer:
                writer.write(data)
                writer.keep(digest)
