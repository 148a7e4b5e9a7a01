"""A real stream of a scene in which nothing happens until somebody comes in."""

import gc
import logging
from collections.abc import Iterator

import av
import numpy as np
import pytest
from rtsp_servers import playing

from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.frames.source import SourceOptions

FPS, STILL_S, BUSY_S = 25, 12, 3
WIDTH, HEIGHT = 320, 240


def scene(number: int) -> np.ndarray:
    """A wall with a pattern and a little noise; from `STILL_S` on something bright walks to the right."""
    rng = np.random.default_rng(number % 4)
    wall = np.tile(np.arange(WIDTH) // 20 % 2 * 40 + 90, (HEIGHT, 1))
    picture = np.repeat(wall[..., None], 3, axis=2) + rng.integers(0, 6, (HEIGHT, WIDTH, 3))
    if number >= STILL_S * FPS:
        left = 4 * (number - STILL_S * FPS)
        picture[60:200, left : left + 80] = 230
    return picture.astype(np.uint8)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The scene, as a camera sends it: a key frame every second, no B-frames."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    folder = tmp_path_factory.mktemp("scene")
    with av.open(str(folder / "scene.mp4"), "w") as out:
        options = {"bf": "0", "g": str(FPS), "preset": "veryfast", "crf": "23", "sc_threshold": "0"}
        stream = out.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range((STILL_S + BUSY_S) * FPS):
            frame = av.VideoFrame.from_ndarray(scene(number), "rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with playing(folder) as host:
        yield f"rtsp://{host}/scene.mp4"


def watched(address: str, until_s: float, calm: bool) -> list[tuple[float, int]]:
    """(media time, column of the bright thing's left side or -1) of each frame up to a time."""
    seen = []
    with RtspSource(address, SourceOptions(analysis_fps=5.0)) as source:
        source.nothing_happens(calm)
        for frame in source.frames():
            row = frame.picture.rgb()[130].mean(axis=1)
            bright = np.flatnonzero(row > 190)
            seen.append((frame.media_s, int(bright[0]) if len(bright) else -1))
            if frame.media_s >= until_s:
                break
        late_s = (frame.captured_at - source.info.started_at).total_seconds() - frame.media_s
        print(f"dozing usable: {source._feed.dozing.usable}, damaged: {source.damaged}, late: {late_s:.2f} s")
    return seen


def test_key_frames_are_enough_until_something_moves(address: str) -> None:
    """A picture a second while all is still; from the first frame with somebody five a second, and whole ones."""
    seen = watched(address, STILL_S + BUSY_S - 0.5, calm=True)
    asleep = [at_s for at_s, _ in seen if 6.0 < at_s < STILL_S - 0.05]
    assert len(asleep) <= 6
    awake = [(at_s, left) for at_s, left in seen if at_s >= STILL_S - 0.05]
    assert awake[0][0] <= STILL_S + 0.25
    assert len(awake) >= 5 * (BUSY_S - 0.5) - 3
    for at_s, left in awake:
        if at_s > STILL_S + 0.05:  # decoded with all that was held: nothing smears or lags behind
            assert abs(left - 4 * FPS * (at_s - STILL_S)) <= 12


def test_nobody_who_looks_loses_a_picture(address: str) -> None:
    """As long as nobody says that nothing happens."""
    seen = watched(address, 6.0, calm=False)
    assert len(seen) >= 5 * 6 - 2


def test_frames_that_nobody_holds_are_freed_at_once(address: str) -> None:
    """Without Python's collector of cycles, which lets dozens of large pictures lie."""

    def alive() -> int:
        return sum(isinstance(one, av.VideoFrame) for one in gc.get_objects())

    gc.collect()
    before = alive()  # what other tests hold
    gc.disable()
    try:
        watched(address, 3.0, calm=False)
        assert alive() - before <= 8
    finally:
        gc.enable()
