"""Promises of looking for what webhooks tell: nothing is passed over, whoever looks."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from regulator.conftest import Regulator
from regulator.district import District
from regulator.offices import Office, receiver
from regulator.sample import CANTEEN, Sample, sample, send
from regulator.test_webhooks import AT, OWN, add, rows
from regulator.test_workers import running
from sqlalchemy import func, insert, select, text

from kitchenvision.regulator import case_store, history, setup, webhook_events, webhook_store
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.jobs import Sole
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.storage_settings import StorageSettings
from kitchenvision.regulator.tables import DecisionRow, ViolationRow
from kitchenvision.regulator.vault import Vault
from kitchenvision.regulator.webhook_events import Lookout
from kitchenvision.regulator.webhook_store import Event
from kitchenvision.regulator.webhook_tables import LookoutProgress, Webhook, WebhookDelivery


def confirm(regulator: Regulator, one: Sample, at: datetime) -> None:
    """A person confirms it."""
    with regulator.app.state.parts.database.writing() as session:
        history.decide(session, EVERYTHING, (one.violation_id, 0), Step(Verdict.CONFIRMED), 1, at)


def confirm_many(regulator: Regulator, count: int, at: datetime, first: int = 0) -> None:
    """As if so many violations, each an incident of its own, had been confirmed."""
    with regulator.app.state.parts.database.writing() as session:
        own = session.execute(select(*ViolationRow.__table__.columns).limit(1)).one()._asdict()
        ids = [f"copy-{n:05d}" for n in range(first, first + count)]
        same = {"state": "confirmed", "incident_id": ""}
        session.execute(insert(ViolationRow), [own | same | {"violation_id": one} for one in ids])
        decided = {"follows": 0, "verdict": "confirmed", "reason": None, "note": "", "person_id": 1}
        session.execute(insert(DecisionRow), [decided | {"decided_at": at, "violation_id": one} for one in ids])


def queued(regulator: Regulator, webhook_id: int = 1) -> list[str]:
    """Keys of everything that was queued, sorted."""
    with regulator.app.state.parts.database.reading() as session:
        own = select(WebhookDelivery.event_key).where(WebhookDelivery.webhook_id == webhook_id)
        return sorted(session.scalars(own))


@pytest.fixture
def office() -> Iterator[Office]:
    """A real server on loopback."""
    with receiver() as one:
        yield one


@pytest.fixture
def told(regulator: Regulator) -> Regulator:
    """With one violation, and a webhook that asks for confirmed incidents."""
    send(regulator.client, regulator.token, [sample(1, captured_at=AT - timedelta(hours=2))])
    asked = (Event.INCIDENT_CONFIRMED, Event.CASE_OVERDUE)
    add(regulator, "https://office.example", AT - timedelta(days=30), asked)
    return regulator


def test_more_events_between_two_looks_than_are_read_at_once_are_all_told(told: Regulator) -> None:
    lookout = Lookout(told.app.state.parts)
    assert lookout.look(AT) == 0
    count = 2 * webhook_events._BATCH + 7
    confirm_many(told, count, AT + timedelta(seconds=1))
    assert lookout.look(AT + timedelta(seconds=5)) == count
    assert queued(told) == [f"incident.confirmed:copy-{n:05d}" for n in range(count)]
    assert lookout.look(AT + timedelta(seconds=10)) == 0
    assert lookout.look(AT + timedelta(minutes=10)) == 0


def test_what_happened_while_nobody_looked_for_days_is_told_afterwards(told: Regulator) -> None:
    assert Lookout(told.app.state.parts).look(AT) == 0
    confirm_many(told, 3, AT + timedelta(hours=1))
    confirm_many(told, 3, AT + timedelta(days=2), first=3)
    assert Lookout(told.app.state.parts).look(AT + timedelta(days=9)) == 6
    assert Lookout(told.app.state.parts).look(AT + timedelta(days=9)) == 0


def test_a_first_look_of_all_begins_a_day_before(told: Regulator) -> None:
    confirm_many(told, 2, AT - timedelta(days=3))
    confirm_many(told, 2, AT - timedelta(hours=3), first=2)
    assert Lookout(told.app.state.parts).look(AT) == 2
    assert queued(told) == ["incident.confirmed:copy-00002", "incident.confirmed:copy-00003"]


def test_a_decision_that_is_committed_after_a_later_one_is_told_too(told: Regulator) -> None:
    lookout, database = Lookout(told.app.state.parts), told.app.state.parts.database
    confirm_many(told, 3, AT)
    with database.writing() as session:  # as if the first one's transaction were still open
        late = session.execute(text("SELECT * FROM decisions ORDER BY decision_id LIMIT 1")).one()._asdict()
        session.execute(text("DELETE FROM decisions WHERE decision_id = :decision_id"), late)
    assert lookout.look(AT + timedelta(seconds=5)) == 2
    with database.writing() as session:
        names = ", ".join(late)
        values = ", ".join(f":{name}" for name in late)
        session.execute(text(f"INSERT INTO decisions ({names}) VALUES ({values})"), late)
    assert lookout.look(AT + timedelta(seconds=10)) == 1
    assert lookout.look(AT + timedelta(minutes=30)) == 0
    with database.reading() as session:
        kept = session.get_one(LookoutProgress, "webhooks")
        assert kept.decision_id == session.scalar(select(func.max(DecisionRow.decision_id)))


def test_a_webhook_that_is_switched_on_again_gets_the_last_day_and_not_months(told: Regulator) -> None:
    add(told, "https://other.example", AT - timedelta(days=30), (Event.INCIDENT_CONFIRMED,))
    lookout, database = Lookout(told.app.state.parts), told.app.state.parts.database
    assert lookout.look(AT) == 0

    def switch(at: datetime | None) -> None:
        with database.writing() as session:
            session.get_one(Webhook, 2).disabled_at = at

    switch(AT)
    confirm_many(told, 2, AT + timedelta(hours=1))
    confirm_many(told, 2, AT + timedelta(days=3), first=2)
    assert lookout.look(AT + timedelta(days=3)) == 4
    switch(None)
    assert lookout.look(AT + timedelta(days=3, hours=1)) == 2
    assert queued(told, 2) == ["incident.confirmed:copy-00002", "incident.confirmed:copy-00003"]
    assert len(queued(told)) == 4


def test_when_nobody_asks_nothing_is_kept_and_the_first_who_does_gets_the_last_day(told: Regulator) -> None:
    lookout, database = Lookout(told.app.state.parts), told.app.state.parts.database
    lookout.look(AT)
    with database.writing() as session:
        session.get_one(Webhook, 1).disabled_at = AT
    lookout.look(AT + timedelta(minutes=1))
    confirm_many(told, 4, AT + timedelta(days=1))
    with database.writing() as session:
        session.get_one(Webhook, 1).disabled_at = None
    assert lookout.look(AT + timedelta(days=90)) == 0


def test_a_deadline_that_passed_while_nobody_looked_for_days_is_told(told: Regulator) -> None:
    parts = told.app.state.parts
    setup.add_person(told.settings, "chef", Role.CANTEEN, Place(canteen_id=CANTEEN))
    confirm(told, sample(1), AT)
    with parts.database.writing() as session:
        case_store.open_case(session, EVERYTHING, sample(1).violation_id, 1, AT, told.settings.cases)
    assert Lookout(parts).look(AT) == 1
    assert Lookout(parts).look(AT + timedelta(days=30)) == 1
    assert json.loads(rows(told)[-1].body)["type"] == "case.overdue"
    assert Lookout(parts).look(AT + timedelta(days=30, hours=2)) == 0


def test_on_sqlite_every_job_is_this_processes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'one.sqlite3'}")
    assert Sole(database, "webhooks").mine()
    assert Sole(database, "webhooks").mine()
    database.close()


def test_of_several_processes_one_has_a_job_until_it_dies_or_lets_go(district: District) -> None:
    with district.storage() as storage:
        assert storage.database is not None
        databases = [Database(storage.database) for _ in range(3)]
        one, two, three = (Sole(database, "webhooks") for database in databases)
        assert [one.mine(), two.mine(), three.mine(), one.mine()] == [True, False, False, True]
        another = Sole(databases[1], "another")
        assert another.mine()
        another.let_go()
        with databases[1].engine.connect() as connection:
            dead = text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                "AND objid = (SELECT hashtext('webhooks')::bigint & 4294967295)::oid"
            )
            assert connection.execute(dead).scalars().all() == [True]
        until = time.monotonic() + 20
        while not two.mine():
            assert time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(Exception, match="database"):
            one.mine()
        assert not one.mine()
        two.let_go()
        while not three.mine():
            assert time.monotonic() < until
            time.sleep(0.05)
        for sole, database in zip((one, two, three), databases, strict=True):
            sole.let_go()
            database.close()


@pytest.mark.slow
def test_of_several_workers_one_tells_and_another_goes_on_when_it_dies(
    tmp_path: Path, district: District, office: Office
) -> None:
    with (
        district.storage() as storage,
        running(tmp_path / "data", StorageSettings(storage.database), 2) as (settings, parent),
    ):
        token = setup.add_canteen(settings, CANTEEN)
        database = Database(settings.url)
        with database.writing() as session:
            webhook_store.add(
                session, Vault(settings.data_dir), OWN, 1, (office.url, (Event.INCIDENT_CONFIRMED,)), now()
            )
        with httpx.Client(base_url=setup.address(settings.host, settings.port), trust_env=False) as client:
            send(client, token, [sample(n, captured_at=now() - timedelta(hours=3 * n)) for n in (1, 2)])
        for number in (1, 2):
            with database.writing() as session:
                key = (sample(number).violation_id, 0)
                history.decide(session, EVERYTHING, key, Step(Verdict.CONFIRMED), 1, now())
            until = time.monotonic() + 90
            while len(office.got) < number:
                assert time.monotonic() < until
                time.sleep(0.2)
            if number == 1:
                _kill_the_holder(database, parent)
        time.sleep(11)  # two more looks of everybody
        assert len(office.got) == 2
        database.close()


def _kill_the_holder(database: Database, parent: psutil.Process) -> None:
    """Kill the worker whose connection has the lock."""
    held = text(
        "SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' "
        "AND classid = 27512"
    )
    with database.engine.connect() as connection:
        ports = set(connection.execute(held).scalars())
    assert len(ports) == 1
    holders = [
        one
        for one in parent.children()
        if any(c.laddr and c.laddr.port in ports for c in one.net_connections(kind="tcp"))
    ]
    assert len(holders) == 1
    holders[0].kill()
