"""Looks at one stream for some seconds and says what it is, and what to change about it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median

from kitchenvision.edge.advice import Advice, advice
from kitchenvision.edge.words import Language
from kitchenvision.frames.dialing import shown_address
from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.frames.source import SourceOptions

_ALL_FPS = 60.0
_MAIN_STREAM_PX = 1280 * 720
_SLOW_KEYS_S = 4.0
_FEW_FPS = 5.0
_RARE_CODECS = {"mpeg4", "mjpeg", "h263", "vp8"}


@dataclass(frozen=True)
class Probe:
    """What one stream is.

    Attributes:
        address: without credentials. codec: FFmpeg's name. width, height: pixels.
        fps: frames a second that came; None with fewer than two. key_frame_s: median seconds between key frames;
            None with fewer than two. opened_s: seconds until the first picture. damaged: packets or pictures.
        advice: what to change; empty when nothing.
    """

    address: str
    codec: str
    width: int
    height: int
    fps: float | None
    key_frame_s: float | None
    opened_s: float
    damaged: int
    advice: tuple[Advice, ...]

    def sentences(self, language: Language = "en") -> tuple[str, ...]:
        """The advice in words."""
        return tuple(one.text(language) for one in self.advice)

    def row(self, language: Language = "en") -> dict[str, object]:
        """For a program, with the advice in words."""
        return asdict(self) | {"advice": self.sentences(language)}


def probe(url: str, transport: str, seconds: float, steady: Callable[[], float] = time.monotonic) -> Probe:
    """Watch a stream.

    Args:
        url: with credentials. transport: ``tcp`` or ``udp``. seconds: how long, from the first picture.

    Raises:
        SourceError: as `RtspSource`.
    """
    began = steady()
    options = SourceOptions(analysis_fps=_ALL_FPS, transport="udp" if transport == "udp" else "tcp")
    with RtspSource(url, options) as source:
        opened = steady()
        times = []
        for frame in source.frames():
            times.append(frame.media_s)
            if steady() - opened >= seconds:
                break
        keys, damaged, info = source.key_times(), source.damaged, source.info
    # The first second comes in a lump.
    steadily = [at for at in times if at >= times[0] + 1.0] or times
    span_s = steadily[-1] - steadily[0]
    fps = round((len(steadily) - 1) / span_s, 2) if span_s > 0 else None
    between = [later - earlier for earlier, later in pairwise(keys)]
    key_frame_s = round(median(between), 2) if between else None
    return Probe(
        address=shown_address(url),
        codec=info.codec,
        width=info.width,
        height=info.height,
        fps=fps,
        key_frame_s=key_frame_s,
        opened_s=round(opened - began, 2),
        damaged=damaged,
        advice=tuple(advice_on(info.codec, (info.width, info.height), fps, between)),
    )


def advice_on(codec: str, size: tuple[int, int], fps: float | None, between: Sequence[float]) -> list[Advice]:
    """What to change about a stream; `between` are seconds between key frames."""
    found = []
    if size[0] * size[1] >= _MAIN_STREAM_PX:
        found.append(advice("advice_main", size=f"{size[0]}x{size[1]}"))
    if codec in _RARE_CODECS:
        found.append(advice("advice_codec", codec=codec))
    if fps is not None and fps < _FEW_FPS:
        found.append(advice("advice_fps", fps=f"{fps:g}", least=f"{_FEW_FPS:g}"))
    if between and max(between) > _SLOW_KEYS_S:
        found.append(advice("advice_keys", seconds=f"{max(between):.0f}"))
    return found
