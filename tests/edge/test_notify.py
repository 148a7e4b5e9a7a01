"""People are told over real HTTP and real SMTP; what waits survives a restart, and secrets are in no log."""

import hmac
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from outbox.reports import blob, by_hash, confirmed
from rtsp_server_path import free_port

from kitchenvision.build import chosen_rules
from kitchenvision.delivery.apprise_way import AppriseWay
from kitchenvision.delivery.message import Message
from kitchenvision.delivery.webhook import SIGNATURE, TIMESTAMP, Webhook
from kitchenvision.edge.notify import Facts, Notifier, targets_of
from kitchenvision.edge.notify_settings import NotifySection
from kitchenvision.edge.service import run_service
from kitchenvision.edge.settings import CameraSection, EdgeSettings, read_edge_settings
from kitchenvision.edge.state import CameraState
from kitchenvision.errors import DeliveryRetry, SettingsError
from kitchenvision.outbox import Outbox

SECRET = "hunter2-secret"
SAMPLE = Message("0" * 32, "title", "text 文字", [{"kind": "disk"}], b"\xff\xd8picture")


class Hook:
    """A receiver on loopback that keeps what came and answers as a test says."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 204
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.status == 204:
                    signed = self.headers[TIMESTAMP].encode() + b"." + body
                    wanted = hmac.new(SECRET.encode(), signed, "sha256").hexdigest()
                    assert self.headers[SIGNATURE] == f"sha256={wanted}"
                    hook.bodies.append(json.loads(body))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in?token=hunter2-token"

    @contextmanager
    def running(self) -> Iterator["Hook"]:
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook().running() as one:
        yield one


class Post:
    """A real SMTP server's mails."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def post() -> Iterator[tuple[Post, int]]:
    handler = Post()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield handler, controller.port
    finally:
        controller.stop()


class Desk:
    """A notifier over a real outbox, with a clock that a test sets."""

    def __init__(self, folder: Path, hook: Hook, **more: Any) -> None:
        self.now = datetime.now(UTC)
        self.outbox = Outbox(folder / "outbox")
        self.states: list[CameraState] = []
        section = NotifySection(name="chef", way="webhook", address_env="HOOK", secret_env="KEY", group_s=0, **more)
        self.settings = EdgeSettings(
            canteen_id="食堂",
            data=folder,
            notify=(section,),
            cameras=(CameraSection(id="cam-1", url="rtsp://c/l"),),
        )
        self.targets = targets_of((section,), "here", {"HOOK": hook.url, "KEY": SECRET})
        self.path = folder / "notify.json"
        self.start()

    def start(self) -> None:
        """As after a restart."""
        facts = Facts(self.outbox, lambda: self.states, lambda: False)
        self.notifier = Notifier(self.path, facts, self.settings, self.targets, lambda: self.now)

    def violation(self, name: str) -> None:
        picture = blob(f"snapshot {name}", 1000)
        report = confirmed(name, {"snapshot": picture, "trace": blob(f"trace {name}", 9)})
        report = report.model_copy(update={"captured_at": self.now, "created_at": self.now})
        self.outbox.put(report, by_hash(picture, blob(f"trace {name}", 9)))

    def close(self) -> None:
        self.notifier.close()
        self.outbox.close()


def test_a_violation_is_told_once_with_its_picture_if_that_is_allowed(tmp_path: Path, hook: Hook) -> None:
    """Signed; what was found before the first start is not told."""
    outbox = Outbox(tmp_path / "outbox")
    outbox.close()
    desk = Desk(tmp_path, hook, pictures=True)
    desk.violation("one")
    for _ in range(3):
        desk.notifier.step()
    (body,) = hook.bodies
    assert body["title"] == "食堂: 违规 1 条"
    assert body["events"][0]["kind"] == "violation"
    assert body["picture_jpeg"]
    desk.close()
    desk.path.unlink()
    desk = Desk(tmp_path, hook)
    desk.notifier.step()
    assert len(hook.bodies) == 1
    desk.violation("two")
    desk.notifier.step()
    assert "picture_jpeg" not in hook.bodies[1]
    desk.close()


def test_while_the_receiver_is_away_it_waits_over_a_restart(
    tmp_path: Path, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    """The page says who cannot be told; neither log nor page nor file has the address or the secret."""
    caplog.set_level(logging.DEBUG)
    desk = Desk(tmp_path, hook)
    hook.status = 503
    desk.violation("one")
    desk.notifier.step()
    desk.notifier.step()
    assert desk.notifier.problems() == ["chef: http://127.0.0.1 answers HTTP 503"]
    desk.notifier.close()
    desk.violation("two")
    hook.status = 204
    desk.start()
    desk.notifier.step()
    (body,) = hook.bodies
    assert len(body["events"]) == 2
    assert desk.notifier.problems() == []
    desk.start()
    desk.notifier.step()
    assert len(hook.bodies) == 1
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("kitchenvision")]
    told = "\n".join(ours) + desk.path.read_text("utf-8") + repr(desk.targets)
    assert "hunter2" not in told
    desk.close()


def test_readers_come_and_go_while_it_runs(tmp_path: Path, hook: Hook) -> None:
    """Who stays keeps what waits for them."""
    desk = Desk(tmp_path, hook, most_per_hour=1)
    desk.violation("one")
    desk.notifier.step()
    desk.violation("two")
    desk.notifier.step()
    second = desk.settings.notify[0].model_copy(update={"name": "boss"})
    patient = desk.settings.notify[0].model_copy(update={"most_per_hour": 5})
    settings = desk.settings.model_copy(update={"notify": (patient, second)})
    desk.notifier.reload(settings, desk.targets | {"boss": desk.targets["chef"]})
    desk.notifier.step()
    assert [len(body["events"]) for body in hook.bodies] == [1, 1]
    desk.notifier.reload(settings.model_copy(update={"notify": ()}), {})
    desk.violation("three")
    desk.notifier.step()
    assert len(hook.bodies) == 2
    assert json.loads(desk.path.read_text("utf-8"))["readers"] == {}
    desk.close()


def test_a_disk_that_is_full_or_a_broken_file_stops_nobody_from_being_told(
    tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is just what people must hear of."""
    (tmp_path / "notify.json").write_text("{")
    desk = Desk(tmp_path, hook)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    desk.violation("one")
    monkeypatch.setattr("os.replace", full)
    desk.notifier.step()
    assert len(hook.bodies) == 1
    desk.close()


def test_e_mail_over_a_real_smtp_server(post: tuple[Post, int]) -> None:
    """Through apprise, with the picture; a server that is not there is a failure without a password in it."""
    handler, port = post
    way = AppriseWay(f"mailto://127.0.0.1:{port}?from=box@canteen.example&to=chef@canteen.example&smtp=127.0.0.1")
    way.send(SAMPLE)
    (mail,) = handler.mails
    parts = list(mail.walk())
    text = [part.get_payload(decode=True) for part in parts if part.get_content_type() == "text/plain"]
    pictures = [part.get_payload(decode=True) for part in parts if part.get_content_type() == "image/jpeg"]
    assert "文字" in text[0].decode()  # type: ignore[union-attr]
    assert pictures == [SAMPLE.picture]
    away = AppriseWay(
        f"mailto://user:hunter2@127.0.0.1:{free_port()}?from=a@b.example&to=c@d.example&smtp=127.0.0.1"
    )
    with pytest.raises(DeliveryRetry) as caught:
        away.send(SAMPLE)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["pigeon://nest", "", "dingtalk://"])
def test_an_address_that_apprise_does_not_know_is_refused_without_being_shown(url: str) -> None:
    """At the start."""
    with pytest.raises(SettingsError, match="does not understand"):
        AppriseWay(url)


@pytest.mark.parametrize("url", ["dingtalk://secret@token", "wecombot://botkey", "feishu://token1234567890"])
def test_the_bots_of_the_three_networks_are_known(url: str) -> None:
    """Not called here: only that their addresses are understood."""
    AppriseWay(url).close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example/hunter2", "use https"),
        ("ftp://hooks.example/hunter2", "expected https"),
        ("https://me:hunter2@hooks.example", "without a user"),
        ("https://hooks.example:hunter2/", "no address"),
    ],
)
def test_a_webhook_that_would_be_unsafe_is_refused(url: str, words: str) -> None:
    """And its address is not repeated."""
    with pytest.raises(SettingsError, match=words) as caught:
        Webhook(url, SECRET)
    assert "hunter2" not in str(caught.value)


def test_a_webhook_that_redirects_or_is_away_failed(hook: Hook) -> None:
    """It does not follow with a picture of somebody."""
    way = Webhook(hook.url, "")
    hook.status = 302
    with pytest.raises(DeliveryRetry, match="HTTP 302"):
        way.send(SAMPLE)
    way.close()
    gone = Webhook(f"http://127.0.0.1:{free_port()}/hunter2", "")
    with pytest.raises(DeliveryRetry, match="ConnectError") as caught:
        gone.send(SAMPLE)
    assert "hunter2" not in str(caught.value)
    gone.close()


def test_the_running_service_tells_that_a_camera_is_blind(
    tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real one; its only camera refuses the connection."""
    monkeypatch.setenv("HOOK", hook.url)
    monkeypatch.setenv("KEY", SECRET)
    path = tmp_path / "edge.toml"
    path.write_text(
        f'canteen_id = "c"\ndata = "data"\n[page]\nport = 0\n[[cameras]]\nid = "stove"\n'
        f'url = "rtsp://127.0.0.1:{free_port()}/x"\n[[notify]]\nname = "chef"\nway = "webhook"\n'
        'address_env = "HOOK"\nsecret_env = "KEY"\nlanguage = "en"\ngroup_s = 0\nblind_after_s = 1\n'
    )
    settings = read_edge_settings(path, tuple(chosen_rules(None)))
    stop, ready, homes = threading.Event(), threading.Event(), list[str]()

    def told(home: str) -> None:
        homes.append(home)
        ready.set()

    thread = threading.Thread(target=run_service, args=(settings, path, stop, told))
    thread.start()
    try:
        assert ready.wait(60)
        until = datetime.now(UTC) + timedelta(seconds=60)
        while not hook.bodies and datetime.now(UTC) < until:
            stop.wait(0.2)
        assert httpx.get(f"{homes[0]}/api/state", trust_env=False).json()["untold"] == []
    finally:
        stop.set()
        thread.join(60)
    (body,) = hook.bodies
    assert body["title"] == "c: blind cameras: 1"
    assert "check the port" in body["text"]
