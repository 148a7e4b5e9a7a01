"""`verify`, `detect` and `outbox` as a script meets them: exit codes, JSON, and mistakes in words."""

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from evidence.facts import evidence
from hypothesis import given
from hypothesis import strategies as st
from outbox.reports import blobs_of, confirmed
from rich.console import Console
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.commands.detect import _listed
from kitchenvision.commands.outbox import _span
from kitchenvision.commands.scan import violation_table
from kitchenvision.errors import SettingsError, SourceNotFound
from kitchenvision.evidence import write_evidence
from kitchenvision.outbox import Outbox


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "200"})


class TestVerify:
    @pytest.fixture
    def scan(self, tmp_path: Path) -> Path:
        """Two pieces of evidence in a folder of any depth."""
        for name in ("evidence/a", "evidence/deep/厨房"):
            write_evidence(evidence(), tmp_path / "scan" / name)
        return tmp_path / "scan"

    def test_untouched_evidence_ends_with_0_and_its_number(self, scan: Path) -> None:
        result = run("verify", scan)
        assert result.exit_code == 0
        assert "2 evidence folder(s) checked, 0 with problems" in result.output

    def test_a_single_folder_and_many_may_be_named(self, scan: Path) -> None:
        said = json.loads(run("verify", scan / "evidence" / "a", scan / "evidence" / "deep", "--json").stdout)
        assert said == {"checked": 2, "problems": {}}

    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda folder: (folder / "head.jpg").unlink(), "head.jpg: missing"),
            (lambda folder: (folder / "snapshot.jpg").write_bytes(b"another"), "not the bytes"),
            (lambda folder: (folder / "evidence.json").write_bytes(b"[red]x[/red]"), "cannot be read"),
            (lambda folder: (folder / "clip.json").write_text("{}"), "clip.json: cannot be read"),
            (lambda folder: (folder / "clip.mp4").write_bytes(b"x"), "belongs to no clip.json"),
        ],
    )
    def test_what_was_changed_ends_with_3_and_is_named(
        self, scan: Path, damage: Callable[[Path], object], words: str
    ) -> None:
        folder = scan / "evidence" / "deep" / "厨房"
        damage(folder)
        result = run("verify", scan)
        assert result.exit_code == 3
        assert words in " ".join(result.output.split())
        said = json.loads(run("verify", scan, "--json").stdout)
        assert (said["checked"], list(said["problems"])) == (2, [str(folder)])

    def test_a_place_without_evidence_is_no_success(self, tmp_path: Path) -> None:
        error = run("verify", tmp_path, tmp_path / "none").exception
        assert isinstance(error, SourceNotFound)
        assert str(tmp_path / "none") in str(error)


class TestDetect:
    def test_pictures_of_a_folder_are_named_from_the_folder_and_in_order(self, tmp_path: Path) -> None:
        for name in ("b/2.PNG", "b/1.jpg", "a.webp", "notes.txt", "a.mp4"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
        assert [name for name, _ in _listed([tmp_path])] == ["a.webp", "b/1.jpg", "b/2.PNG"]
        assert [name for name, _ in _listed([tmp_path / "notes.txt"])] == ["notes.txt"], (
            "named outright it is meant"
        )

    def test_a_folder_without_pictures_and_no_folder_at_all_are_named(self, tmp_path: Path) -> None:
        for place in (tmp_path, tmp_path / "none.jpg"):
            with pytest.raises(SourceNotFound, match=str(place)):
                _listed([place])

    def test_a_file_that_cannot_be_written_is_told_before_hours_are_spent(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(b"x")
        error = run("detect", tmp_path / "a.jpg", "--jsonl", tmp_path / "no" / "rows.jsonl").exception
        assert "rows.jsonl cannot be written: No such file or directory" in str(error)


class TestSpans:
    @pytest.mark.parametrize("value", ["1e12", "1e300", "36501", "inf"])
    def test_more_days_than_a_calendar_has_are_refused_and_nothing_is_lost(
        self, tmp_path: Path, value: str
    ) -> None:
        with Outbox(tmp_path / "outbox") as outbox:
            outbox.put(confirmed(), blobs_of())
        error = run("outbox", "prune", "--outbox", tmp_path / "outbox", "--older-than", value).exception
        assert isinstance(error, SettingsError)
        assert str(error).startswith("--older-than: expected at most 36500 days, got ")
        assert run("outbox", "prune", "--outbox", tmp_path / "outbox", "--older-than", "36500").exit_code == 0
        with Outbox(tmp_path / "outbox") as outbox:
            assert outbox.counts().pending == 1

    def test_a_delivery_may_not_last_longer_than_a_calendar(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Outbox(tmp_path / "outbox").close()
        monkeypatch.setenv("KITCHENVISION_TOKEN", "token")
        to = ("--to", "http://127.0.0.1:9", "--outbox", tmp_path / "outbox")
        assert str(run("outbox", "deliver", *to, "--for", "1e300").exception).startswith("--for: expected at most")
        assert run("outbox", "deliver", *to, "--for", "1e9").exit_code == 0

    @given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["days", "seconds"]))
    def test_any_number_is_a_span_or_refused(self, value: float, unit: str) -> None:
        try:
            span = _span(value, unit, "--for")
        except SettingsError:
            assert not value <= 36_500 * (86_400 if unit == "seconds" else 1) or math.isinf(value) or value < -1e8
            return
        assert span.total_seconds() == pytest.approx(value * (1 if unit == "seconds" else 86_400), abs=1e-3)


@pytest.mark.parametrize("camera", ["cam", "cam [hd]", "[red]cam[/red]", "厨房 [1]", "[/]", "a\\[b]"])
def test_the_table_of_violations_shows_names_as_they_are(camera: str) -> None:
    row: dict[str, Any] = {
        "rule_id": "no_hat",
        "camera_id": camera,
        "confidence": 0.987,
        "snapshot": f"e/{camera}/s",
    }
    table = violation_table([row | {"started_s": 1.0, "confirmed_s": 4.04, "ended_s": 9.96}])
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    (line,) = [line for line in console.file.getvalue().splitlines() if "no_hat" in line]  # type: ignore[attr-defined]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == ["no_hat", camera, "1.0 s", "4.0 s", "10.0 s", "0.99", f"e/{camera}"]
