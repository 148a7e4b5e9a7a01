"""Runs the command line in this process and makes small videos for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from kitchenvision import cli


@dataclass(frozen=True)
class Run:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything it printed, in one line, as a person would read it."""
        return " ".join((self.out + " " + self.err).split())


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Call `kitchenvision ARGS`."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args: object) -> Run:
        monkeypatch.setattr("sys.argv", ["kitchenvision", *map(str, args)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return Run(code, printed.out, printed.err)

    return call


def make_video(path: Path, seconds: float = 1.0, size: tuple[int, int] = (64, 48), fps: int = 10) -> Path:
    """A small H.264 clip of a moving grey bar."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.gop_size = fps
        for i in range(int(seconds * fps)):
            image = np.full((size[1], size[0], 3), 90, np.uint8)
            image[:, i % size[0]] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
    return path
