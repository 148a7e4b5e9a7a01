"""Streams without a network: a source that plays what a test says, hangs when told to, and writes clips of text."""

import queue
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from builders import START, GreyPicture

from kitchenvision.errors import SourceBroken, StorageError
from kitchenvision.frames.source import ClipSpan, SourceInfo
from kitchenvision.types import Frame

INFO = SourceInfo("rtsp://camera/live", "rtsp", 640, 480, "h264", 25.0, None, START, "camera", None)


class FakeStream:
    """Stands for `RtspSource`: `say` frames, then `end` it or `hang_up`."""

    def __init__(self) -> None:
        self.info = INFO
        self.closed = threading.Event()
        self.full = False
        self.calm = False
        self.cuts: list[tuple[float, float]] = []
        self._said: queue.SimpleQueue[Frame | Exception | None] = queue.SimpleQueue()
        self.index = 0

    def say(self, media_s: float) -> Frame:
        """A frame at that time of this connection."""
        shown = Frame(GreyPicture(100), self.index, media_s, START + timedelta(seconds=media_s))
        self.index += 1
        self._said.put(shown)
        return shown

    def end(self) -> None:
        """The camera sends no more."""
        self._said.put(SourceBroken("rtsp://camera/live: the camera sends no more", 0.0))

    def frames(self) -> Iterator[Frame]:
        """As said, until the end."""
        while (one := self._said.get()) is not None:
            if isinstance(one, Exception):
                raise one
            yield one

    def hang_up(self) -> None:
        """Ends `frames`."""
        self._said.put(None)

    def nothing_happens(self, calm: bool) -> None:
        """Remembers it."""
        self.calm = calm

    def close(self) -> None:
        """Remembers it."""
        self.closed.set()

    def clip(self, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """A file that says what it spans; nothing once closed."""
        assert not self.closed.is_set(), "a closed connection's packets are gone"
        if self.full:
            raise StorageError("the disk is full")
        self.cuts.append((from_s, to_s))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{from_s:.1f}-{to_s:.1f}")
        return ClipSpan(path, from_s, to_s, "video/mp4")
