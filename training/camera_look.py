"""Make a clean picture look as if a kitchen camera had sent it: blur, sensor noise, JPEG, light, infra-red."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

Image = np.ndarray[Any, np.dtype[np.uint8]]

# Drawing normals for every picture costs more than the rest; windows of one field look the same to a net.
_NOISE = np.random.default_rng(7).normal(0, 1, (1024, 1024, 3)).astype(np.float32)


def sensor_noise(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Add noise of `sigma` grey levels."""
    h, w = image.shape[:2]
    y, x = rng.integers(0, 1024 - h), rng.integers(0, 1024 - w)
    noisy = image.astype(np.float32) + sigma * _NOISE[y : y + h, x : x + w, :]
    return np.clip(noisy, 0, 255).astype(np.uint8)


def jpeg(image: Image, quality: int) -> Image:
    """Encode and decode once."""
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR) if ok else image


def light(image: Image, rng: np.random.Generator, strength: float = 1.0) -> Image:
    """Brightness, contrast, gamma, colour cast; one picture in eight is grey as under infra-red."""
    gain = np.exp(rng.normal(0, 0.18 * strength))
    gamma = np.exp(rng.normal(0, 0.2 * strength))
    cast = np.exp(rng.normal(0, 0.05 * strength, 3))
    levels = np.arange(256, dtype=np.float32) / 255
    table = np.clip(255 * gain * cast[None, :] * levels[:, None] ** gamma + rng.normal(0, 6 * strength), 0, 255)
    out = cv2.LUT(image, table.astype(np.uint8).reshape(256, 1, 3))
    if rng.random() < 0.12:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    elif rng.random() < 0.3:
        grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        share = float(rng.uniform(0.2, 0.8))
        out = cv2.addWeighted(out, 1 - share, grey, share, 0)
    return out


def motion_blur(image: Image, length: int, rng: np.random.Generator) -> Image:
    """Blur along a random line of `length` pixels."""
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    half = (length - 1) / 2
    dx, dy = half * np.cos(angle), half * np.sin(angle)
    cv2.line(kernel, (round(half - dx), round(half - dy)), (round(half + dx), round(half + dy)), 1.0, 1)
    return cv2.filter2D(image, -1, kernel / max(1.0, float(kernel.sum())))


def camera_look(image: Image, rng: np.random.Generator, strength: float = 1.0) -> Image:
    """The whole chain on a picture that already has the camera's resolution."""
    if rng.random() < 0.85:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.25, 0.3 + 0.7 * strength)))
    if rng.random() < 0.12 * strength:
        image = motion_blur(image, int(rng.integers(3, 6)), rng)
    image = light(image, rng, strength)
    if rng.random() < 0.85:
        image = sensor_noise(image, float(rng.uniform(0.5, 1 + 5 * strength)), rng)
    if rng.random() < 0.85:
        image = jpeg(image, int(rng.integers(38, 90)))
    return image
