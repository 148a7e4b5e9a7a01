"""A scan without networks: a source of grey frames, eyes that always see the same, and a folder for the results."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from builders import PLACE, START, detections, frame, head_at, look, person_at

from kitchenvision.build import Eyes
from kitchenvision.config import Settings
from kitchenvision.detect.model_card import ModelCard
from kitchenvision.frames.source import ClipSpan, FrameSource, SourceInfo
from kitchenvision.reporting import AnyReport
from kitchenvision.rules.registry import all_rules
from kitchenvision.scan import Scanner
from kitchenvision.scan_folder import ScanFolder, VideoResult
from kitchenvision.types import Detections, Frame, HeadLook, Picture, Xyxy
from kitchenvision.wire import ModelRef

NET = {"file": "a.onnx", "sha256": "0" * 64, "classes": ["person", "head"], "profiles": {"fast": [640]}}
ZOOM = {"file": "z.onnx", "sha256": "1" * 64, "size_px": 112, "crop_heads": 1.5}


class SteadyEyes:
    """The looks of somebody who stands still and never wears a hat; stands where `build.Eyes` does."""

    card = ModelCard.model_validate({"name": "m", "version": "1", "frame": NET, "zoom": ZOOM})
    check = cigarettes = None

    def __init__(self, bare: float = 0.97) -> None:
        self.detector = self.looker = self
        self._bare = bare

    @property
    def model(self) -> ModelRef:
        """As evidence names it."""
        return PLACE.model

    def detect(self, picture: Picture) -> Detections:
        """One person with a head."""
        return detections([person_at(300)], [head_at(300)])

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        """A bare head each time."""
        return [look(bare=self._bare) for _ in heads]


@dataclass
class GreySource(FrameSource):
    """Five frames a second; `stops` is raised behind the last of them, `cut` writes its clips."""

    seconds: float = 20.0
    name: str = "morning.mp4"
    stops: Exception | None = None
    cut: Callable[[float, float, Path], ClipSpan | None] = lambda *_: None
    asked: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.info = SourceInfo(
            self.name, "file", 640, 480, "h264", 25.0, self.seconds, START, "option", "ab" * 32, ("a note",)
        )

    def frames(self) -> Iterator[Frame]:
        """Grey."""
        for i in range(round(self.seconds * 5)):
            yield frame(i / 5, i)
        if self.stops is not None:
            raise self.stops

    def clip(self, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """As `cut` says."""
        self.asked.append((from_s, to_s))
        return self.cut(from_s, to_s, path)


class Kept:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.reports: list[AnyReport] = []
        self.blobs: dict[str, bytes | Path] = {}

    def put(self, report: AnyReport, blobs: Mapping[str, bytes | Path]) -> object:
        """Keeps it."""
        self.reports.append(report)
        self.blobs |= blobs
        return True

    @property
    def kinds(self) -> list[str]:
        """Of the reports, in order."""
        return [report.kind for report in self.reports]


def scanner(root: Path, sink: Kept | None = None, annotate: bool = False, force: bool = False) -> Scanner:
    """A scan into `root` under no_hat alone."""
    rules = {"no_hat": all_rules()["no_hat"]}
    eyes: Eyes = SteadyEyes()  # type: ignore[assignment]
    folder = ScanFolder(root, {"sources": ["morning.mp4"]}, force)
    return Scanner(eyes, rules, Settings(), ZoneInfo("UTC"), folder, sink, annotate)


def scanned(one: Scanner, source: FrameSource, camera_id: str = "cam") -> VideoResult:
    """From the first frame to the last, and into the folder's books."""
    result = one.scan(source, camera_id, lambda _: None, lambda: False)
    one.folder.add(result, complete=True)
    return result


def a_clip(from_s: float, to_s: float, path: Path) -> ClipSpan:
    """A clip of some bytes that begins at the key frame before."""
    path.write_bytes(b"a clip")
    return ClipSpan(path, max(0.0, from_s - 0.5), to_s, "video/mp4")
