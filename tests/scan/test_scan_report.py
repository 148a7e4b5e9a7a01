"""`index.html` of a scan: it shows every violation, leads to its files, and shows what could not be judged."""

import errno
import json
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from scan.scripted import GreySource, a_clip, scanned, scanner

from kitchenvision.config import RuleSection, Settings, ZoneSection
from kitchenvision.errors import StorageError
from kitchenvision.evidence import decode_jpeg
from kitchenvision.report import write_report
from kitchenvision.scan import Scanner
from kitchenvision.verification import verify_folder

Problems = list[tuple[str, str]]


class Page(HTMLParser):
    """What a browser makes of it: addresses, text, and whether every element is closed."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text, self.circles, self.scripts = "", [], 0
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remembers addresses and points."""
        values = {name: value or "" for name, value in attrs}
        self.links += [values[name] for name in ("href", "src") if name in values]
        self.scripts += tag == "script"
        if tag == "circle":
            self.circles.append(values)
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        """Closes the innermost."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text as people read it; the style sheet is none."""
        if self._open[-1:] != ["style"]:
            self.text += f" {data}"


def reported(one: Scanner, problems: Problems | None = None) -> Page:
    path = write_report(one.folder, one.eyes, one.rules, one.settings, problems or [])
    assert path == one.folder.root / "index.html"
    return Page(path.read_text("utf-8"))


@pytest.fixture
def done(tmp_path: Path) -> Scanner:
    """A scan with one violation and its clip."""
    one = scanner(tmp_path / "out")
    scanned(one, GreySource(cut=a_clip))
    return one


def test_a_violation_is_shown_with_times_place_and_both_languages(done: Scanner) -> None:
    page = reported(done)
    (row,) = done.folder.rows
    for words in ("1 violation · 共 1 起", "No hat", "未戴工作帽", "cam", "whole picture", "2026-03-02 08:00:0"):
        assert words in page.text
    for key in ("started_s", "confirmed_s", "ended_s"):
        assert f"{row[key]:.1f} s" in page.text
    assert page.scripts == 0, "it opens without a server and runs nothing"


@pytest.mark.parametrize("camera", ["cam", "cam #1", "100% sure?", "厨房-1", "a&b<c>'\"", "x" * 180, "..", "a;b+c"])
def test_whatever_a_camera_is_called_every_link_leads_to_its_file(tmp_path: Path, camera: str) -> None:
    one = scanner(tmp_path / "out")
    scanned(one, GreySource(cut=a_clip), camera)
    page = reported(one)
    assert len(page.links) == 7, "pictures, trace, facts and clip"
    for link in page.links:
        parts = urlsplit(link)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        assert (one.folder.root / unquote(parts.path)).is_file(), link
    assert camera in page.text


def test_names_from_outside_cannot_break_the_page(tmp_path: Path) -> None:
    bad = "</td><script>alert(1)</script><img src=x>"
    one = scanner(tmp_path / "out")
    scanned(one, GreySource(name=bad))
    page = reported(
        replace(one, settings=Settings(zones=(ZoneSection(name="<b>z", rules=("no_hat",)),))), [(bad, bad)]
    )
    assert page.scripts == 0
    assert page.text.count("<script>alert(1)</script>") == 3, "it is shown as it is"
    assert "<b>z" in page.text


def test_the_plot_has_a_point_for_every_look_and_none_outside(done: Scanner) -> None:
    page = reported(done)
    (row,) = done.folder.rows
    trace = json.loads((done.folder.root / row["snapshot"]).with_name("trace.json").read_bytes())
    assert len(page.circles) == len(trace["looks"]) > 0
    across = [float(circle["cx"]) for circle in page.circles]
    assert across == sorted(across)
    assert all(0 <= x <= 300 for x in across)
    assert all(0 <= float(circle["cy"]) <= 64 for circle in page.circles)
    assert [circle["class"] for circle in page.circles] == [entry["verdict"] for entry in trace["looks"]]


def test_boxes_are_drawn_on_a_copy_and_the_evidence_still_verifies(done: Scanner) -> None:
    (row,) = done.folder.rows
    snapshot = done.folder.root / row["snapshot"]
    clean = snapshot.read_bytes()
    reported(done)
    assert snapshot.read_bytes() == clean
    assert verify_folder(snapshot.parent) == []
    drawn = decode_jpeg((snapshot.parent / "boxes.jpg").read_bytes())
    assert drawn.shape == decode_jpeg(clean).shape
    assert (drawn != decode_jpeg(clean)).any()


def test_without_a_violation_it_says_that_this_is_no_proof_and_what_could_be_judged(tmp_path: Path) -> None:
    one = replace(scanner(tmp_path / "out"), settings=Settings(rules={"no_hat": RuleSection(min_head_px=41)}))
    scanned(one, GreySource(10.0))
    page = reported(one)
    assert "That is not proof that all was well" in page.text
    assert "100 %" in page.text
    (entry,) = one.folder.summaries[0]["cannot_judge"]
    assert f"too small {entry['looks']}" in page.text


def test_what_could_not_be_read_stands_at_the_top_with_its_reason(done: Scanner) -> None:
    page = reported(done, [("ch02", "ch02.mp4: the file is empty (0 bytes)"), ("ch03", "cut off")])
    before_the_violations = page.text.split("What was read")[0]
    for words in ("ch02.mp4: the file is empty (0 bytes)", "ch03", "cut off"):
        assert words in before_the_violations


def test_the_settings_that_were_used_are_told_with_hours_past_midnight(done: Scanner) -> None:
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5))
    zone = ZoneSection(name="serving", polygon=corners, rules=("no_hat",), hours=("06:00-14:30", "22:00-24:00"))
    page = reported(replace(done, settings=Settings(zones=(zone,), rules={"no_hat": RuleSection(min_looks=9)})))
    for words in ("serving", "06:00–14:30", "22:00–24:00", "min_looks = 9", "(1.0, 0.5)"):
        assert words in page.text
    assert "No zones were given" not in page.text
    assert "No zones were given" in reported(done).text


def test_a_rule_without_a_name_of_its_own_is_shown_by_its_id(done: Scanner) -> None:
    row: dict[str, Any] = done.folder.rows[0]
    row["rule_id"] = "no_gloves"
    assert "no_gloves" in reported(done).text


def test_written_again_it_is_the_same_page(done: Scanner) -> None:
    reported(done)
    once = (done.folder.root / "index.html").read_bytes()
    reported(done)
    assert (done.folder.root / "index.html").read_bytes() == once


@pytest.mark.parametrize("method", ["write_text", "write_bytes"])
def test_a_full_disk_is_a_storage_error(done: Scanner, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    def full(path: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, method, full)
    with pytest.raises(StorageError, match="No space left on device"):
        reported(done)


def test_evidence_that_somebody_has_taken_away_is_named(done: Scanner) -> None:
    folder = (done.folder.root / done.folder.rows[0]["snapshot"]).parent
    shutil.rmtree(folder)
    with pytest.raises(StorageError, match=rf"{folder.name}.*No such file"):
        reported(done)
