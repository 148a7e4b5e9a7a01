"""Promises of webhooks, against a real HTTP server: signed, durable, retried, to nobody they may not call."""

import base64
import hmac
import ipaddress
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from regulator.conftest import Regulator
from regulator.offices import Office, receiver
from regulator.sample import CANTEEN, sample, send
from regulator.test_account import form_of
from sqlalchemy import text

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import case_store, history, setup, webhook_sender, webhook_store
from kitchenvision.regulator.access import EVERYTHING, Right, Role, Scope
from kitchenvision.regulator.case_steps import CasePolicy, CaseStep, Kind
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.webhook_events import Lookout
from kitchenvision.regulator.webhook_sender import Caller, Courier, send_due
from kitchenvision.regulator.webhook_settings import WebhookSettings, read_webhook_settings
from kitchenvision.regulator.webhook_store import BACK_OFF_S, Claimed, Event, Happening
from kitchenvision.regulator.webhook_tables import Webhook, WebhookDelivery

AT = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
OWN = Scope(frozenset(Right), "default")


@pytest.fixture
def office() -> Iterator[Office]:
    """A real server on loopback."""
    with receiver() as one:
        yield one


@pytest.fixture
def caller() -> Iterator[Caller]:
    """With the settings that hold without a file."""
    with httpx.Client(timeout=5, trust_env=False) as client:
        yield Caller(client, WebhookSettings())


def add(regulator: Regulator, url: str, at: datetime = AT, events: tuple[str, ...] = tuple(Event)) -> str:
    """A webhook of the district; its secret."""
    with regulator.app.state.parts.database.writing() as session:
        return webhook_store.add(session, regulator.app.state.parts.vault, OWN, 1, (url, events), at)


def rows(regulator: Regulator) -> list[WebhookDelivery]:
    """Everything that was queued."""
    with regulator.app.state.parts.database.reading() as session:
        return webhook_store.deliveries(session, 1)[::-1]


def queue(regulator: Regulator, *names: str) -> None:
    """Queue events of these names."""
    with regulator.app.state.parts.database.writing() as session:
        hook = session.get_one(Webhook, 1)
        happenings = [Happening(name, "ping", AT, "default", {"name": name}) for name in names]
        webhook_store.queue(session, hook, happenings, AT)


def sent(regulator: Regulator, caller: Caller, at: datetime = AT, settings: WebhookSettings | None = None) -> int:
    """One round of sending at that instant."""
    database = regulator.app.state.parts.database
    stores = (database, regulator.app.state.parts.vault)
    return send_due(stores, caller, settings or WebhookSettings(), lambda: at)


def test_a_call_is_signed_over_id_timestamp_and_body(regulator: Regulator, office: Office, caller: Caller) -> None:
    secret = add(regulator, office.url)
    queue(regulator, "一")
    assert sent(regulator, caller) == 1
    headers, body = office.got[0]
    assert json.loads(body) == {"type": "ping", "timestamp": AT.isoformat(), "data": {"name": "一"}}
    assert headers["content-type"] == "application/json"
    assert headers["webhook-timestamp"] == str(int(AT.timestamp()))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert len(key) == 32
    expected = base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert secret not in str(office.got)
    assert (rows(regulator)[0].delivered_at, rows(regulator)[0].due_at) == (AT, None)
    assert sent(regulator, caller, AT + timedelta(days=1)) == 0


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"test": 2432232314}'
    told = webhook_sender.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_failed_call_is_tried_again_later_and_later_then_given_up(
    regulator: Regulator, office: Office, caller: Caller
) -> None:
    add(regulator, office.url)
    queue(regulator, "a")
    office.status, at = 503, AT
    patient = WebhookSettings(give_up_days=365)
    for wait_s in BACK_OFF_S:
        assert sent(regulator, caller, at, patient) == 1
        row = rows(regulator)[0]
        assert (row.status, row.answer, row.due_at) == (503, "not today", at + timedelta(seconds=wait_s))
        assert sent(regulator, caller, at + timedelta(seconds=wait_s - 1), patient) == 0
        at += timedelta(seconds=wait_s)
    assert sent(regulator, caller, at, patient) == 1
    assert rows(regulator)[0].due_at is None
    assert len({headers["webhook-id"] for headers, _ in office.got}) == 1
    assert len(office.got) == len(BACK_OFF_S) + 1


def test_what_was_given_up_or_delivered_can_be_sent_again(
    regulator: Regulator, office: Office, caller: Caller
) -> None:
    add(regulator, office.url)
    queue(regulator, "a")
    sent(regulator, caller)
    with regulator.app.state.parts.database.writing() as session:
        assert webhook_store.send_again(session, 1, rows(regulator)[0].delivery_id, AT)
        assert not webhook_store.send_again(session, 2, rows(regulator)[0].delivery_id, AT)
    assert sent(regulator, caller) == 1
    assert office.got[0][1] == office.got[1][1]


def test_a_webhook_that_fails_for_days_is_switched_off_and_keeps_what_waits(
    regulator: Regulator, office: Office, caller: Caller
) -> None:
    add(regulator, office.url)
    queue(regulator, "a")
    office.status = 500
    sent(regulator, caller, AT)
    queue(regulator, "b")
    late = AT + timedelta(days=5)
    sent(regulator, caller, late - timedelta(seconds=1))
    with regulator.app.state.parts.database.reading() as session:
        assert session.get_one(Webhook, 1).disabled_at is None
    sent(regulator, caller, late)
    with regulator.app.state.parts.database.reading() as session:
        assert session.get_one(Webhook, 1).disabled_at == late
    office.status = 204
    assert sent(regulator, caller, late + timedelta(days=9)) == 0
    with regulator.app.state.parts.database.writing() as session:
        session.get_one(Webhook, 1).disabled_at = None
    assert sent(regulator, caller, late + timedelta(days=9)) == 2


def test_one_success_ends_a_row_of_failures(regulator: Regulator, office: Office, caller: Caller) -> None:
    add(regulator, office.url)
    queue(regulator, "a")
    office.status = 500
    sent(regulator, caller, AT)
    office.status = 200
    sent(regulator, caller, AT + timedelta(minutes=1))
    with regulator.app.state.parts.database.reading() as session:
        assert session.get_one(Webhook, 1).failing_since is None
    assert rows(regulator)[0].answer == "thank you"


def test_one_that_fails_holds_up_neither_itself_for_hours_nor_the_others(
    regulator: Regulator, office: Office, caller: Caller
) -> None:
    add(regulator, "http://127.0.0.1:9/nobody")
    add(regulator, office.url)
    queue(regulator, "a", "b", "c")
    with regulator.app.state.parts.database.writing() as session:
        hook = session.get_one(Webhook, 2)
        webhook_store.queue(session, hook, [Happening("a", "ping", AT, "default", {})], AT)
    assert sent(regulator, caller) == 2
    assert len(office.got) == 1
    first = rows(regulator)[0]
    assert (first.status, first.attempts) == (None, 1)
    assert "ConnectError" in first.answer


def test_nobody_is_led_elsewhere(regulator: Regulator, office: Office, caller: Caller) -> None:
    add(regulator, office.url)
    queue(regulator, "a")
    office.status = 302
    sent(regulator, caller)
    assert len(office.got) == 1
    assert rows(regulator)[0].status == 302
    assert rows(regulator)[0].delivered_at is None


def test_a_delivery_whose_sender_died_is_due_again(regulator: Regulator, office: Office, caller: Caller) -> None:
    add(regulator, office.url)
    queue(regulator, "a")
    database = regulator.app.state.parts.database
    with database.writing() as session:
        assert webhook_store.claim(session, regulator.app.state.parts.vault, AT) is not None
        assert webhook_store.claim(session, regulator.app.state.parts.vault, AT) is None
    assert sent(regulator, caller, AT + timedelta(seconds=webhook_store.CLAIM_S - 1)) == 0
    assert sent(regulator, caller, AT + timedelta(seconds=webhook_store.CLAIM_S)) == 1


def test_a_result_for_a_webhook_that_was_removed_meanwhile_is_dropped(regulator: Regulator) -> None:
    add(regulator, "https://office.example")
    queue(regulator, "a")
    database = regulator.app.state.parts.database
    with database.writing() as session:
        claimed = webhook_store.claim(session, regulator.app.state.parts.vault, AT)
        webhook_store.remove(session, session.get_one(Webhook, 1))
    assert claimed is not None
    with database.writing() as session:
        webhook_store.report(session, claimed, (204, ""), AT, timedelta(days=1))
    assert rows(regulator) == []


@pytest.mark.parametrize(
    ("addresses", "allowed"),
    [
        (["127.0.0.1"], True),
        (["::1"], True),
        (["93.184.215.14"], True),
        (["2606:4700::1111"], True),
        (["169.254.169.254"], False),  # where a cloud keeps its secrets
        (["fe80::1"], False),
        (["fd00:ec2::254"], False),
        (["::ffff:169.254.169.254"], False),
        (["10.0.0.5"], False),
        (["192.168.1.1"], False),
        (["100.100.100.200"], False),
        (["0.0.0.0"], False),
        (["224.0.0.1"], False),
        (["93.184.215.14", "169.254.169.254"], False),
        ([], False),
    ],
)
def test_only_addresses_that_may_be_called_are(addresses: list[str], allowed: bool) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(204)

    claimed = Claimed(7, 1, "https://office.example/hook", "whsec_AAAA", "{}", 1)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        told = Caller(client, WebhookSettings(), lambda _host, _port: addresses).call(claimed, AT)
    assert (told[0] == 204) == allowed == (len(asked) == 1)
    if allowed:
        # The address that was looked at is called, under the name that the certificate must carry.
        assert ipaddress.ip_address(asked[0].url.host) == ipaddress.ip_address(addresses[0])
        assert asked[0].headers["host"] == "office.example"
        assert asked[0].extensions["sni_hostname"] == "office.example"
    else:
        assert "may not be called" in told[1]


def test_inner_networks_are_called_when_the_settings_allow_them(regulator: Regulator) -> None:
    path = regulator.settings.data_dir / "webhooks.toml"
    path.write_text('allow_networks = ["10.20.0.0/16"]\ngive_up_days = 2\n', "utf-8")
    told = read_webhook_settings(regulator.settings.data_dir)
    assert told.give_up_days == 2.0
    assert told.may_call(ipaddress.ip_address("10.20.3.4"))
    assert not told.may_call(ipaddress.ip_address("10.21.3.4"))


@pytest.mark.parametrize(
    "content",
    ["give_up_days = 0", "give_up_days = true", 'allow_networks = ["x"]', "allow_networks = 5", "other = 1"],
)
def test_wrong_settings_are_named(regulator: Regulator, content: str) -> None:
    (regulator.settings.data_dir / "webhooks.toml").write_text(content, "utf-8")
    with pytest.raises(SettingsError, match=content.split(maxsplit=1)[0]):
        read_webhook_settings(regulator.settings.data_dir)


@pytest.mark.parametrize(
    "url",
    [
        *("", "office.example", "http://office.example", "ftp://office.example", "https://", "https://a:b@office"),
        *(
            "http://127.0.0.2/",
            "https://office.example:port/",
            "https://[::1",
            "https://x/" + "y" * 500,
            "https://ö",
        ),
        "javascript:alert(1)",
    ],
)
def test_an_address_that_may_never_be_called_is_refused_at_once(regulator: Regulator, url: str) -> None:
    with pytest.raises(SettingsError, match="url"):
        add(regulator, url)


def test_the_life_of_a_case_is_told_once_to_the_district_it_is_of(
    regulator: Regulator, office: Office, caller: Caller
) -> None:
    add(regulator, office.url, now() - timedelta(days=1))
    parts = regulator.app.state.parts
    setup.add_town(regulator.settings, "far", district_id="far")
    far = setup.add_canteen(regulator.settings, "canteen-far", town_id="far")
    setup.add_person(regulator.settings, "chef", Role.CANTEEN, Place(canteen_id=CANTEEN))
    at, lookout = now(), Lookout(parts)
    for number, (canteen, token) in enumerate({CANTEEN: regulator.token, "canteen-far": far}.items()):
        one = sample(number + 1, captured_at=at - timedelta(hours=2), canteen_id=canteen)
        send(regulator.client, token, [one])
        with parts.database.writing() as session:
            history.decide(session, EVERYTHING, (one.violation_id, 0), Step(Verdict.CONFIRMED), 1, at)
            opened = case_store.open_case(session, EVERYTHING, one.violation_id, 1, at, CasePolicy())
        assert opened == number + 1
    assert lookout.look(at) == 2
    assert lookout.look(at) == 0
    assert Lookout(parts).look(at) == 0  # one that begins anew adds nothing twice
    overdue = at + timedelta(days=7, seconds=1)
    assert lookout.look(overdue) == 1
    for kind, who, later in ((Kind.ANSWERED, 2, 8), (Kind.ACCEPTED, 1, 9), (Kind.APPEALED, 2, 9.5)):
        step = CaseStep(kind, who, "words", "a" * 64 if kind is Kind.ANSWERED else None)
        with parts.database.writing() as session:
            case_store.take_step(session, EVERYTHING, 1, step, at + timedelta(days=later), CasePolicy())
    setup.add_person(regulator.settings, "another")
    with parts.database.writing() as session:
        ruling = CaseStep(Kind.UPHELD, 3, "stands")
        case_store.take_step(session, EVERYTHING, 1, ruling, at + timedelta(days=9.7), CasePolicy())
    lookout.look(at + timedelta(days=9.8))
    sent(regulator, caller, at + timedelta(days=10))
    assert office.events == ["incident.confirmed", "case.opened", "case.overdue", "case.closed", "appeal.decided"]
    told = [json.loads(body)["data"] for _, body in office.got]
    assert {one["canteen_id"] for one in told} == {CANTEEN}
    assert told[4]["ruling"] == "upheld"
    assert told[1]["number"].startswith(f"{at.year}-")
    assert "admin" not in str(office.got)


def test_what_was_before_a_webhook_or_is_not_asked_for_is_not_told(regulator: Regulator) -> None:
    one = sample(1, captured_at=now() - timedelta(hours=2))
    send(regulator.client, regulator.token, [one])
    parts = regulator.app.state.parts
    lookout = Lookout(parts)
    with parts.database.writing() as session:
        history.decide(session, EVERYTHING, (one.violation_id, 0), Step(Verdict.CONFIRMED), 1, now())
    add(regulator, "https://office.example", now() + timedelta(seconds=1))
    add(regulator, "https://office.example", now() - timedelta(days=1), ("camera.blind",))
    assert lookout.look(now()) == 0


def test_a_blind_camera_is_told_once_each_time(regulator: Regulator) -> None:
    add(regulator, "https://office.example", AT - timedelta(hours=1))
    parts = regulator.app.state.parts
    lookout = Lookout(parts)
    for minute in range(3):
        at = AT + timedelta(minutes=minute)
        parts.wall.put_blind((CANTEEN, "c1"), AT, "covered", at)
        assert lookout.look(at) == int(minute == 0)
    parts.wall.put((CANTEEN, "c1"), b"jpeg", AT + timedelta(minutes=4), AT + timedelta(minutes=4))
    assert lookout.look(AT + timedelta(minutes=4)) == 0
    parts.wall.put_blind((CANTEEN, "c1"), AT + timedelta(minutes=5), "covered", AT + timedelta(minutes=5))
    assert lookout.look(AT + timedelta(minutes=5)) == 1
    data = json.loads(rows(regulator)[0].body)["data"]
    assert data == {"canteen_id": CANTEEN, "canteen": "一号食堂", "camera_id": "c1", "reason": "covered"}


def test_a_colour_is_told_when_it_changes(regulator: Regulator) -> None:
    add(regulator, "https://office.example", AT - timedelta(hours=1))
    lookout, database = Lookout(regulator.app.state.parts), regulator.app.state.parts.database
    assert lookout.look(AT) == 0  # the first look learns what there is
    with database.writing() as session:
        session.execute(text("UPDATE told_colours SET colour = 'green'"))
    assert lookout.look(AT + timedelta(minutes=9)) == 0  # not looked at each time
    assert lookout.look(AT + timedelta(minutes=10)) == 1
    assert lookout.look(AT + timedelta(minutes=20)) == 0
    data = json.loads(rows(regulator)[0].body)["data"]
    assert (data["before"], data["colour"]) == ("green", "grey")


def test_a_courier_sends_by_itself_and_ends_when_told(
    regulator: Regulator, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "EVERY_S", 0.05)
    add(regulator, office.url, now() - timedelta(hours=1))
    browser = regulator.logged_in()
    answer = browser.post("/webhooks/1/ping", data=form_of(browser), follow_redirects=False)
    assert answer.status_code == 303
    courier = Courier(regulator.app.state.parts)
    courier.start()
    deadline = threading.Event()
    for _ in range(200):
        if office.got:
            break
        deadline.wait(0.05)
    courier.stop()
    assert office.events == ["ping"]
    assert "webhooks" not in [one.name for one in threading.enumerate() if one is courier._job._thread]


def test_the_pages_show_the_secret_once_and_what_came_of_calls(
    regulator: Regulator, office: Office, caller: Caller
) -> None:
    browser = regulator.logged_in()
    page = browser.post("/webhooks", data=form_of(browser, url=office.url, event=["case.opened"])).text
    found = re.search(r"whsec_[\w+/=]+", page)
    assert found
    browser.post("/webhooks/1/ping", data=form_of(browser))
    office.status = 500
    sent(regulator, caller, now())
    page = browser.get("/webhooks/1", params={"lang": "en"}).text
    assert "500 not today" in page
    assert "failing since" in page
    for path in ("/webhooks", "/webhooks/1"):
        assert found.group(0) not in browser.get(path).text
    office.status = 204
    again = re.search(r"/webhooks/1/deliveries/\d+/again", page)
    assert again
    browser.post(again.group(0), data=form_of(browser))
    assert sent(regulator, caller, now()) == 1
    assert browser.post("/webhooks/1/remove", data=form_of(browser), follow_redirects=False).status_code == 303
    assert browser.get("/webhooks/1").status_code == 404
    for fields in ({"url": "http://10.0.0.1/"}, {"url": office.url}, {"url": office.url, "event": ["x"]}):
        assert browser.post("/webhooks", data=form_of(browser, **fields)).status_code == 422


def test_a_district_sees_its_own_webhooks_alone(regulator: Regulator) -> None:
    add(regulator, "https://office.example")
    with regulator.app.state.parts.database.reading() as session:
        for scope in (Scope(frozenset(Right), "far"), Scope(frozenset({Right.READ}), "default")):
            assert webhook_store.webhooks(session, scope) == []
            assert webhook_store.webhook_in(session, scope, 1) is None


def test_there_are_only_so_many_and_old_calls_are_forgotten(regulator: Regulator) -> None:
    for _ in range(webhook_store.MOST_WEBHOOKS):
        add(regulator, "https://office.example")
    with pytest.raises(SettingsError, match="remove one"):
        add(regulator, "https://office.example")
    queue(regulator, "waits", "done")
    with regulator.app.state.parts.database.writing() as session:
        session.get_one(WebhookDelivery, 2).due_at = None
        webhook_store.forget_old(session, AT + webhook_store.KEPT)
        assert len(webhook_store.deliveries(session, 1)) == 2
        webhook_store.forget_old(session, AT + webhook_store.KEPT + timedelta(seconds=1))
    assert [row.event_key for row in rows(regulator)] == ["waits"]
