"""A folder or glob of pictures as a source, and single pictures: jpg, png, webp, bmp."""

import glob
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from kitchenvision.errors import SourceNotFound, SourceUnreadable
from kitchenvision.frames.picture import ArrayPicture
from kitchenvision.frames.source import FrameSource, SourceInfo, SourceOptions, StartedAtSource
from kitchenvision.frames.started import time_in_name
from kitchenvision.types import Frame

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


def read_picture(path: Path) -> ArrayPicture:
    """One picture as RGB, turned as its EXIF data says.

    Raises:
        SourceNotFound: no such file. SourceUnreadable: it is not a picture, or a damaged one.
    """
    return _decoded(_bytes_of(path), path)


def list_pictures(folder: Path) -> list[Path]:
    """Pictures directly in `folder`, in natural order (2 before 10); other files are skipped.

    Raises:
        SourceNotFound: no such folder. SourceUnreadable: not a folder, or no permission.
    """
    try:
        found = [path for path in folder.iterdir() if is_picture(path)]
    except FileNotFoundError as error:
        raise SourceNotFound(f"{folder}: no such folder") from error
    except OSError as error:
        raise SourceUnreadable(f"{folder}: cannot be listed: {error.strerror}") from error
    return sorted(found, key=natural_order)


def is_picture(path: Path) -> bool:
    """Whether `path` is a file that is named like a picture; hidden files are not meant."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def natural_order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sorting key that counts: frame2 before frame10. No two paths share it: a folder's listing has no order."""
    name = path.as_posix()
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts], name


class PicturesSource(FrameSource):
    """Pictures, one a frame, `analysis_fps` of them a second of media time.

    A picture that cannot be read keeps its moment, is reported in `broken`, and the next goes on.

    Args:
        place: a folder, a glob, or one picture. options: how to read it.

    Raises:
        SourceNotFound: nothing there. SourceUnreadable: no picture there can be read.
    """

    def __init__(self, place: str | Path, options: SourceOptions) -> None:
        self.paths = _found(place)
        self.broken: list[tuple[Path, str]] = []
        self._options = options
        first = self._first()
        begun, begun_source = self._started_at()
        self.info = SourceInfo(
            name=Path(place).name or str(place),
            kind="pictures",
            width=first.width,
            height=first.height,
            codec="pictures",
            fps=options.analysis_fps,
            duration_s=len(self.paths) / options.analysis_fps,
            started_at=begun,
            started_at_source=begun_source,
            content_sha256=_hash_of(self.paths),
        )

    def frames(self) -> Iterator[Frame]:
        """Each picture that can be read."""
        self.broken = []
        index = 0
        for position, path in enumerate(self.paths):
            media_s = position / self._options.analysis_fps
            if self._options.to_s is not None and media_s > self._options.to_s:
                return
            if media_s < self._options.from_s:
                continue
            try:
                picture = read_picture(path)
            except (SourceNotFound, SourceUnreadable) as error:
                self.broken.append((path, str(error)))
                continue
            yield Frame(picture, index, media_s, self.info.started_at + timedelta(seconds=media_s))
            index += 1

    def problems(self) -> tuple[str, ...]:
        """One line a picture that could not be read."""
        return tuple(reason for _, reason in self.broken)

    def _first(self) -> ArrayPicture:
        problem = ""
        for path in self.paths:
            try:
                return read_picture(path)
            except (SourceNotFound, SourceUnreadable) as error:
                problem = problem or str(error)
        raise SourceUnreadable(f"none of {len(self.paths)} pictures can be read; the first says: {problem}")

    def _started_at(self) -> tuple[datetime, StartedAtSource]:
        if self._options.started_at is not None:
            return self._options.started_at.astimezone(UTC), "option"
        named = time_in_name(self.paths[0].name, self._options.timezone)
        if named is not None:
            return named, "file name"
        return datetime.fromtimestamp(self.paths[0].stat().st_mtime, UTC), "file time"


def _found(place: str | Path) -> list[Path]:
    path = Path(place)
    if path.is_dir():
        paths = list_pictures(path)
    elif path.exists():
        paths = [path]
    else:
        paths = sorted((Path(p) for p in glob.glob(str(place)) if is_picture(Path(p))), key=natural_order)
    if not paths:
        raise SourceNotFound(f"{place}: no pictures there ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return paths


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SourceNotFound(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise SourceUnreadable(f"{path.name}: expected a picture, this is a folder") from error
    except OSError as error:
        raise SourceUnreadable(f"{path.name}: cannot be read: {error.strerror}") from error


def _decoded(data: bytes, path: Path) -> ArrayPicture:
    if not data:
        raise SourceUnreadable(f"{path.name}: the file is empty (0 bytes)")
    if not _is_whole(data):
        raise SourceUnreadable(f"{path.name}: the picture is cut off after {len(data)} bytes")
    try:
        # IMREAD_COLOR applies the EXIF orientation; decoding from bytes lets names be in any script.
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise SourceUnreadable(f"{path.name}: the picture is damaged ({error.err})") from error
    if pixels is None:
        raise SourceUnreadable(f"{path.name}: expected a picture, got {len(data)} bytes that are none, or damaged")
    return ArrayPicture(np.asarray(pixels, np.uint8))


def _is_whole(data: bytes) -> bool:
    """Whether a picture's end is there. OpenCV fills what is missing with grey and says nothing."""
    if data.startswith(b"\xff\xd8"):  # JPEG: an end of image after the last start of scan
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data
    if data.startswith(b"RIFF"):  # WebP
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    if data.startswith(b"BM"):
        return len(data) >= int.from_bytes(data[2:6], "little")
    return True


def _hash_of(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError:  # reported when its turn comes
            digest.update(b"unreadable")
    return digest.hexdigest()
