"""Media that tests make for themselves: tiny, with a picture that tells its own number."""

import io
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STEP_GREY = 4
LEVELS = 55


def numbered(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A grey picture whose level says its number, with a white left quarter and a red top right corner."""
    image = np.full((height, width, 3), 16 + number % LEVELS * STEP_GREY, np.uint8)
    image[:, : width // 4] = 255
    image[: height // 4, -(width // 4) :] = (255, 0, 0)
    return image


def number_of(image: np.ndarray) -> int:
    """The number, modulo `LEVELS`, of a picture that `numbered` drew."""
    height, width = image.shape[:2]
    grey = image[height // 2 : height * 3 // 4, width // 2 :].mean()
    return round((float(grey) - 16) / STEP_GREY)


@dataclass(frozen=True)
class Recipe:
    """How a clip is made; the defaults give 2 s of 25 fps H.264 with B-frames and a key frame every second."""

    seconds: float = 2.0
    fps: int = 25
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    width: int = 64
    height: int = 48
    gop: int = 25
    b_frames: int = 2
    times_s: Sequence[float] | None = None
    rotation: int = 0
    sample_aspect: Fraction | None = None
    sound: bool = False
    sound_s: float | None = None
    creation_time: str = ""
    format: str | None = None
    movflags: str = "+faststart"
    noise: bool = False
    options: dict[str, str] = field(default_factory=dict)


def make_video(path: Path, recipe: Recipe | None = None) -> Path:
    """Writes a clip as `recipe` says and returns its path."""
    recipe = recipe or Recipe()
    options = {"movflags": recipe.movflags} if recipe.movflags and path.suffix in {".mp4", ".mov"} else {}
    with redirect_stderr(io.StringIO()), av.open(str(path), "w", format=recipe.format, options=options) as output:
        if recipe.creation_time:
            output.metadata["creation_time"] = recipe.creation_time
        stream = output.add_stream(recipe.codec, rate=recipe.fps, options=_encoder_options(recipe))
        stream.width, stream.height, stream.pix_fmt = recipe.width, recipe.height, recipe.pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000) if recipe.times_s else Fraction(1, recipe.fps)
        stream.codec_context.thread_count = 1
        if recipe.sample_aspect:
            stream.sample_aspect_ratio = recipe.sample_aspect
        if recipe.rotation:
            stream.set_display_rotation(recipe.rotation)
        sound = output.add_stream("aac", rate=16_000) if recipe.sound else None
        _write_pictures(output, stream, recipe)
        if sound is not None:
            _write_sound(output, sound, recipe.sound_s or recipe.seconds)
    return path


def make_sound(path: Path, seconds: float = 1.0) -> Path:
    """A file with sound only."""
    with av.open(str(path), "w") as output:
        _write_sound(output, output.add_stream("aac", rate=16_000), seconds)
    return path


def _encoder_options(recipe: Recipe) -> dict[str, str]:
    if recipe.codec == "libx264":
        params = f"keyint={recipe.gop}:min-keyint={recipe.gop}:scenecut=0:bframes={recipe.b_frames}:b-adapt=0"
        return {"x264-params": params, "preset": "ultrafast", "crf": "12", **recipe.options}
    if recipe.codec == "libx265":
        params = f"keyint={recipe.gop}:bframes={recipe.b_frames}:log-level=none:pools=1"
        return {"x265-params": params, "preset": "ultrafast", **recipe.options}
    return dict(recipe.options)


def _write_pictures(output: av.container.OutputContainer, stream: av.VideoStream, recipe: Recipe) -> None:
    times = recipe.times_s or [i / recipe.fps for i in range(round(recipe.seconds * recipe.fps))]
    base = Fraction(1, 1000) if recipe.times_s else Fraction(1, recipe.fps)
    rng = np.random.default_rng(7)
    for number, time_s in enumerate(times):
        image = numbered(number, recipe.width, recipe.height)
        if recipe.noise:
            image = rng.integers(0, 255, image.shape, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = round(time_s / base), base
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def _write_sound(output: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    for start in range(0, int(seconds * 16_000), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, start, Fraction(1, 16_000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode())
