"""Puts a clip together: regions over the background, lens, camera, clock, H.264, and the truth in final pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from training.synth.clip_truth import Facts, incidents, person_row
from training.synth.images import read_image
from training.synth.lens import Lens
from training.synth.mesh import Array
from training.synth.scenes import Scene

Region = tuple[int, int, int, int]
_FEATHER_PX = 9


def region_of(pixels: Array, width: int, height: int, margin: int = 12) -> Region | None:
    """The part of the picture around projected points, with a margin; None if it lies outside."""
    low, high = pixels.min(0) - margin, pixels.max(0) + margin
    x0, y0 = max(0, int(low[0])), max(0, int(low[1]))
    x1, y1 = min(width, int(high[0]) + 1), min(height, int(high[1]) + 1)
    return (x0, y0, x1, y1) if x1 > x0 + 4 and y1 > y0 + 4 else None


def merged_regions(boxes: Sequence[Region]) -> list[Region]:
    """Regions joined where one picture is cheaper than two: every render costs about 3,000 pixels of overhead."""
    left = list(boxes)
    for i, a in enumerate(left):
        for j in range(i + 1, len(left)):
            b = left[j]
            both = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
            if _area(both) < 1.12 * (_area(a) + _area(b)) + 3000:
                return merged_regions([*left[:i], both, *left[i + 1 : j], *left[j + 1 :]])
    return left


def _area(box: Region) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def pasted(background: Array, regions: Sequence[Region], pictures: Sequence[Array]) -> Array:
    """Pictures of regions over the background (H, W, 3), their inner borders feathered."""
    image = background.astype(np.float32)
    height, width = image.shape[:2]
    ramp = (np.arange(_FEATHER_PX) + 0.5) / _FEATHER_PX
    for (x0, y0, x1, y1), picture in zip(regions, pictures, strict=True):
        across, along = np.ones(x1 - x0, np.float32), np.ones(y1 - y0, np.float32)
        for weight, starts, ends in ((across, x0 > 0, x1 < width), (along, y0 > 0, y1 < height)):
            if starts:
                weight[:_FEATHER_PX] *= ramp
            if ends:
                weight[-_FEATHER_PX:] *= ramp[::-1]
        alpha = (along[:, None] * across[None])[..., None]
        below = image[y0:y1, x0:x1]
        image[y0:y1, x0:x1] = picture * alpha + below * (1 - alpha)
    return image


def pasted_index(size: tuple[int, int], regions: Sequence[Region], indices: Sequence[Array]) -> Array:
    """Indices of a whole picture (H, W) from those of its regions; 0 where nobody is."""
    index = np.zeros((size[1], size[0]), np.uint8)
    for (x0, y0, x1, y1), own in zip(regions, indices, strict=True):
        index[y0:y1, x0:x1] = np.where(own > 0, own, index[y0:y1, x0:x1])
    return index


@dataclass(frozen=True)
class ClipCamera:
    """One camera's look, drawn from a seed: the same in all frames but for noise and clock."""

    seed: int
    size: tuple[int, int]

    @property
    def lens(self) -> Lens:
        """Its distortion."""
        return Lens(*self.size, float(self._drawn()[0]))

    def _drawn(self) -> Array:
        """k of the lens, gain, gamma, red, blue, blur, sharpening, noise, hour, minute."""
        low = [0.025, 0.88, 0.92, 0.95, 0.95, 0.45, 0.3, 0.008, 6, 0]
        high = [0.07, 1.04, 1.08, 1.05, 1.05, 0.75, 0.7, 0.016, 19, 59]
        return np.random.default_rng(self.seed).uniform(low, high)

    def shot(self, straight: Array, number: int, t: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The frame (H, W, 3) BGR of a clean picture."""
        _, gain, gamma, red, blue, blur, sharp, sigma, hour, minute = self._drawn()
        x = self.lens.bent(straight.astype(np.float32)) / 255
        width, height = self.size
        yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
        vignette = 1 - 0.08 * (((xx - width / 2) / (width / 2)) ** 2 + ((yy - height / 2) / (height / 2)) ** 2)
        x = np.clip(x * gain * vignette[..., None], 0, 1) ** (1 / gamma) * np.array([blue, 1, red], np.float32)
        x = x.astype(np.float32)
        x = x + 0.10 * np.clip(cv2.GaussianBlur(x, (0, 0), 16) - 0.6, 0, 1)
        x = cv2.GaussianBlur(x, (0, 0), float(blur))
        x = x + sharp * (x - cv2.GaussianBlur(x, (0, 0), 1.6))
        rng = np.random.default_rng((self.seed, number))
        noise = rng.normal(size=(height, width)).astype(np.float32) * (0.6 + 0.8 * (1 - x.mean(2)))
        x = x + (sigma * 0.8 * noise)[..., None]
        image: Array = (np.clip(x, 0, 1) * 255).astype(np.uint8)
        clock = datetime(2026, 3, 1 + self.seed % 28, int(hour), int(minute)) + timedelta(seconds=t)
        for colour, thick in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            text = f"{clock:%Y-%m-%d %H:%M:%S}"
            cv2.putText(image, text, (14, 30), 0, 0.7, colour, thick, cv2.LINE_AA)
        return image


@dataclass(frozen=True)
class RawFrame:
    """A rendered frame: regions with their pictures (h, w, 3) and indices (h, w), and the facts of all actors."""

    regions: list[Region]
    pictures: list[Array]
    indices: list[Array]
    facts: list[Facts]


def save_frame(path: Path, frame: RawFrame) -> None:
    """Write a frame whole or not at all."""
    arrays: dict[str, Any] = {f"picture{i}": picture for i, picture in enumerate(frame.pictures)}
    arrays |= {f"index{i}": index.astype(np.uint8) for i, index in enumerate(frame.indices)}
    text = json.dumps([asdict(one) for one in frame.facts])
    partial = path.with_name("partial.npz")
    arrays |= {"regions": np.array(frame.regions).reshape(-1, 4), "facts": np.array(text)}
    np.savez_compressed(partial, **arrays)
    partial.replace(path)


def read_frame(path: Path) -> RawFrame:
    """A frame that `save_frame` wrote."""
    with np.load(path) as stored:
        regions = [(int(a), int(b), int(c), int(d)) for a, b, c, d in stored["regions"]]
        pictures = [stored[f"picture{i}"] for i in range(len(regions))]
        indices = [stored[f"index{i}"] for i in range(len(regions))]
        rows = json.loads(str(stored["facts"]))
    for row in rows:
        row["angles"], row["areas"] = tuple(row["angles"]), tuple(row["areas"])
    return RawFrame(regions, pictures, indices, [Facts(**row) for row in rows])


def composed(scene: Scene, raw: Path) -> Iterator[tuple[Array, dict[str, Any]]]:
    """Frames (H, W, 3) with their row of the truth."""
    camera = ClipCamera(scene.room * 13 + len(scene.name), scene.size)
    background = read_image(raw / "background.png")
    for number in range(scene.frames):
        t = number / scene.fps
        frame = read_frame(raw / f"{number:04d}.npz")
        index = pasted_index(scene.size, frame.regions, frame.indices)
        bent = camera.lens.bent(index, nearest=True)
        people = [person_row(facts, bent, camera.lens) for facts in frame.facts]
        straight = pasted(background, frame.regions, frame.pictures)
        yield camera.shot(straight, number, t), {"t": round(t, 3), "people": [row for row in people if row]}


def write_clip(scene: Scene, raw: Path, out: Path, crf: int = 25) -> Path:
    """NAME.mp4 and NAME.json in `out`; returns the clip's path."""
    out.mkdir(parents=True, exist_ok=True)
    path, frames = out / f"{scene.name}.mp4", []
    width, height = scene.size
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=scene.fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(crf), "preset": "slow", "threads": "1"}
        for number, (image, row) in enumerate(composed(scene, raw)):
            frames.append(row)
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, scene.fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    truth = {
        "clip": path.name,
        "fps": scene.fps,
        "width": width,
        "height": height,
        "frames": frames,
        "incidents": incidents(frames, scene.fps),
    }
    path.with_suffix(".json").write_text(json.dumps(truth, separators=(",", ":")), "utf-8")
    return path
