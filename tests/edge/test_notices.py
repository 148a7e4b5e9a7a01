"""What one reader is told and when: grouped, limited, not about what they did not ask for, in their language."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from test_edge_settings import CAMERA, HEAD, RULES, written

from kitchenvision.edge.notice_text import message_of
from kitchenvision.edge.notices import Book, Event, Reader
from kitchenvision.edge.notify_settings import NotifySection
from kitchenvision.edge.reload import differences
from kitchenvision.edge.settings import read_edge_settings
from kitchenvision.edge.state import CameraState
from kitchenvision.errors import SettingsError

NOW = datetime(2026, 11, 28, 4, tzinfo=UTC)
LIVE = CameraState("cooking", "热菜间", "rtsp://c/l", "live")
DEAD = CameraState("cooking", "热菜间", "rtsp://c/l", "backing off", "unreachable")


def section(**more: Any) -> NotifySection:
    values: dict[str, Any] = {"name": "chef", "way": "webhook", "address_env": "CHEF"}
    return NotifySection(**(values | more))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def found(seconds: float = 0, camera: str = "cooking") -> Event:
    return Event(
        kind="violation", at=after(seconds), camera_id=camera, camera="热菜间", rule_id="no_hat", zone="灶台"
    )


def test_events_of_a_minute_are_one_message() -> None:
    """A kitchen without hats is one message, not twenty."""
    reader = Reader(section(), Book())
    for i in range(20):
        reader.happened(found(i))
    assert reader.due(after(59)) == []
    events = reader.due(after(60))
    assert len(events) == 20
    reader.sent(events, after(60))
    assert reader.due(after(600)) == []


def test_only_so_many_messages_an_hour_and_the_rest_waits_for_the_next() -> None:
    """Nothing is lost by the limit."""
    reader = Reader(section(group_s=0, most_per_hour=2), Book())
    told = 0
    for minute in range(60):
        reader.happened(found(60 * minute))
        if events := reader.due(after(60 * minute)):
            told += len(events)
            reader.sent(events, after(60 * minute))
    assert (told, len(reader.book.sent_at), len(reader.book.waiting)) == (2, 2, 58)
    assert len(reader.due(after(3601))) == 58


def test_what_is_old_or_too_much_goes_and_is_counted() -> None:
    """After a day without a network nobody wants two hundred lines of yesterday."""
    reader = Reader(section(), Book())
    for i in range(250):
        reader.happened(found(i))
    assert (len(reader.book.waiting), reader.book.left_out) == (200, 50)
    assert reader.due(after(86400 + 300)) == []
    assert reader.book.left_out == 250


def test_only_what_was_asked_for() -> None:
    """By kind and camera."""
    reader = Reader(section(events=("blind",), cameras=("cooking",), blind_after_s=0), Book())
    reader.happened(found())
    reader.look([DEAD, CameraState("other", "other", "rtsp://c/o", "dead", "stalled")], True, NOW)
    assert [(event.kind, event.camera_id) for event in reader.book.waiting] == [("blind", "cooking")]


def test_a_blind_camera_is_told_after_a_while_and_that_it_sees_again() -> None:
    """Each once; a short drop-out is nobody's business."""
    reader = Reader(section(), Book())
    for second in range(0, 100, 10):
        reader.look([DEAD], False, after(second))
    reader.look([LIVE], False, after(100))
    assert reader.book.waiting == []
    for second in range(200, 400, 10):
        reader.look([DEAD], False, after(second))
    (event,) = reader.book.waiting
    assert (event.kind, event.why, event.at) == ("blind", "unreachable", after(320))
    for second in range(400, 405):
        reader.look([LIVE], False, after(second))
    reader.look([DEAD], False, after(405))
    reader.look([LIVE], False, after(406))
    assert len(reader.book.waiting) == 1
    for second in range(406, 420):
        reader.look([LIVE], False, after(second))
    assert [event.kind for event in reader.book.waiting] == ["blind", "back"]


def test_a_covered_lens_is_blind_a_moved_camera_is_not_and_a_muted_one_is_known() -> None:
    """Somebody muted it on purpose."""
    reader = Reader(section(blind_after_s=0), Book())
    covered = CameraState("a", "a", "rtsp://c", "live", troubles=("covered",))
    moved = CameraState("b", "b", "rtsp://c", "live", troubles=("moved",))
    muted = CameraState("c", "c", "rtsp://c", "dead", "stalled", blind_s=900, muted=True)
    reader.look([covered, moved, muted], False, NOW)
    assert [(event.camera_id, event.why) for event in reader.book.waiting] == [("a", "covered")]


def test_after_a_restart_nothing_is_told_twice() -> None:
    """What was told is in the book: the camera is still blind, the disk still low."""
    reader = Reader(section(blind_after_s=0), Book())
    reader.look([DEAD], True, NOW)
    book = Book.model_validate_json(reader.book.model_dump_json())
    again = Reader(section(blind_after_s=0), book)
    again.look([DEAD], True, after(5))
    assert [event.kind for event in again.book.waiting] == ["blind", "disk"]
    again.look([], False, after(6))
    assert (again.book.told_blind, again.book.disk_low) == ([], False)


def test_a_failure_waits_longer_each_time() -> None:
    """From half a minute to half an hour; the same failure is news once."""
    reader = Reader(section(group_s=0), Book())
    reader.happened(found())
    assert reader.failed("away", NOW)
    assert reader.due(after(29)) == []
    assert reader.due(after(30))
    assert not reader.failed("away", after(30))
    assert reader.due(after(89)) == []
    reader.sent(reader.due(after(90)), after(90))
    assert reader.problem == ""


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [
        (
            "zh",
            "食堂: 违规 1 条,2 路摄像机无法观察,磁盘空间不足",
            ["热菜间:未戴工作帽(灶台)", "11-28 12:00:00", "请检查摄像机"],
        ),
        (
            "en",
            "食堂: violations: 1, blind cameras: 2, little disk space",
            ["no hat", "Is the camera powered", "and 5 more", "delivered evidence"],
        ),
    ],
)
def test_messages_say_what_where_when_and_what_to_do(language: str, title: str, words: list[str]) -> None:
    """Local time; the program's part has no picture and no empty keys."""
    events = [
        found(),
        Event(kind="blind", at=NOW, camera_id="b", camera="B", why="unreachable"),
        Event(kind="blind", at=NOW, camera_id="c", camera="C", why="covered"),
        Event(kind="disk", at=NOW),
    ]
    message = message_of(events, 5, "食堂", ZoneInfo("Asia/Shanghai"), language)  # type: ignore[arg-type]
    assert title == message.title
    assert all(word in message.text for word in words), message.text
    assert message.events[0]["rule_id"] == "no_hat"
    assert "violation_id" not in message.events[1]
    same = message_of(events, 5, "食堂", ZoneInfo("Asia/Shanghai"), language)  # type: ignore[arg-type]
    assert same.message_id == message.message_id


@pytest.mark.parametrize(
    "change",
    [
        {"address_env": ""},
        {"address_file": "x"},
        {"secret_env": "A", "secret_file": "b"},
        {"way": "apprise", "secret_env": "A"},
        {"way": "pigeon"},
        {"events": ("weather",)},
        {"most_per_hour": 0},
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    """When the service starts, not when something happens."""
    with pytest.raises(ValidationError):
        section(**change)


def test_settings_name_the_reader_and_changes_show_no_address(tmp_path: Path) -> None:
    """Where the address is may itself be told to nobody."""
    notify = '[[notify]]\nname = "chef"\nway = "webhook"\naddress_file = "hook"\ncameras = ["cooking"]\n'
    before = read_edge_settings(written(tmp_path, HEAD + CAMERA), RULES)
    after_ = read_edge_settings(written(tmp_path, HEAD + CAMERA + notify), RULES)
    assert after_.notify[0].address_file == tmp_path / "hook"
    lines = differences(before, after_)
    assert "notify.chef.address_file: changed" in lines
    assert 'notify.chef.way: absent -> "webhook"' in lines
    with pytest.raises(SettingsError, match="no such camera: coking"):
        read_edge_settings(written(tmp_path, HEAD + CAMERA + notify.replace('"cooking"', '"coking"')), RULES)
    with pytest.raises(SettingsError, match="twice: chef"):
        read_edge_settings(written(tmp_path, HEAD + CAMERA + notify + notify), RULES)
    with pytest.raises(SettingsError, match=r"notify\.chef\.address_file"):
        after_.notify[0].target({}, "here")
