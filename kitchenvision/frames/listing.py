"""Which recordings are meant by what a user typed: files, folders, globs."""

import glob
from collections.abc import Iterable
from pathlib import Path

from kitchenvision.errors import SourceNotFound
from kitchenvision.frames.pictures import is_picture, natural_order

VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for names in (
        ("mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "mts", "m2ts", "flv", "3gp", "wmv", "asf"),
        ("ps", "mpg", "mpeg", "vob", "dav"),
        ("264", "h264", "avc", "265", "h265", "hevc", "mjpeg", "mjpg"),
    )
    for name in names
)


def find_videos(places: Iterable[str]) -> list[Path]:
    """The sources behind files, folders (with what is under them) and globs, in natural order, none twice.

    A file that is named outright is taken whatever its suffix. In folders only what is named like a video counts; a
    folder without one that holds pictures is itself a source.

    Raises:
        SourceNotFound: one of `places` leads to nothing; says what was looked for.
    """
    found: list[Path] = []
    for place in places:
        try:
            found += _behind(place)
        except OSError as error:  # a name too long, a folder that may not be listed
            raise SourceNotFound(f"{place}: cannot be looked at: {error.strerror}") from error
    return list(dict.fromkeys(found))


def is_video(path: Path) -> bool:
    """Whether `path` is a file that is named like a video; hidden files are not meant."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and path.is_file()


def videos_under(folder: Path) -> list[Path]:
    """Videos in `folder` and in the folders below it, in natural order."""
    return sorted((path for path in folder.rglob("*") if is_video(path)), key=natural_order)


def _behind(place: str) -> list[Path]:
    path = Path(place)
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        return [path]
    if not glob.has_magic(place):
        raise SourceNotFound(f"{place}: no such file or folder")
    matches = sorted((Path(match) for match in glob.glob(place, recursive=True)), key=natural_order)
    found = [path for match in matches for path in (videos_under(match) if match.is_dir() else [match])]
    videos = [path for path in found if is_video(path)]
    if not videos:
        raise SourceNotFound(f"{place}: no video matches ({len(matches)} other matches)")
    return videos


def _in_folder(folder: Path) -> list[Path]:
    videos = videos_under(folder)
    if videos:
        return videos
    if any(is_picture(path) for path in folder.iterdir()):
        return [folder]
    raise SourceNotFound(f"{folder}: no video in this folder or below it ({' '.join(sorted(VIDEO_SUFFIXES))})")
