"""What is photographed: a regulator with a full district and a fresh one, edge boxes, reports of a scan."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
from browser.conftest import deliver, running
from browser.screenshots_clips import real_samples, small_frames
from playwright.sync_api import Page
from regulator.sample import bearer
from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.commands.seed_scenes import photos, scenes
from kitchenvision.regulator import (
    api_tokens,
    canteens,
    digest_store,
    kiosk,
    people,
    second_factor,
    setup,
    webhook_store,
)
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.api_tokens import Wish
from kitchenvision.regulator.case_tables import CaseRow
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.mail_settings import MailSettings
from kitchenvision.regulator.oidc_settings import OidcSettings
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.second_reviews import look_again
from kitchenvision.regulator.seed_store import Plan, fill
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.tables import Person, ViolationRow
from kitchenvision.regulator.vault import Vault
from kitchenvision.regulator.webhook_store import Event, Happening
from kitchenvision.regulator.webhook_tables import Webhook

RED, GREY = "seed-012", "seed-010"  # of seed 1
CAMERAS = ("烹饪区-1", "备餐间-2")
ON_THE_WALL = 20  # canteens
AGES_S = {5: 9.0, 6: 30.0, 7: 200.0}  # of these cameras' pictures: late, stale, off line
BLIND = 3
FRESH = "first-school"  # the one canteen of the empty regulator


@dataclass(frozen=True)
class World:
    """Something with pages.

    Attributes:
        home: where paths begin. enter: logs somebody in. ids: for ``{names}`` in paths. push: renews live pictures.
    """

    home: str
    enter: Callable[[Page, str], None]
    ids: dict[str, object] = field(default_factory=dict)
    push: Callable[[], None] = lambda: None


@contextmanager
def full(folder: Path, clips: Path) -> Iterator[World]:
    """A district of 159 canteens and 60 days."""
    oidc = OidcSettings("http://127.0.0.1:9", "kitchen", "-", "http://127.0.0.1:1", name="区教育局")
    mail = MailSettings("127.0.0.1", "kitchen@office.example", "https://regulator.example")
    settings = RegulatorSettings(folder / "full", port=0, oidc=oidc, mail=mail)
    setup.prepare(settings)
    fill(settings, Plan(159, 60, 1, datetime.now(UTC)), scenes(clips), photos(clips))
    ids = _furnish(settings)
    tokens = [setup.rotate_token(settings, f"seed-{number:03d}") for number in range(1, ON_THE_WALL + 1)]
    frames = small_frames(clips)
    with running(settings) as served:
        home = setup.address(served.host, served.port)
        places = tuple((f"seed-{number:03d}", CAMERAS[number % 2]) for number in (2, 7, 11))
        found = real_samples(clips, places, 24)
        for canteen, _ in places:
            mine = [one for one in found if one.confirmed.canteen_id == canteen]
            deliver(served, tokens[int(canteen[-3:]) - 1], mine)
        yield World(home, _by_link(served), ids, partial(_push, home, tokens, frames))


@contextmanager
def fresh(folder: Path) -> Iterator[World]:
    """A regulator that has received nothing; one canteen, whose chef waits."""
    settings = RegulatorSettings(folder / "fresh", port=0)
    setup.prepare(settings)
    setup.add_canteen(settings, FRESH, "第一小学食堂")
    setup.add_person(settings, "chef", Role.CANTEEN, Place(canteen_id=FRESH))
    with running(settings) as served:
        yield World(setup.address(served.host, served.port), _by_link(served), {"canteen": FRESH})


@contextmanager
def bare(folder: Path) -> Iterator[World]:
    """A regulator of the first minute, with a map that cannot be read."""
    settings = RegulatorSettings(folder / "bare", port=0)
    setup.prepare(settings)
    (settings.data_dir / "map.geojson").write_text("{", "utf-8")
    with running(settings) as served:
        yield World(setup.address(served.host, served.port), _by_link(served))


def _by_link(settings: RegulatorSettings) -> Callable[[Page, str], None]:
    def enter(page: Page, who: str) -> None:
        page.goto(setup.one_time_link(settings, who), wait_until="commit")

    return enter


def _push(home: str, tokens: Sequence[str], frames: Sequence[bytes]) -> None:
    """One picture of each camera; three are late, stale and off line, one camera is blind."""
    now = datetime.now(UTC)
    with httpx.Client(base_url=home, trust_env=False) as client:
        for number in range(len(tokens) * len(CAMERAS)):
            camera, headers = CAMERAS[number % len(CAMERAS)], bearer(tokens[number // len(CAMERAS)])
            if number == BLIND:
                told = {"since": (now - timedelta(minutes=12)).isoformat(), "reason": "镜头被遮挡"}
                client.put(f"/api/v1/live/{camera}/state", json=told, headers=headers).raise_for_status()
                continue
            at = now - timedelta(seconds=AGES_S.get(number, 0.0))
            frame = frames[number * 5 % len(frames)]
            asked = {"captured_at": at.isoformat()}
            client.put(f"/api/v1/live/{camera}", params=asked, content=frame, headers=headers).raise_for_status()


def _furnish(settings: RegulatorSettings) -> dict[str, object]:
    """People, tokens, webhooks, links and a digest; returns ids for paths."""
    at = datetime.now(UTC)
    with setup.opened(settings) as database, database.reading() as session:
        towns = [town.town_id for town in canteens.towns(session, EVERYTHING)]
    setup.add_person(settings, "wang", Role.INSPECTOR, Place(tuple(towns)))
    setup.add_person(settings, "zhao", Role.AUDITOR)
    setup.add_person(settings, "office", Role.ADMIN)
    setup.add_person(settings, "chef", Role.CANTEEN, Place(canteen_id=RED))
    setup.add_person(settings, "left", Role.INSPECTOR, Place((towns[-1],)))
    setup.set_disabled(settings, "left", True)
    vault = Vault(settings.data_dir)
    with setup.opened(settings) as database, database.writing() as session:
        logged_in = people.begin_session(session, 1, at, 3600.0)
        session.flush()
        owner = people.visitor_of(session, logged_in, at)
        assert owner is not None
        second_factor.begin(session, vault, owner.person_id, owner.username)
        api_tokens.make(session, EVERYTHING, owner.person_id, Wish("统计局", ("read", "export"), 90), at)
        wish = ("https://events.office.example/kitchens", list(Event))
        webhook_store.add(session, vault, EVERYTHING, owner.person_id, wish, at)
        hook = session.get_one(Webhook, 1)
        told = {"canteen_id": RED, "canteen": "第七小学", "case_id": 12, "number": "2026-00012"}
        happened = [Happening(f"{one}:{n}", one, at, hook.district_id, told) for n, one in enumerate(Event)]
        webhook_store.queue(session, hook, happened, at - timedelta(minutes=3))
        for answer in ((204, ""), (503, "Service Unavailable")):
            claimed = webhook_store.claim(session, vault, at)
            assert claimed is not None
            webhook_store.report(session, claimed, answer, at, timedelta(days=5))
        wall = kiosk.make(session, owner, "指挥中心大屏", "", at)
        digest_store.ask(session, owner, "chief@office.example", "zh", at)

        def case(*conditions: object) -> int:
            query = select(CaseRow.case_id).where(*conditions)  # type: ignore[arg-type]
            return session.scalars(query.order_by(CaseRow.case_id.desc())).first() or 1

        _second_looks(session, at)
        decided = select(ViolationRow.violation_id).where(ViolationRow.state == "confirmed")
        return {
            "case": case(CaseRow.state == "answered"),
            "mine": case(CaseRow.canteen_id == RED, CaseRow.state.in_(("notified", "returned"))),
            "decided": session.scalars(decided.order_by(ViolationRow.captured_at.desc())).first(),
            "wall": wall,
            "red": RED,
            "grey": GREY,
        }


def _second_looks(session: Session, at: datetime) -> None:
    """Some by another inspector, who mostly agrees."""
    second = session.scalars(select(Person.person_id).where(Person.username == "wang")).one()
    recent = ViolationRow.captured_at > at - timedelta(days=30)
    decided = select(ViolationRow).where(ViolationRow.state.in_(("confirmed", "rejected")), recent)
    for number, row in enumerate(session.scalars(decided.order_by(ViolationRow.captured_at).limit(60)).all()):
        verdict = Verdict(row.state)
        if number % 9 == 4:
            verdict = Verdict.CANNOT_TELL
        step = Step(verdict, reason=1 if verdict is Verdict.REJECTED else None)
        reviewed_at = at - timedelta(hours=3 * number)
        look_again(session, EVERYTHING, (row.violation_id, row.decision_id), step, second, reviewed_at)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def reports(folder: Path, clips: Path) -> Iterator[World]:
    """Reports of three scans below one address: with findings, without any, with a file that is no video."""
    broken = folder / "broken.mp4"
    broken.write_bytes(b"no video")
    wanted = {"full": [clips / "A1.mp4"], "empty": [clips / "A3.mp4"], "error": [broken, clips / "A3.mp4"]}
    for name, sources in wanted.items():
        asked = [str(Path(sys.executable).with_name("kitchenvision")), "scan", *map(str, sources)]
        subprocess.run([*asked, "--out", str(folder / name)], check=False, stdout=subprocess.DEVNULL)
        assert (folder / name / "index.html").is_file(), name
    handler = partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, name="reports")
    thread.start()
    try:
        yield World(f"http://127.0.0.1:{server.server_port}", lambda page, who: None)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
