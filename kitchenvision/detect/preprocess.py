"""From a picture to what a network eats: letterboxed frames and square crops, uint8 RGB, and the way back."""

from dataclasses import dataclass

import cv2
import numpy as np

from kitchenvision.types import Floats, Picture, Pixels, Xyxy

STRIDE = 32
PAD_GREY = 114  # ultralytics' letterbox colour, on which the weights were trained
MOST_ENLARGED = 2.0  # a picture is not blown up further than this: it gains nothing and costs time


@dataclass(frozen=True)
class Placed:
    """A network input and how to come back from it.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
        scale_x, scale_y: input pixels per source pixel.
        left, top: source pixel that lies at the input's upper left corner.
    """

    pixels: Pixels
    scale_x: float
    scale_y: float
    left: float = 0.0
    top: float = 0.0

    def back(self, xyxy: Floats) -> Floats:
        """(N, 4) boxes in input pixels become boxes in source pixels."""
        scale = np.asarray([self.scale_x, self.scale_y] * 2, np.float32)
        offset = np.asarray([self.left, self.top] * 2, np.float32)
        return (xyxy / scale + offset).astype(np.float32)


def letterbox(picture: Picture, longer_px: int) -> Placed:
    """The whole picture with its longer side at `longer_px`, padded at the right and bottom to the stride."""
    scale = min(longer_px / max(picture.width, picture.height), MOST_ENLARGED)
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    padded = np.full((_to_stride(height), _to_stride(width), 3), PAD_GREY, np.uint8)
    padded[:height, :width] = picture.scaled(width, height)
    return Placed(padded, width / picture.width, height / picture.height)


def square_crop(image: Pixels, centre: tuple[float, float], side: float, size_px: int) -> Placed:
    """A square of `side` source pixels around `centre`, resized to (size_px, size_px).

    What lies outside the picture repeats its border, as in training.
    """
    side = max(side, 2.0)
    left, top = centre[0] - side / 2, centre[1] - side / 2
    x0, y0, x1, y1 = round(left), round(top), round(left + side), round(top + side)
    height, width = image.shape[:2]
    inside = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    if inside.size == 0:
        return Placed(np.full((size_px, size_px, 3), PAD_GREY, np.uint8), size_px / side, size_px / side, left, top)
    whole = cv2.copyMakeBorder(
        inside, max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width), cv2.BORDER_REPLICATE
    )
    how = cv2.INTER_AREA if side > size_px else cv2.INTER_LINEAR
    resized = cv2.resize(whole, (size_px, size_px), interpolation=how)
    return Placed(
        np.asarray(resized, np.uint8),
        size_px / whole.shape[1],
        size_px / whole.shape[0],
        float(x0),
        float(y0),
    )


def sharpness(image: Pixels, box: Xyxy) -> float:
    """Mean absolute Laplacian of the box's grey levels at native size; low is blurred, 0 for an empty box."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (max(0, round(side)) for side in box)  # a negative end would count from the far side
    part = image[y0 : min(height, y1), x0 : min(width, x1)]
    if min(part.shape[:2]) < 3:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())


def _to_stride(pixels: int) -> int:
    return -(-pixels // STRIDE) * STRIDE
