"""The front door of the frames: any address, file or folder becomes a source."""

import glob
from pathlib import Path

from kitchenvision.errors import SourceNotFound
from kitchenvision.frames.dialing import is_live
from kitchenvision.frames.file import FileSource
from kitchenvision.frames.listing import videos_under
from kitchenvision.frames.pictures import PICTURE_SUFFIXES, PicturesSource
from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.frames.segments import SegmentsSource
from kitchenvision.frames.source import FrameSource, SourceOptions


def open_source(url: str | Path, options: SourceOptions | None = None) -> FrameSource:
    """Opens a source; close it, or use it in a `with`.

    Args:
        url: a video file; a picture, a folder or a glob of pictures; a folder of recorder segments (one camera); an
            ``rtsp://``, ``rtmp://`` or ``http://`` address.
        options: how to read it; default 5 frames a second of all of it.

    Raises:
        SourceNotFound: there is nothing. SourceUnreadable: nothing in it can be read; says what was expected.
    """
    options = options or SourceOptions()
    if is_live(str(url)):
        return RtspSource(str(url), options)
    path = Path(url)
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a name too long
        raise SourceNotFound(f"{url}: cannot be looked at: {error.strerror}") from error
    if is_folder:
        return SegmentsSource(path, options) if videos_under(path) else PicturesSource(path, options)
    is_pattern = not path.exists() and glob.has_magic(str(url))
    if is_pattern or path.suffix.lower() in PICTURE_SUFFIXES:
        return PicturesSource(url, options)
    return FileSource(path, options)
