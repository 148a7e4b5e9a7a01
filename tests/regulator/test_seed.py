"""Promises of the made-up district: the same by the same seed, whole, and full enough to see every page."""

import hashlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from regulator.conftest import made
from regulator.sample import head_drawn
from sqlalchemy import select

from kitchenvision.commands.demo import bundled_videos
from kitchenvision.commands.seed_scenes import photos, scenes
from kitchenvision.errors import SettingsError
from kitchenvision.regulator import seed, setup
from kitchenvision.regulator.app import create_app
from kitchenvision.regulator.blobs import LocalBlobStore
from kitchenvision.regulator.case_tables import CaseEventRow, CaseRow, CaseViolation
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.observed_tables import ObservedDay
from kitchenvision.regulator.policy_tables import ColourRow
from kitchenvision.regulator.scoring_store import today
from kitchenvision.regulator.seed import Scene
from kitchenvision.regulator.seed_store import INSPECTOR, Plan, fill
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.tables import Base, Canteen, DecisionRow, Person, ReportBlob, ReportRow, ViolationRow
from kitchenvision.wire import ConfirmedReport, parse_report

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PLAN = Plan(12, 30, 7, NOW)
BOX = (10.0, 20.0, 60.0, 120.0)


def scene(rule_id: str, number: int) -> Scene:
    """A drawn one."""
    return Scene(rule_id, head_drawn(number), head_drawn(number + 50), 96, 96, BOX, BOX, None, ())


PHOTOS = [head_drawn(90), head_drawn(91)]
SCENES = [scene(rule_id, i) for i, rule_id in enumerate(seed.RULES)]


def everything(settings: RegulatorSettings) -> dict[str, list[tuple[object, ...]]]:
    """All rows that a seed makes, of each table in order, without secrets."""
    database = Database(settings.url)
    found = {}
    tables: tuple[type[Base], ...] = (
        Canteen,
        ViolationRow,
        ReportRow,
        ReportBlob,
        DecisionRow,
        ObservedDay,
        ColourRow,
        CaseRow,
        CaseViolation,
        CaseEventRow,
    )
    with database.reading() as session:
        for table in tables:
            names = [column.name for column in table.__table__.columns]
            rows = [tuple(getattr(row, name) for name in names) for row in session.scalars(select(table))]
            found[table.__tablename__] = sorted(rows, key=repr)
    database.close()
    return found


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> RegulatorSettings:
    """Twelve canteens, thirty days."""
    settings = RegulatorSettings(tmp_path_factory.mktemp("seeded"), language="en")
    setup.prepare(settings)
    fill(settings, PLAN, SCENES, PHOTOS)
    return settings


def test_the_same_seed_makes_the_same_district_and_another_one_another(
    seeded: RegulatorSettings, tmp_path: Path
) -> None:
    again, other = RegulatorSettings(tmp_path / "again"), RegulatorSettings(tmp_path / "other")
    for settings, plan in ((again, PLAN), (other, Plan(12, 30, 8, NOW))):
        setup.prepare(settings)
        fill(settings, plan, SCENES, PHOTOS)
    assert everything(again) == everything(seeded)
    assert everything(other)["violations"] != everything(seeded)["violations"]


def test_every_report_is_one_that_an_edge_box_could_have_sent(seeded: RegulatorSettings) -> None:
    database, blobs = Database(seeded.url), LocalBlobStore(seeded.data_dir / "blobs")
    with database.reading() as session:
        reports = list(session.scalars(select(ReportRow)))
        assert len(reports) > 20
        for row in reports:
            report = parse_report(row.body)
            assert isinstance(report, ConfirmedReport)
            assert hashlib.sha256(row.body).hexdigest() == row.sha256
            assert report.captured_at < NOW
            for blob in report.blobs:
                data = b"".join(blobs.chunks(blob.sha256))
                assert (len(data), hashlib.sha256(data).hexdigest()) == (blob.size, blob.sha256)
        decided = session.execute(
            select(ViolationRow.state, DecisionRow.verdict, DecisionRow.decided_at)
            .join(DecisionRow, DecisionRow.decision_id == ViolationRow.decision_id)
            .where(DecisionRow.violation_id == ViolationRow.violation_id)
        ).all()
        waiting = [row for row in session.scalars(select(ViolationRow)) if row.state == "open"]
    database.close()
    assert len(decided) + len(waiting) == len(reports)
    assert all(state == verdict and at < NOW for state, verdict, at in decided)


def test_cases_have_gone_every_way_and_their_photos_are_there(seeded: RegulatorSettings) -> None:
    database, blobs = Database(seeded.url), LocalBlobStore(seeded.data_dir / "blobs")
    with database.reading() as session:
        cases = list(session.scalars(select(CaseRow)))
        events = list(session.scalars(select(CaseEventRow)))
        at = seed.local(NOW, seeded.timezone)
        ids = [row.canteen_id for row in session.scalars(select(Canteen)) if row.canteen_id.startswith("seed-")]
        points = [point for one in today(session, "default", ids, at).values() for point in one.score.points]
    database.close()
    assert len(cases) > 10
    assert len({row.number for row in cases}) == len(cases)
    assert {"closed", "notified"} <= {row.state for row in cases}
    assert all(event.at < NOW for event in events)
    shown = [event.photo_sha256 for event in events if event.photo_sha256 is not None]
    assert shown
    assert all(blobs.size(digest) for digest in shown)
    assert any(point.credit < 1 for point in points)


def test_nobody_can_log_in_as_the_made_up_inspector(seeded: RegulatorSettings) -> None:
    database = Database(seeded.url)
    with database.reading() as session:
        person = session.scalars(select(Person).where(Person.username == INSPECTOR)).one()
    database.close()
    assert person.disabled_at is not None
    with pytest.raises(SettingsError, match="disabled"):
        setup.one_time_link(seeded, INSPECTOR)


def test_a_folder_is_seeded_once_and_never_without_pictures(seeded: RegulatorSettings) -> None:
    before = everything(seeded)
    with pytest.raises(SettingsError, match="seeded before"):
        fill(seeded, PLAN, SCENES)
    with pytest.raises(SettingsError, match="no incident"):
        fill(seeded, PLAN, [])
    assert everything(seeded) == before


def test_the_pages_are_full(seeded: RegulatorSettings, tmp_path: Path) -> None:
    with made(tmp_path) as one:
        client = type(one)(seeded, create_app(seeded), one.client, "", "").logged_in()
        page = client.get("/district").text
        assert page.count("<tr data-colour") == 12
        assert page.count("<polyline") >= 8
        assert client.get("/review").status_code == 200


def test_a_district_of_159_has_canteens_of_every_colour() -> None:
    canteens = seed.canteens(159, 1)
    assert len({one.canteen_id for one in canteens}) == len({one.name for one in canteens}) == 159
    assert {one.town_id for one in canteens} == {seed.town_id(i) for i in range(len(seed.TOWNS))}
    blind = [one for one in canteens if one.watching < 0.6]
    assert 4 <= len(blind) <= 20
    habits = Counter(min(seed.HABITS, key=lambda habit: abs(habit[1] - one.chance)) for one in canteens)
    assert len(habits) == len(seed.HABITS)


def test_schools_are_closed_at_weekends() -> None:
    days = seed.school_days(date(2026, 11, 24), 14)
    assert len(days) == 10
    assert all(day.weekday() < 5 for day in days)


def test_nothing_is_seen_in_the_future() -> None:
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    one = seed.MadeCanteen("c", "c", "t", tuple("abcdefgh"), 1.0, 1.0)
    found = list(seed.violations(one, [noon.date()], SCENES, 1, noon))
    assert found
    assert all(row.report.captured_at < noon - timedelta(minutes=1) for row in found)
    assert all(row.decided_at is None or row.decided_at < noon for row in found)


def test_the_bundled_clips_give_pictures_of_every_rule_with_their_boxes() -> None:
    found = scenes(bundled_videos())
    assert {one.rule_id for one in found} == set(seed.RULES)
    for one in found:
        assert one.snapshot.startswith(b"\xff\xd8")
        assert (one.width, one.height) == (960, 540)
        assert one.cigarette is None or one.rule_id == "smoking"
    assert len(photos(bundled_videos())) >= 3  # of the clip in which everybody complies
