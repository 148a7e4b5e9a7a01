"""A video with boxes and states drawn, for people: `scan --annotate`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np

from kitchenvision.errors import StorageError
from kitchenvision.pipeline import Seen
from kitchenvision.types import Pixels, Verdict, Xyxy

_MOST_PX = 1280
_COLOURS = {
    Verdict.VIOLATING: (255, 160, 0),
    Verdict.COMPLIANT: (80, 200, 120),
    Verdict.CANNOT_JUDGE: (190, 190, 190),
}
_ACCUSED = (230, 40, 40)


class AnnotatedVideo:
    """Writes one MP4; frames come at the analysis rate."""

    def __init__(self, path: Path, fps: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._fps = path, fps
        self._container: av.container.OutputContainer | None = None
        self._stream: av.VideoStream | None = None

    def add(self, seen: Seen) -> None:
        """Draw and append one frame.

        Raises:
            StorageError: it cannot be written.
        """
        image = drawn(seen)
        scale = min(1.0, _MOST_PX / max(image.shape[:2]))
        size = (max(2, int(image.shape[1] * scale) // 2 * 2), max(2, int(image.shape[0] * scale) // 2 * 2))
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        try:
            if self._container is None or self._stream is None:
                self._container = av.open(str(self._path), "w")
                self._stream = self._container.add_stream("libx264", rate=max(1, round(self._fps)))
                self._stream.width, self._stream.height = size
                self._stream.pix_fmt = "yuv420p"
            if (self._stream.width, self._stream.height) != size:
                small = np.asarray(cv2.resize(small, (self._stream.width, self._stream.height)), np.uint8)
            frame = av.VideoFrame.from_ndarray(small, "rgb24")
            self._container.mux(self._stream.encode(frame))
        except (OSError, av.FFmpegError) as error:
            raise StorageError(f"{self._path} cannot be written: {error}") from error

    def close(self) -> None:
        """Finish the file.

        Raises:
            StorageError: it cannot be written.
        """
        container, self._container = self._container, None
        if container is None or self._stream is None:
            return
        try:
            with container:
                container.mux(self._stream.encode(None))
        except (OSError, av.FFmpegError) as error:
            raise StorageError(f"{self._path} cannot be written: {error}") from error

    def __enter__(self) -> "AnnotatedVideo":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def drawn(seen: Seen) -> Pixels:
    """A copy of the frame with tracks, what was said of each, and what is confirmed."""
    image = seen.frame.image.copy()
    for track in seen.tracks:
        accused = seen.open_rules.get(track.track_id, ())
        _box(image, track.person_xyxy, _ACCUSED if accused else (255, 255, 255))
        if track.head_xyxy is not None:
            _box(image, track.head_xyxy, (255, 255, 255))
        label = f"{track.track_id} " + " ".join(accused)
        _label(image, (round(track.person_xyxy[0]), round(track.person_xyxy[1]) - 4), label.strip())
    lines: Counter[int] = Counter()
    for look in seen.observations:
        row = lines[look.track_id]
        lines[look.track_id] += 1
        x, y = round(look.head_xyxy[2]) + 4, round(look.head_xyxy[1]) + 12 + 14 * row
        _label(image, (x, y), f"{look.rule_id} {look.probability:.2f}", _COLOURS[look.verdict])
        if look.cigarette_xyxy is not None:
            _box(image, look.cigarette_xyxy, _ACCUSED)
    _label(image, (8, 20), f"{seen.frame.media_s:.2f} s")
    return image


def draw_polygon(image: Pixels, polygon: tuple[tuple[float, float], ...], label: str) -> None:
    """Draw a zone with its label into the picture; corners are relative, none means the whole picture."""
    height, width = image.shape[:2]
    corners = polygon or ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    points = np.asarray([[round(x * (width - 1)), round(y * (height - 1))] for x, y in corners], np.int32)
    cv2.polylines(image, [points], True, (90, 160, 255), 2)
    left, top = points.min(axis=0)
    _label(image, (int(left) + 8, int(top) + 40), label, (90, 160, 255))


@dataclass(frozen=True)
class GridCell:
    """One part of a picture: column and row from 0, a state that picks its colour, lines of text."""

    column: int
    row: int
    verdict: Verdict
    lines: tuple[str, ...]


def draw_grid(image: Pixels, columns: int, rows: int, cells: Sequence[GridCell]) -> None:
    """Draw a grid into the picture, with a frame and words in those parts of which something is known."""
    height, width = image.shape[:2]
    for column in range(1, columns):
        x = round(width * column / columns)
        cv2.line(image, (x, 0), (x, height), (255, 255, 255), 1)
    for row in range(1, rows):
        y = round(height * row / rows)
        cv2.line(image, (0, y), (width, y), (255, 255, 255), 1)
    for cell in cells:
        left, top = round(width * cell.column / columns), round(height * cell.row / rows)
        right, bottom = round(width * (cell.column + 1) / columns), round(height * (cell.row + 1) / rows)
        colour = _COLOURS[cell.verdict]
        cv2.rectangle(image, (left + 2, top + 2), (right - 3, bottom - 3), colour, 2)
        chip = image[top + 5 : min(bottom - 5, top + 12 + 16 * len(cell.lines)), left + 5 : right - 5]
        chip //= 4
        for i, line in enumerate(cell.lines):
            at = (left + 10, top + 20 + 16 * i)
            cv2.putText(image, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)


def _box(image: Pixels, box: Xyxy, colour: tuple[int, int, int]) -> None:
    x0, y0, x1, y1 = (round(v) for v in box)
    cv2.rectangle(image, (x0 - 1, y0 - 1), (x1 + 1, y1 + 1), (0, 0, 0), 1)
    cv2.rectangle(image, (x0, y0), (x1, y1), colour, 2)


def _label(image: Pixels, at: tuple[int, int], text: str, colour: tuple[int, int, int] = (255, 255, 255)) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
