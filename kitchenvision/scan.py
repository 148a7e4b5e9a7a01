"""A recorded video becomes violations and evidence in a folder: the work behind `kitchenvision scan`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from kitchenvision import __version__
from kitchenvision.annotate import AnnotatedVideo
from kitchenvision.build import Eyes, build_stages, rule_settings
from kitchenvision.config import Settings
from kitchenvision.errors import SourceBroken, SourceError, printable
from kitchenvision.evidence import Evidence, Place
from kitchenvision.frames.source import FrameSource
from kitchenvision.pipeline import Confirmed, Ended, Pipeline, Tally
from kitchenvision.reporting import Reporter, Sink
from kitchenvision.rules.rule import Rule
from kitchenvision.scan_folder import ScanFolder, VideoResult, row_of


class Interrupted(Exception):
    """The user stopped the scan; what was found so far is in the folder."""


@dataclass(frozen=True)
class Scanner:
    """What stays the same over all videos of one scan.

    Attributes:
        eyes, rules, settings: what looks and what is due. timezone: local hours of the zones.
        folder: where results go. sink: where reports go, if anywhere. annotate: write a video with boxes.
    """

    eyes: Eyes
    rules: Mapping[str, Rule]
    settings: Settings
    timezone: ZoneInfo
    folder: ScanFolder
    sink: Sink | None = None
    annotate: bool = False

    def scan(
        self, source: FrameSource, camera_id: str, progress: Callable[[float], None], stopped: Callable[[], bool]
    ) -> VideoResult:
        """One source from its first frame to its last.

        Args:
            source: opened. camera_id: unique in this scan.
            progress: told the media time reached. stopped: asked before each frame.

        Raises:
            Interrupted: when `stopped` said so; `.args[0]` is the `VideoResult` so far.
            StorageError: disk full.
        """
        run = _Run(self, source, camera_id)
        try:
            for frame in source.frames():
                if stopped():
                    raise Interrupted(run.finish(tell=False))
                run.step(run.pipeline.step(frame))
                run.reached_s = frame.media_s
                progress(frame.media_s)
        except SourceBroken as error:
            run.problem, run.reached_s = str(error), max(run.reached_s, error.media_s)
        except SourceError as error:
            run.problem = str(error)
        finally:
            run.close()
        return run.finish()

    def place(self, source: FrameSource, camera_id: str) -> Place:
        """How the evidence of one source names itself."""
        info = source.info
        return Place(
            canteen_id=self.settings.canteen_id,
            camera_id=camera_id,
            video=printable(info.name),
            source_id=info.content_sha256 or info.name,
            captured_at_source=info.started_at_source,
            model=self.eyes.model,
            software_version=__version__,
        )


@dataclass
class _Run:
    """One source being scanned."""

    scanner: Scanner
    source: FrameSource
    camera_id: str
    problem: str = ""
    reached_s: float = 0.0
    rows: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        scanner = self.scanner
        self._place = scanner.place(self.source, self.camera_id)
        settings = rule_settings(scanner.rules, scanner.settings, scanner.eyes.card)
        stages = build_stages(scanner.eyes, scanner.rules, scanner.settings)
        self.pipeline = Pipeline(stages, self._place, settings, scanner.timezone)
        self._reporter = Reporter(scanner.sink)
        self._video: AnnotatedVideo | None = None
        if scanner.annotate:
            path = scanner.folder.annotated(self.camera_id)
            self._video = AnnotatedVideo(path, scanner.settings.analysis_fps)

    @property
    def tally(self) -> Tally:
        return self.pipeline.tally

    def step(self, events: list[Confirmed | Ended]) -> None:
        for event in events:
            if isinstance(event, Confirmed):
                self._confirmed(event.evidence)
            else:
                self._ended(event)
        if self._video is not None and self.pipeline.seen is not None:
            self._video.add(self.pipeline.seen)

    def finish(self, tell: bool = True) -> VideoResult:
        """End what is open; `tell` says so to the sink too, which an interrupted scan does not: it will go on."""
        for event in self.pipeline.finish():
            if isinstance(event, Ended):
                self._ended(event, tell)
        return VideoResult(self.source.info, self.camera_id, self.problem, self.reached_s, self.rows, self.tally)

    def close(self) -> None:
        if self._video is not None:
            self._video.close()

    def _confirmed(self, evidence: Evidence) -> None:
        folder = self.scanner.folder.evidence_folder(self.camera_id, evidence)
        self._reporter.confirmed(evidence, folder)
        row = row_of(evidence, self.scanner.folder, folder)
        self.rows.append(row)  # before the clip: the file may be gone by then, and this has been told already
        clip = self._reporter.clip(evidence, folder, self.source.clip)
        row["clip"] = self.scanner.folder.relative(clip) if clip else None
        self.scanner.folder.write_rows(self.rows)

    def _ended(self, event: Ended, tell: bool = True) -> None:
        violation, evidence = event.violation, event.evidence
        assert violation.ended_s is not None
        for row in self.rows:
            if row["violation_id"] == evidence.violation_id:
                row["ended_s"] = round(violation.ended_s, 3)
        if tell:
            self._reporter.ended(event)
