"""Promises of the weekly digest: right figures, one's own canteens alone, sent once over real SMTP."""

import re
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, sample, send
from regulator.servers import free_ports
from regulator.test_account import post
from regulator.test_lookout import confirm
from sqlalchemy import select

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import case_store, digest, digest_mail, digest_sender, digest_store, setup
from kitchenvision.regulator.access import EVERYTHING, Role, Scope
from kitchenvision.regulator.case_steps import CasePolicy
from kitchenvision.regulator.digest import Change, Digest, Figures, Overdue, Week
from kitchenvision.regulator.digest_sender import Postman, due_week
from kitchenvision.regulator.digest_store import DigestSent
from kitchenvision.regulator.district_view import Place
from kitchenvision.regulator.mail_settings import MailSettings, is_mail_address, read_mail
from kitchenvision.regulator.parts import Parts
from kitchenvision.regulator.people import Place as Where
from kitchenvision.regulator.rendering import Words
from kitchenvision.regulator.scoring import Colour
from kitchenvision.regulator.scoring_store import zone_of

# A Monday, 09:00 in Shanghai: the week before is that of 16 to 22 November.
AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
WEEK = Week(date(2026, 11, 16))
USER, PASSWORD = "kitchen", "hunter2 of the mail"


@dataclass
class Postbox:
    """A mail server: what it got, and what it answers."""

    port: int = 0
    certificate: Path = Path()
    answer: str = "250 OK"
    got: list[EmailMessage] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        """Keep it and answer."""
        if self.answer.startswith("250"):
            self.got.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
            self.encrypted.append(session.ssl is not None)
        return self.answer

    def check(self, _server: Any, _session: Any, _envelope: Any, _way: str, data: Any) -> AuthResult:
        """User and password."""
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        fits = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=fits, handled=fits)

    def settings(self, **more: Any) -> MailSettings:
        """As an office would write them for this server."""
        told = MailSettings("127.0.0.1", "kitchen@office.example", "https://regulator.example", self.port)
        return replace(told, **{"username": USER, "password": PASSWORD, "ca_file": self.certificate, **more})


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate of 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "ca.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(secret + path.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context, path


@pytest.fixture
def postbox(tmp_path: Path) -> Iterator[Postbox]:
    """A real SMTP server on loopback that takes mail after STARTTLS and a password only."""
    box = Postbox(free_ports(1)[0])
    context, box.certificate = certified(tmp_path)
    server = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=box.check,
    )
    server.start()
    yield box
    server.stop()


@pytest.fixture
def week(regulator: Regulator) -> Regulator:
    """Two canteens of two towns; findings and a case in the week and in the one before."""
    setup.add_town(regulator.settings, "east", "东镇")
    east = setup.add_canteen(regulator.settings, "canteen-east", "东镇小学", "east")
    zone_midnight = datetime(2026, 11, 15, 16, 0, tzinfo=UTC)  # Monday, 00:00 in Shanghai
    times = {
        1: zone_midnight,
        2: zone_midnight + timedelta(days=7, seconds=-1),
        3: zone_midnight - timedelta(seconds=1),  # of the week before
        4: zone_midnight + timedelta(days=7),  # of the week after
    }
    own = [sample(n, captured_at=at, camera_id=f"camera-{n}") for n, at in times.items()]
    send(regulator.client, regulator.token, own)
    send(regulator.client, east, [sample(9, captured_at=times[1], canteen_id="canteen-east")])
    confirm(regulator, own[0], times[1] + timedelta(hours=1))
    with regulator.app.state.parts.database.writing() as session:
        opened = times[1] + timedelta(hours=2)
        late = CasePolicy(rectify_days={"no_hat": 2})
        case_store.open_case(session, EVERYTHING, own[0].violation_id, 1, opened, late)
    return regulator


def made(regulator: Regulator, scope: Scope, at: datetime = AT) -> Digest:
    """The digest of that scope as it is made at that instant."""
    parts: Parts = regulator.app.state.parts
    local = at.astimezone(Words("en", "Asia/Shanghai")._zone)
    assert zone_of(local) is not None
    return digest.made(parts.database, scope, digest.last_week(local), parts.wall.tiles([CANTEEN], at), local)


def asks(regulator: Regulator, username: str, email: str, language: str = "en") -> None:
    """That person asks for it on the page."""
    browser = regulator.logged_in(username)
    assert post(browser, "/digest", email=email, language=language).status_code == 200


def postman(regulator: Regulator, settings: MailSettings) -> Postman:
    """One that a test tells when to look."""
    return Postman(regulator.app.state.parts, settings)


def sent_rows(regulator: Regulator) -> list[DigestSent]:
    """What the database keeps."""
    with regulator.app.state.parts.database.reading() as session:
        return list(session.scalars(select(DigestSent).order_by(DigestSent.person_id, DigestSent.week)))


def text_of(mail: EmailMessage) -> str:
    """Its plain half."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_week_is_counted_by_local_days_and_beside_the_one_before(week: Regulator) -> None:
    told = made(week, EVERYTHING)
    assert (told.week, told.week.key, told.week.sunday) == (WEEK, "2026-W47", date(2026, 11, 22))
    assert told.now == Figures(findings=3, confirmed=1, rejected=0, opened=1, closed=0)
    assert told.last == Figures(findings=1, confirmed=0, rejected=0, opened=0, closed=0)
    assert (told.canteens, told.waiting, told.open_cases) == (2, 4, 1)
    assert [(one.number, one.canteen, one.days) for one in told.overdue] == [("2026-00001", "一号食堂", 5)]


def test_an_inspector_reads_of_their_towns_only(week: Regulator) -> None:
    told = made(week, Scope(EVERYTHING.rights, "default", frozenset({"east"})))
    assert (told.towns, told.canteens) == (("东镇",), 1)
    assert told.now == Figures(findings=1, confirmed=0, rejected=0, opened=0, closed=0)
    assert (told.overdue, told.waiting, told.open_cases) == ((), 1, 0)


def test_an_inspector_of_a_town_without_canteens_does_not_read_of_the_whole_district(week: Regulator) -> None:
    setup.add_town(week.settings, "west", "西镇")
    told = made(week, Scope(EVERYTHING.rights, "default", frozenset({"west"})))
    assert (told.towns, told.canteens, told.waiting) == (("西镇",), 0, 0)


def test_a_colour_that_changed_and_a_camera_that_is_blind_are_named(week: Regulator) -> None:
    parts: Parts = week.app.state.parts
    parts.wall.put_blind((CANTEEN, "camera-1"), AT, "covered", AT)
    told = made(week, EVERYTHING)
    assert [(one.canteen, one.camera_id, one.reason) for one in told.blind] == [("一号食堂", "camera-1", "covered")]
    for change in told.changes:
        assert change.before is not change.after


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (datetime(2026, 11, 23, 7, 59), None),
        (datetime(2026, 11, 23, 8, 0), "2026-W47"),
        (datetime(2026, 11, 29, 23, 0), "2026-W47"),
        (datetime(2026, 11, 30, 8, 0), "2026-W48"),
        (datetime(2027, 1, 4, 8, 0), "2026-W53"),
    ],
)
def test_it_goes_from_its_day_and_hour_on(at: datetime, due: str | None) -> None:
    week = due_week(MailSettings("h", "a@b.example", "https://r.example"), at)
    assert (None if week is None else week.key) == due


def test_each_reader_gets_one_mail_in_their_language_over_starttls(week: Regulator, postbox: Postbox) -> None:
    setup.add_person(week.settings, "wang", Role.INSPECTOR, Where(("east",)))
    setup.add_person(week.settings, "silent", Role.AUDITOR)
    asks(week, "admin", "chief@office.example")
    asks(week, "wang", "wang@office.example", "zh")
    office = postman(week, postbox.settings())
    # Whoever asked after that instant is not told of it; the tests' clock stands before the real one.
    with week.app.state.parts.database.writing() as session:
        for reader in session.scalars(select(digest_store.DigestReader)):
            reader.asked_at = AT - timedelta(days=1)
    assert office.round(AT - timedelta(hours=2)) == 0
    assert office.round(AT) == 2
    assert office.round(AT + timedelta(minutes=1)) == 0
    assert postman(week, postbox.settings()).round(AT + timedelta(days=2)) == 0  # after a restart
    assert postbox.encrypted == [True, True]
    assert postbox.users == [USER, USER]
    chief, wang = sorted(postbox.got, key=lambda mail: str(mail["To"]))
    assert (chief["To"], wang["To"]) == ("chief@office.example", "wang@office.example")
    assert chief["Subject"] == "Kitchen review, 2026-11-16 to 2026-11-22"
    assert wang["Subject"] == "明厨亮灶周报 2026-11-16 至 2026-11-22"
    assert "Findings: 3 (Week before 1, +2)" in text_of(chief)
    assert "- 2026-00001, 一号食堂, No hat, 5 d late" in text_of(chief)
    assert "发现: 1 (上周 0, +1)" in text_of(wang)
    assert "一号食堂" not in text_of(wang)
    page = chief.get_body(("html",))
    assert page is not None
    assert 'href="https://regulator.example/cases/1"' in page.get_content()
    assert "<script" not in page.get_content()
    assert [(row.week, row.attempts, row.problem) for row in sent_rows(week)] == [("2026-W47", 1, "")] * 2
    assert all(row.sent_at == AT for row in sent_rows(week))
    assert office.round(AT + timedelta(days=7)) == 2  # the next week's


@pytest.fixture
def reader(week: Regulator) -> Regulator:
    """The first admin has asked for it long ago."""
    asks(week, "admin", "chief@office.example")
    with week.app.state.parts.database.writing() as session:
        session.get_one(digest_store.DigestReader, 1).asked_at = AT - timedelta(days=100)
    return week


def test_a_mail_that_was_not_taken_is_tried_again_and_not_for_ever(
    reader: Regulator, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_store, "MOST_TRIES", 3)
    office, at = postman(reader, postbox.settings()), AT
    postbox.answer = "451 later"
    for tries in (1, 2):
        assert office.round(at) == 1
        assert (sent_rows(reader)[0].attempts, sent_rows(reader)[0].problem) == (tries, "the server refused: 451")
        assert office.round(at + digest_store.RETRY - timedelta(seconds=1)) == 0
        at += digest_store.RETRY
    postbox.answer = "250 OK"
    assert office.round(at) == 1
    assert len(postbox.got) == 1
    assert office.round(at + timedelta(days=1)) == 0
    postbox.answer, at = "554 no", AT + timedelta(days=7)
    for _ in range(3):
        assert office.round(at) == 1
        at += digest_store.RETRY
    assert office.round(at) == 0
    page = reader.logged_in().get("/digest").text
    assert "was not sent: the server refused: 554" in page


def test_of_two_who_send_at_once_one_does_and_a_claim_without_an_end_is_not_sent_again(
    reader: Regulator, postbox: Postbox
) -> None:
    database = reader.app.state.parts.database
    with database.writing() as session:
        assert digest_store.claim(session, 1, WEEK.key, AT) is not None
    with database.writing() as session:
        assert digest_store.claim(session, 1, WEEK.key, AT) is None
    assert postman(reader, postbox.settings()).round(AT + timedelta(hours=5)) == 0
    assert postbox.got == []


def test_who_was_disabled_lost_the_desk_or_ended_it_gets_none(reader: Regulator, postbox: Postbox) -> None:
    setup.add_person(reader.settings, "wang", Role.INSPECTOR)
    asks(reader, "wang", "wang@office.example")
    database, office = reader.app.state.parts.database, postman(reader, postbox.settings())
    with database.writing() as session:
        session.get_one(digest_store.DigestReader, 2).asked_at = AT - timedelta(days=1)

    def waiting() -> list[int]:
        with database.reading() as session:
            return digest_store.waiting(session, WEEK.key, AT)

    assert waiting() == [1, 2]
    setup.set_disabled(reader.settings, "wang", True)
    assert waiting() == [1]
    assert post(reader.logged_in(), "/digest/stop").status_code == 200
    assert waiting() == []
    assert office.round(AT) == 0


@pytest.mark.logs_errors  # the mail server's own, when nobody trusts its certificate
@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"password": "wrong"}, "the server does not take user and password: 535"),
        ({"ca_file": None}, "the server cannot be reached: SSLCertVerificationError"),
        ({"port": 1}, "the server cannot be reached: ConnectionRefusedError"),
        ({"security": "none", "username": ""}, "the server refused: 530"),
    ],
)
def test_what_is_wrong_with_the_server_is_said_without_the_password(
    reader: Regulator, postbox: Postbox, more: dict[str, Any], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert postman(reader, postbox.settings(**more)).round(AT) == 1
    assert sent_rows(reader)[0].problem == problem
    assert postbox.got == []
    assert PASSWORD not in caplog.text + repr(postbox.settings())
    assert "person 1" in caplog.text


def test_tls_from_the_first_byte_on_works_too(reader: Regulator, tmp_path: Path) -> None:
    box = Postbox(free_ports(1)[0])
    context, box.certificate = certified(tmp_path)
    server = Controller(box, hostname="127.0.0.1", port=box.port, ssl_context=context)
    server.start()
    try:
        assert postman(reader, replace(box.settings(security="tls"), username="")).round(AT) == 1
    finally:
        server.stop()
    assert len(box.got) == 1  # which that server does not take without


def test_the_thread_sends_by_itself_and_ends_when_told(
    reader: Regulator, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_sender, "EVERY_S", 0.05)
    monkeypatch.setattr(digest_sender, "now", lambda: AT)
    office = postman(reader, postbox.settings())
    office.start()
    done = threading.Event()
    for _ in range(400):
        if postbox.got:
            break
        done.wait(0.05)
    office.stop()
    assert len(postbox.got) == 1
    assert not [one for one in threading.enumerate() if one.name == "digests"]


def test_the_page_asks_previews_and_ends_in_both_languages(week: Regulator) -> None:
    browser = week.logged_in()
    page = browser.get("/digest?lang=zh").text
    assert "预览：上一周" in page
    assert "mail.toml" in page
    page = browser.get("/digest?lang=en").text
    assert "Preview: the last week" in page
    assert 'style="' not in page  # our pages allow no style at an element
    answer = post(browser, "/digest", email="not an address", language="en")
    assert (answer.status_code, "This is not an e-mail address" in answer.text) == (422, True)
    assert post(browser, "/digest", email="a@office.example", language="fr").status_code == 422
    assert (
        "It is sent to a@office.example" in post(browser, "/digest", email="a@office.example", language="en").text
    )
    assert "No more is sent" in post(browser, "/digest/stop").text


def test_long_lists_end_with_how_many_there_are_more() -> None:
    place = Place("c", "食堂 <b>", "town", "default")
    many = tuple(Overdue(n, f"2026-{n:05d}", "食堂", "no_hat", n) for n in range(digest.LISTED + 3))
    told = Digest(
        WEEK,
        (),
        1,
        Figures(0, 0, 0, 0, 0),
        Figures(4, 0, 0, 0, 0),
        0,
        3,
        many,
        (Change(place, Colour.RED, Colour.GREY),),
        (),
    )
    words = Words("en", "Asia/Shanghai")
    plain = digest_mail.plain(words, told, "https://r.example")
    assert "3 more on the page." in plain
    assert "Findings: 0 (Week before 4, −4)" in plain
    assert "- 食堂 <b>: ▲ Red → ○ No data" in plain
    html = digest_mail.template("digest_mail.html").render(**digest_mail.values(words, told, "", mail=True))
    assert "食堂 &lt;b&gt;" in html
    assert len(re.findall(r"/cases/\d+", html)) == digest.LISTED
    assert digest_mail.difference(2, 2) == "±0"


GOOD = 'host = "smtp.office.example"\nsender = "a@office.example"\naddress = "https://r.example/"\n'


def test_settings_are_read_and_show_no_password(tmp_path: Path) -> None:
    assert read_mail(tmp_path) is None
    (tmp_path / "mail.toml").write_text(GOOD)
    told = read_mail(tmp_path, {})
    assert told == MailSettings("smtp.office.example", "a@office.example", "https://r.example")
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    (tmp_path / "mail.toml").write_text(GOOD + 'username = "u"\npassword_file = "secret"\nsecurity = "tls"\n')
    told = read_mail(tmp_path, {})
    assert told is not None
    assert (told.password, told.port) == (PASSWORD, 465)
    (tmp_path / "mail.toml").write_text(GOOD + 'username = "u"\n')
    told = read_mail(tmp_path, {"KITCHENVISION_MAIL_PASSWORD": PASSWORD})
    assert told is not None
    assert told.password == PASSWORD
    assert PASSWORD not in repr(told)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (GOOD.replace("a@office.example", "A <a@office.example>"), "sender"),
        (GOOD.replace("https:", "ftp:"), "address"),
        (GOOD.replace('host = "smtp.office.example"', ""), "host"),
        (GOOD + 'security = "none"\n', "security"),
        (GOOD + 'security = "ssl"\n', "security"),
        (GOOD + "port = 0\n", "port"),
        (GOOD + "weekday = 8\n", "weekday"),
        (GOOD + "hour = true\n", "hour"),
        (GOOD + "username = 7\n", "username"),
        (GOOD + 'username = "u"\n', "password_file"),
        (GOOD + 'username = "u"\npassword_file = "not there"\n', "password_file"),
        (GOOD + "password = 1\n", "password"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / "mail.toml").write_text(text)
    with pytest.raises(SettingsError) as error:
        read_mail(tmp_path, {})
    assert error.value.key == key


@pytest.mark.parametrize("text", ["", "a", "a@b", "a@b.c d", "a@b.c\nBcc: x@y.z", "a@b.c,x@y.z", "<a@b.c>"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert not is_mail_address(text)
