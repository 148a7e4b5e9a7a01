"""The folder of a scan: violations.jsonl, evidence folders, scan.json; resuming and refusing a used folder."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kitchenvision.errors import SettingsError, StorageError, printable
from kitchenvision.evidence import Evidence
from kitchenvision.frames.source import SourceInfo
from kitchenvision.outbox import is_outbox
from kitchenvision.pipeline import Tally
from kitchenvision.wire import canonical_json, content_hash

ROWS = "violations.jsonl"
STATE = "scan.json"
REPORT = "index.html"
_OURS = (ROWS, STATE, REPORT, "evidence", "annotated")


@dataclass
class VideoResult:
    """What became of one source.

    Attributes:
        info: the source. camera_id: as used. problem: why it was not read to its end; empty when it was.
        reached_s: media time reached. rows: of violations.jsonl. tally: what could be judged.
        wall_s: seconds that it took.
    """

    info: SourceInfo
    camera_id: str
    problem: str
    reached_s: float
    rows: list[dict[str, Any]]
    tally: Tally = field(default_factory=Tally)
    wall_s: float = 0.0

    def summary(self) -> dict[str, Any]:
        """As it stands in scan.json."""
        info = self.info
        return {
            "video": printable(info.name),
            "camera_id": self.camera_id,
            "sha256": info.content_sha256,
            "codec": info.codec,
            "width": info.width,
            "height": info.height,
            "started_at": info.started_at.isoformat(),
            "started_at_source": info.started_at_source,
            "duration_s": info.duration_s,
            "reached_s": round(self.reached_s, 3),
            "problem": self.problem,
            "notes": list(info.notes),
            "wall_s": round(self.wall_s, 2),
            "times_real_time": round(self.reached_s / self.wall_s, 2) if self.wall_s > 0 else None,
            "frames": self.tally.frames,
            "looks": self.tally.looks,
            "verdicts": [
                {"rule_id": rule, "verdict": verdict, "hour": hour, "looks": n}
                for (rule, verdict, hour), n in sorted(self.tally.verdicts.items())
            ],
            "cannot_judge": [
                {"rule_id": rule, "why": why, "looks": n} for (rule, why), n in sorted(self.tally.whys.items())
            ],
            "violations": len(self.rows),
        }


def holds_other_scan(root: Path, command: dict[str, Any]) -> bool:
    """Whether a scan by another command, or one that cannot be read, left its state in the folder."""
    state = root / STATE
    if not state.is_file():
        return False
    try:
        return bool(json.loads(state.read_text("utf-8"))["command"] != content_hash(canonical_json(command)))
    except (ValueError, KeyError, TypeError):
        return True


class ScanFolder:
    """One output folder.

    A finished folder is refused without `force`. An interrupted one is taken up again by the same command: the
    videos that were done keep their rows, the others are read anew; the same input gives the same violations, so
    nothing is found twice.
    """

    def __init__(self, root: Path, command: dict[str, Any], force: bool = False) -> None:
        """Prepare the folder.

        Args:
            root: the folder. command: everything that decides the result; a resumed scan must have the same.

        Raises:
            SettingsError: it holds something else, or another scan. StorageError: it cannot be written.
        """
        self.root = root
        self._key = content_hash(canonical_json(command))
        self._done: dict[str, dict[str, Any]] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self.resumed = False
        if force:
            self._clear()
        self._take_up(force)
        try:
            (root / "evidence").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{root} cannot be written: {error.strerror}; choose another --out") from error
        self._save(finished=False, totals={})

    def evidence_folder(self, camera_id: str, evidence: Evidence) -> Path:
        """Where one violation's evidence goes."""
        name = f"{camera_id}-{evidence.violation.rule_id}-{evidence.violation_id[:10]}"
        return self.root / "evidence" / name

    def annotated(self, camera_id: str) -> Path:
        """Where the video with boxes of one camera goes."""
        return self.root / "annotated" / f"{camera_id}.mp4"

    def relative(self, path: Path) -> str:
        """As it stands in violations.jsonl."""
        return path.relative_to(self.root).as_posix()

    def is_done(self, camera_id: str) -> bool:
        """Whether an earlier run of the same command has finished this source."""
        return camera_id in self._done

    def write_rows(self, current: Sequence[dict[str, Any]] = ()) -> None:
        """Write violations.jsonl: the sources that are done, then the current one."""
        rows = [row for done in self._rows.values() for row in done] + list(current)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        self._write(ROWS, text)

    def add(self, result: VideoResult, complete: bool) -> None:
        """Keep one source's result; an incomplete one is read anew next time."""
        if complete:
            self._done[result.camera_id] = result.summary()
        self._rows[result.camera_id] = result.rows
        self.write_rows()
        self._save(finished=False, totals={})

    def finish(self, totals: dict[str, Any]) -> dict[str, Any]:
        """Mark the scan as finished; returns what scan.json now holds."""
        return self._save(finished=True, totals=totals)

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """Of the sources that are done, in order."""
        return list(self._done.values())

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows, in order."""
        return [row for done in self._rows.values() for row in done]

    def _take_up(self, force: bool) -> None:
        state = self.root / STATE
        if not state.is_file():
            if not force and self.root.is_dir() and not all(map(is_outbox, self.root.iterdir())):
                raise SettingsError(
                    "--out", str(self.root), "the folder is not empty: choose another, or give --force"
                )
            if self.root.exists() and not self.root.is_dir():
                raise SettingsError("--out", str(self.root), "is a file: a folder is expected")
            return
        try:
            self._take_up_from(json.loads(state.read_text("utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # the power failed while it was written
            raise SettingsError(
                "--out",
                str(self.root),
                f"what an earlier scan left there cannot be read ({error}): choose another, or give --force",
            ) from error

    def _take_up_from(self, held: dict[str, Any]) -> None:
        if held.get("finished"):
            raise SettingsError("--out", str(self.root), "holds a finished scan: choose another, or give --force")
        if held.get("command") != self._key:
            raise SettingsError(
                "--out", str(self.root), "holds an interrupted scan of other sources or settings; give --force"
            )
        self.resumed = True
        self._done = {done["camera_id"]: done for done in held["sources"]}
        for line in (self.root / ROWS).read_text("utf-8").splitlines() if (self.root / ROWS).is_file() else []:
            row = json.loads(line)
            if row["camera_id"] in self._done:
                self._rows.setdefault(row["camera_id"], []).append(row)

    def _clear(self) -> None:
        """Remove what a scan wrote, and nothing else."""
        for name in (*_OURS, *(_part(each) for each in (ROWS, STATE))):
            path = self.root / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _save(self, finished: bool, totals: dict[str, Any]) -> dict[str, Any]:
        state = {"command": self._key, "finished": finished, **totals, "sources": self.summaries}
        self._write(STATE, json.dumps(state, ensure_ascii=False, indent=1) + "\n")
        return state

    def _write(self, name: str, text: str) -> None:
        part = self.root / _part(name)
        try:
            part.write_text(text, "utf-8")
            os.replace(part, self.root / name)
        except OSError as error:
            raise StorageError(
                f"{self.root / name} cannot be written: {error.strerror}; free some space"
            ) from error


def _part(name: str) -> str:
    """Where a file is written until it is whole."""
    return f".{name}.part"


def row_of(evidence: Evidence, scan: ScanFolder, folder: Path) -> dict[str, Any]:
    """A row of violations.jsonl; `clip` and `ended_s` are filled when they are known."""
    facts = evidence.facts
    return {
        "violation_id": evidence.violation_id,
        "rule_id": facts["rule_id"],
        "camera_id": facts["camera_id"],
        "video": facts["video"],
        "track_id": facts["track_id"],
        "started_s": facts["started_s"],
        "confirmed_s": facts["confirmed_s"],
        "ended_s": facts["confirmed_s"],
        "captured_at": facts["captured_at"],
        "person_xyxy": list(facts["person_xyxy"]),
        "head_xyxy": list(facts["head_xyxy"]),
        "confidence": facts["confidence"],
        "snapshot": scan.relative(folder / "snapshot.jpg"),
        "clip": None,
    }
