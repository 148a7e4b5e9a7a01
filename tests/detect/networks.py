"""Networks that are not there: sessions that answer as told, and a card that describes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kitchenvision.detect.model_card import FrameNet, ModelCard, ZoomNet


@dataclass(frozen=True)
class _Named:
    name: str


class FakeSession:
    """Stands for an ONNX Runtime session; `answer` makes the outputs of an input, `fed` keeps the inputs."""

    def __init__(self, answer: Callable[[np.ndarray], list[np.ndarray]]) -> None:
        self._answer = answer
        self.fed: list[np.ndarray] = []
        self.outputs: list[_Named] = []

    def get_inputs(self) -> list[_Named]:
        """One, as both looks have."""
        return [_Named("images")]

    def get_outputs(self) -> list[_Named]:
        """Those that it was given."""
        return self.outputs

    def run(self, names: Sequence[str] | None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The answer to the one input."""
        (pixels,) = feed.values()
        self.fed.append(pixels)
        return self._answer(pixels)


def session_with(*outputs: str) -> FakeSession:
    """A session that has these outputs and answers 0.5 for the last."""
    session = FakeSession(lambda pixels: [np.full((len(pixels), 1), 0.5, np.float32)])
    session.outputs = [_Named(name) for name in outputs]
    return session


def bright_squares(pixels: np.ndarray) -> list[np.ndarray]:
    """A frame network that finds everything brighter than 200 as one person, and its upper third as a head.

    (N, H, W, 3) uint8 -> [(N, 7, 2)]. Nothing bright: scores of 0.
    """
    out = np.zeros((len(pixels), 7, 2), np.float32)
    for i, image in enumerate(pixels):
        rows, columns = np.nonzero(image.min(axis=2) > 200)
        if not len(rows):
            continue
        x0, x1, y0, y1 = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
        third = (y1 - y0) / 3
        out[i, :4, 0] = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        out[i, :4, 1] = (x0 + x1) / 2, y0 + third / 2, x1 - x0, third
        out[i, 4, 0] = out[i, 5, 1] = 0.9
    return [out]


def brightness(pixels: np.ndarray) -> list[np.ndarray]:
    """A zoom network that takes a bright crop for a covered head and a dark one for a bare head."""
    bright = pixels.mean(axis=(1, 2, 3)) / 255
    hat = np.stack([bright, 1 - bright, 0 * bright], axis=1)
    mask = np.stack([bright, 0 * bright, 1 - bright, 0 * bright], axis=1)
    return [np.full((len(pixels), 1), 0.9, np.float32), hat.astype(np.float32), mask.astype(np.float32)]


def card(sizes: tuple[int, ...] = (320,), **frame: object) -> ModelCard:
    """A card for those two."""
    return ModelCard(
        name="fake",
        version="1",
        frame=FrameNet.model_validate(
            {
                "file": "model.onnx",
                "sha256": "0" * 64,
                "classes": ("person", "head", "cigarette"),
                "profiles": {"fast": sizes, "thorough": sizes},
                **frame,
            }
        ),
        zoom=ZoomNet(file="zoom.onnx", sha256="0" * 64, size_px=64, crop_heads=1.5),
        folder=Path("nowhere"),
    )
