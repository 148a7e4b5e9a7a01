"""Edge boxes to be photographed: one with trouble of every kind, one that has just begun, one that is in need."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from browser.screenshots_clips import small_frames
from browser.screenshots_worlds import World
from playwright.sync_api import Page

from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.state import CameraState
from kitchenvision.evidence import decode_jpeg, encode_jpeg
from kitchenvision.wire import ClockState
from kitchenvision.wire_box import BoxModel, BoxShadow, ShadowRule

sys.path.append(str(Path(__file__).resolve().parents[1] / "edge"))

from editable import PASSWORD, TOML, Box, box

NAMES = {
    "cooking": "热菜间",
    "serving": "备餐间",
    "washing": "洗消间",
    "cold": "凉菜间",
    "door": "后门",
    "store": "库房",
}
ZONES = """
[[cameras.zones]]
name = "灶台"
polygon = [[0.08, 0.2], [0.55, 0.15], [0.6, 0.85], [0.05, 0.9]]
rules = ["no_hat", "no_mask", "smoking"]
hours = ["06:00-14:00"]

[[cameras.zones]]
name = "通道"
polygon = [[0.66, 0.3], [0.92, 0.3], [0.95, 0.95], [0.7, 0.95]]
rules = ["no_hat", "smoking"]
"""
MUTES = """
[[mutes]]
weekdays = ["sat", "sun"]
reason = "周末"

[[mutes]]
cameras = ["store"]
begins = {begins}
ends = {ends}
reason = "换灯"
"""
SIZE = (640, 360)


def _text(cameras: dict[str, str], zones: str = "", mutes: str = "") -> str:
    head = 'canteen_id = "第三小学食堂"\ntimezone = "Asia/Shanghai"\ndata = "data"\n[page]\nport = 0\n'
    head += '[regulator]\nurl = "https://regulator.example"\n'
    for camera_id, name in cameras.items():
        head += f'\n[[cameras]]\nid = "{camera_id}"\nname = "{name}"\nurl = "rtsp://127.0.0.1:1/{camera_id}"\n'
        head += "probation = true\n" if camera_id == "door" else ""
        head += zones if camera_id == "cooking" else ""
    return head + mutes


def _state(camera_id: str, picture: bytes = b"", **more: object) -> CameraState:
    at = datetime.now(UTC) if picture else None
    told = {"state": "live", "fps": 4.9, "lag_s": 0.14, "picture": picture, "picture_at": at, **more}
    return CameraState(camera_id, NAMES[camera_id], f"rtsp://10.0.0.7/{camera_id}", **told)  # type: ignore[arg-type]


@contextmanager
def _served(one: Box) -> Iterator[World]:
    with one.served() as home:

        def enter(page: Page, who: str) -> None:
            page.goto(f"{home}/login")
            page.fill("input[name=password]", PASSWORD)
            page.click("button[type=submit]")

        yield World(home, enter)


@contextmanager
def full(folder: Path, clips: Path) -> Iterator[World]:
    """Six cameras: live, unsharp, without a password, muted, on probation."""
    frames, now = small_frames(clips, SIZE), datetime.now(UTC)
    begins = now.astimezone().replace(microsecond=0)
    mutes = MUTES.format(begins=begins.isoformat(), ends=(begins + timedelta(hours=2)).isoformat())
    (folder / "full").mkdir()
    one = box(folder / "full", _text(NAMES, ZONES, mutes))
    last = {"violations": 2, "last_rule": "no_hat", "last_at": now - timedelta(minutes=8)}
    wrong = {
        "state": "backing off",
        "cause": "wrong password",
        "problem": "401",
        "blind_s": 5400.0,
        "next_try_s": 41.0,
    }
    one.states = (
        _state("cooking", frames[4], **last),
        _state("serving", frames[14], troubles=("out of focus",)),
        _state("washing", frames[22], picture_at=now - timedelta(minutes=90), **wrong),  # type: ignore[arg-type]
        _state("cold", frames[24], clock_jumps=1, notes=("h264 is decoded by software",)),
        _state("door", frames[8], probation=True),
        _state("store", frames[30], muted=True, mute_reason="换灯", muted_until=now + timedelta(hours=2)),
    )
    one.board.states = lambda: [_renewed(state) for state in one.states]
    rules = (ShadowRule(rule_id="no_hat", both=812, opposite=9, only_old=14, only_new=31, confirmed_both=3,
                        confirmed_old=0, confirmed_new=1),)  # fmt: skip
    second = BoxModel(name="second", version="2", sha256="ab" * 32)
    shadow = BoxShadow(
        model=second, since=now - timedelta(hours=20), looked=4100, left_out=37, errors=0, rules=rules
    )
    one.board.shadow = lambda: shadow
    one.board.clock = lambda: ClockState(
        checked_at=now, synchronised=True, by="chrony", last_sync_at=now - timedelta(minutes=4), max_error_s=0.02
    )
    one.board.disk = lambda: DiskFacts(3_000_000_000, 81_000_000_000, 120_000_000_000)
    one.board.delivery = lambda: {"waiting": 2, "dead": 0, "delivered": 41, "oldest_s": 19.0, "problem": ""}
    _on_probation(folder / "full" / "data", frames, now)
    with _served(one) as world:
        yield world


def _on_probation(data: Path, frames: list[bytes], now: datetime) -> None:
    for number, rule in enumerate(("no_hat", "smoking", "no_mask", "no_hat", "no_hat")):
        at = now - timedelta(hours=3 * number)
        kept = data / "probation" / "door" / f"{at:%Y-%m-%d}" / f"{rule}-{number:010x}"
        kept.mkdir(parents=True)
        facts = {
            "captured_at": at.isoformat(),
            "rule_id": rule,
            "zone": "后门",
            "confidence": 0.93 - number / 20,
        }
        (kept / "evidence.json").write_text(json.dumps({"facts": facts}))
        (kept / "snapshot.jpg").write_bytes(frames[number * 5])
        (kept / "head.jpg").write_bytes(_square(frames[number * 5]))


def _renewed(state: CameraState) -> CameraState:
    """Its picture as of this moment, unless it has none of now."""
    return replace(state, picture_at=datetime.now(UTC)) if state.has_picture_now else state


def _square(frame: bytes) -> bytes:
    """Its middle, which stands for a head."""
    return encode_jpeg(decode_jpeg(frame)[60:300, 180:420])


@contextmanager
def empty(folder: Path) -> Iterator[World]:
    """The first minute: no picture yet, no regulator, no zone, no mute, no password for changes."""
    (folder / "empty").mkdir()
    one = box(folder / "empty", _text({"cooking": "热菜间", "door": "后门"}), password=PASSWORD)
    one.states = (_state("cooking", state="connecting"), _state("door", state="connecting", probation=True))
    with _served(one) as world:
        yield world


@contextmanager
def closed(folder: Path) -> Iterator[World]:
    """A box whose settings name no password."""
    (folder / "closed").mkdir()
    with _served(box(folder / "closed", TOML, password="")) as world:
        yield world


@contextmanager
def error(folder: Path) -> Iterator[World]:
    """Every camera is blind, the disk is full, the clock wrong, the regulator gone, edge.toml spoilt."""
    (folder / "error").mkdir()
    one = box(folder / "error", _text({"cooking": "热菜间", "serving": "备餐间", "cold": "凉菜间"}))
    away = {"state": "backing off", "blind_s": 700.0, "next_try_s": 12.0}
    one.states = tuple(
        _state(camera_id, cause=cause, problem=cause, **away)  # type: ignore[arg-type]
        for camera_id, cause in (("cooking", "unreachable"), ("serving", "no such stream"), ("cold", "stalled"))
    )
    one.board.clock = lambda: ClockState(checked_at=datetime.now(UTC), synchronised=False, max_error_s=16.0)
    one.board.disk = lambda: DiskFacts(9_000_000_000, 90_000_000, 16_000_000_000, low=True)
    problem = "https://regulator.example does not answer"
    one.board.delivery = lambda: {"waiting": 57, "dead": 2, "delivered": 41, "oldest_s": 9000.0, "problem": problem}
    one.board.untold = lambda: ("厨师长",)
    with _served(one) as world:
        one.path.write_text("canteen_id = [", "utf-8")
        yield world
