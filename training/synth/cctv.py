"""The camera: a clean render as a cheap sensor, a lens, steam and a codec deliver it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from training.camera_look import jpeg, motion_blur
from training.synth.mesh import Array

_TARGET = {"normal": (0.28, 0.46), "dim": (0.12, 0.24), "infrared": (0.25, 0.42)}


@dataclass(frozen=True)
class Shot:
    """A crop through the camera (S, S, 3) BGR uint8, its JPEG quality, and whether steam lies over it."""

    image: Array
    quality: int
    steam: bool


def crop_shot(clean: Array, scale: float, light: str, rng: np.random.Generator) -> Shot:
    """A clean square crop (S, S, 3) BGR, shrunk by `scale`, as the camera delivers it, enlarged again."""
    side = clean.shape[0]
    n = max(24, round(side * scale))
    x: Array = clean.astype(np.float32) / 255
    if n < side:
        x = cv2.resize(x, (n, n), interpolation=cv2.INTER_AREA)
    x = _exposed(x, light, rng)
    steam = bool(rng.random() < 0.2)
    if steam:
        cloud = cv2.resize(rng.random((4, 4)).astype(np.float32), (n, n), interpolation=cv2.INTER_CUBIC)
        alpha = np.clip(cloud, 0, 1)[..., None] * rng.uniform(0.1, 0.45)
        x = x * (1 - alpha) + 0.7 * alpha
    x = _optics(x, n, rng)
    image: Array = (np.clip(_noised(x, light, rng), 0, 1) * 255).astype(np.uint8)
    if n > 70 and rng.random() < 0.13:
        image = motion_blur(image, int(rng.integers(4, 10)), rng)
    quality = int(rng.integers(34, 90))
    image = jpeg(image, quality)
    if n != side:
        method = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))
        image = cv2.resize(image, (side, side), interpolation=method)
    return Shot(image, quality, steam)


def _exposed(x: Array, light: str, rng: np.random.Generator) -> Array:
    """Gain, gamma, colour cast; grey under infra-red."""
    n = x.shape[0]
    mean = max(0.02, float(x.mean()))
    target = rng.uniform(*_TARGET[light]) if light in _TARGET else mean  # against the light nothing is mended
    x = x * np.clip((target / mean) ** 0.75, 0.75, 2.2)
    x = np.clip(x * rng.uniform(0.8, 1.1), 0, 1) ** (1 / rng.uniform(0.85, 1.15))
    x = x * np.array([rng.uniform(0.88, 1.12), 1, rng.uniform(0.88, 1.12)], np.float32)
    if light == "infrared":
        x = np.repeat((x @ np.array([0.25, 0.45, 0.30], np.float32))[..., None], 3, 2)
    elif rng.random() < 0.22:
        x = x * 0.4 + x.mean(2, keepdims=True) * 0.6
    if rng.random() < 0.35:
        yy, xx = np.mgrid[0:n, 0:n] / n - 0.5
        a = rng.uniform(0, 6.28)
        x = x * (1 - rng.uniform(0.05, 0.35) * (0.5 + xx * math.cos(a) + yy * math.sin(a)))[..., None]
    return np.asarray(x, np.float32)


def _optics(x: Array, n: int, rng: np.random.Generator) -> Array:
    """Contrast, glare of bright places, blur, sharpening."""
    mean = float(x.mean())
    x = np.clip((x - mean) * rng.uniform(0.95, 1.3) + mean, 0, 1.3).astype(np.float32)
    x = x + 0.12 * np.clip(cv2.GaussianBlur(x, (0, 0), n / 14) - 0.65, 0, 1)
    x = cv2.GaussianBlur(x, (0, 0), float(rng.choice([0.35, 0.4, 0.5, 0.65, 0.9])))
    return np.asarray(x + rng.uniform(0, 0.9) * (x - cv2.GaussianBlur(x, (0, 0), 1.5)))


def _noised(x: Array, light: str, rng: np.random.Generator) -> Array:
    """Noise of brightness and of colour, more in the dark."""
    n = x.shape[0]
    sigma = rng.uniform(0.004, 0.022) * (1.8 if light in ("dim", "infrared") else 1)
    darker = 0.6 + 0.8 * (1 - x.mean(2))
    x = x + (0.8 * sigma * rng.normal(size=(n, n)) * darker)[..., None]
    if light != "infrared":
        x = x + 0.7 * sigma * cv2.GaussianBlur(rng.normal(size=(n, n, 3)), (0, 0), 0.9)
    return np.asarray(x)
