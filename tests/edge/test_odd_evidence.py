"""Evidence folders that are not as this program writes them: they stay, and they stop nothing else."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_disk_guard import NOW, Box
from test_probation import kept

from kitchenvision.edge import probation

ODD: dict[str, Callable[[dict[str, Any]], str]] = {
    "empty": lambda _: "",
    "torn": lambda facts: json.dumps({"facts": facts})[:-20],
    "zeros": lambda _: "\x00" * 100,
    "a list": lambda facts: json.dumps([facts]),
    "no facts": lambda _: "{}",
    "facts are text": lambda _: '{"facts": "none"}',
    "no time": lambda facts: json.dumps({"facts": {k: v for k, v in facts.items() if k != "captured_at"}}),
    "a number for a time": lambda facts: json.dumps({"facts": facts | {"captured_at": 1772611200}}),
    "a time without an offset": lambda facts: json.dumps({"facts": facts | {"captured_at": "2026-03-01T08:00:00"}}),
    "no time at all": lambda facts: json.dumps({"facts": facts | {"captured_at": None}}),
}


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    return Box(tmp_path, monkeypatch)


def spoil(folder: Path, how: str) -> None:
    """Write its facts in that way."""
    path = folder / "evidence.json"
    path.write_text(ODD[how](json.loads(path.read_text("utf-8"))["facts"]), "utf-8")


@pytest.mark.parametrize("how", ODD)
def test_odd_evidence_stays_and_the_rest_goes_by_age_and_for_want_of_space(box: Box, how: str) -> None:
    """One such folder, and the disk of a canteen would fill up for good."""
    odd, old, young = box.finding("odd", 400), box.finding("old", 31), box.finding("young", 1)
    box.deliver()
    spoil(odd, how)
    assert box.guard.tidy(NOW) == 1
    assert [folder.exists() for folder in (odd, old, young)] == [True, False, True]
    box.free = 0
    assert box.guard.tidy(NOW) == 1
    assert [folder.exists() for folder in (odd, young)] == [True, False]


@pytest.mark.parametrize("how", ODD)
def test_odd_findings_on_probation_are_not_shown_and_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The page shows the others."""
    box = Box(tmp_path, monkeypatch)
    odd, good = (kept(tmp_path, f"000000000{i}", NOW - timedelta(days=40)) for i in (1, 2))
    spoil(odd, how)
    camera_id = odd.parent.parent.name
    shown, count = probation.findings(tmp_path, camera_id, 10)
    assert ([one.key.rpartition("-")[2] for one in shown], count) == (["0000000002"], 2)
    assert [folder for _, folder in probation.oldest_first(tmp_path)] == [good]
    assert box.guard.tidy(NOW) == 1
    assert (odd.exists(), good.exists()) == (True, False)


def test_a_file_that_cannot_be_read_is_left_alone(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad sector: the guard goes on."""
    bad, old = box.finding("bad", 50), box.finding("old", 40)
    box.deliver()
    read = Path.read_text

    def failing(path: Path, *arguments: Any, **more: Any) -> str:
        if path.parent == bad:
            raise OSError(5, "Input/output error")
        return read(path, *arguments, **more)

    monkeypatch.setattr(Path, "read_text", failing)
    assert box.guard.tidy(NOW) == 1
    assert (bad.exists(), old.exists()) == (True, False)


def test_times_with_different_offsets_are_put_in_order_by_the_instant(box: Box) -> None:
    """A box that was moved to another zone: the older goes first though its clock showed more."""
    older, newer = box.finding("older", 20), box.finding("newer", 20)
    for folder, text in ((older, "2026-02-20T09:00:00+08:00"), (newer, "2026-02-20T02:00:00+00:00")):
        facts = json.loads((folder / "evidence.json").read_text("utf-8"))
        facts["facts"]["captured_at"] = text
        (folder / "evidence.json").write_text(json.dumps(facts), "utf-8")
    box.deliver()
    assert [folder for _, folder in box.guard._delivered()] == [older, newer]


def test_a_dead_letter_keeps_its_evidence(box: Box) -> None:
    """What the regulator refused for good is the one thing that a person still has to look at."""
    refused = box.finding("refused", 400)
    item = box.outbox.claim(NOW, "test", 60.0)
    assert item is not None
    assert box.outbox.dead(item, "no such canteen")
    taken = box.finding("taken", 399)
    box.deliver()
    box.free = 0
    assert box.guard.tidy(NOW) == 1
    assert (refused.exists(), taken.exists()) == (True, False)


def test_a_clock_far_ahead_deletes_by_age_only_what_was_delivered(box: Box) -> None:
    """A box that believes it is ten years later."""
    waits = box.finding("waits", 1, over=False)
    later = datetime(2036, 1, 1, tzinfo=UTC)
    assert box.guard.tidy(later) == 0
    assert waits.exists()
