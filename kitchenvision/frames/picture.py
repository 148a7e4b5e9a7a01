"""Pictures that are converted only as far as somebody needs them."""

from fractions import Fraction

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData
from av.video.reformatter import Interpolation

from kitchenvision.types import Pixels

# (transpose, flip rows, flip columns) that turn the stored picture into the displayed one, in this order.
Orientation = tuple[bool, bool, bool]
UPRIGHT: Orientation = (False, False, False)
# Sample aspects beyond this are a broken header, not an anamorphic camera.
_WIDEST_SAMPLE = 4
_DISPLAY_MATRIX_BYTES = 36
_HALF_COLOUR = {"yuv420p", "yuvj420p"}


def display_matrix(frame: av.VideoFrame) -> bytes | None:
    """The nine 32-bit numbers of the display matrix that came with `frame`, or None."""
    side = frame.side_data.get("DISPLAYMATRIX")
    data = bytes(side) if isinstance(side, SideData) else b""
    return data if len(data) == _DISPLAY_MATRIX_BYTES else None


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """How `frame` is to be turned for display, from its display matrix (ISO 14496-12, 8.3.2), else upright."""
    data = display_matrix(frame)
    if data is None:
        return UPRIGHT
    # A stored point (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = (int(value) for value in np.frombuffer(data, np.int32)[:5])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return (True, b < 0, c < 0)
    return (False, d < 0, a < 0)


def oriented(pixels: Pixels, orientation: Orientation) -> Pixels:
    """`pixels` turned for display; contiguous."""
    transpose, flip_rows, flip_columns = orientation
    if transpose:
        pixels = pixels.transpose(1, 0, 2)
    if flip_rows:
        pixels = pixels[::-1]
    if flip_columns:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


class AvPicture:
    """A decoded frame of FFmpeg's, shown as a player would: rotation and sample aspect applied.

    Args:
        frame: kept as it is until somebody asks for pixels. sample_aspect: width of a sample over its height.
        orientation: of the whole stream, where it is known; else the frame is asked. A frame that was asked is only
            freed by Python's collector of cycles (PyAV's side data refer back to it): dozens of them are 300 MB.
    """

    def __init__(
        self,
        frame: av.VideoFrame,
        sample_aspect: Fraction | None = None,
        orientation: Orientation | None = None,
    ) -> None:
        self._frame = frame
        self._orientation = orientation_of(frame) if orientation is None else orientation
        self._stored = (_shown_width(frame.width, sample_aspect), frame.height)
        self._rgb: Pixels | None = None

    @property
    def width(self) -> int:
        """Pixels, as displayed."""
        return self._stored[1] if self._orientation[0] else self._stored[0]

    @property
    def height(self) -> int:
        """Pixels, as displayed."""
        return self._stored[0] if self._orientation[0] else self._stored[1]

    def rgb(self) -> Pixels:
        """(height, width, 3) uint8 RGB, full size; converted once and kept."""
        if self._rgb is None:
            self._rgb = self._converted(*self._stored, Interpolation.BICUBIC)
        return self._rgb

    def scaled(self, width: int, height: int) -> Pixels:
        """(height, width, 3) uint8 RGB, straight from the decoder's planes; averages where it shrinks."""
        stored = (height, width) if self._orientation[0] else (width, height)
        return self._converted(*stored, Interpolation.AREA)

    def _converted(self, width: int, height: int, how: Interpolation) -> Pixels:
        frame = self._frame
        if how is Interpolation.AREA and frame.format.name in _HALF_COLOUR and width % 2 == height % 2 == 0:
            # Planes first and colours last: half the price of both at once (bench/decode.py), and as true.
            frame = _reformatted(frame, width, height, frame.format.name, how)
        shown = _reformatted(frame, width, height, "rgb24", how)
        return oriented(np.asarray(shown.to_ndarray(), np.uint8), self._orientation)


def _reformatted(frame: av.VideoFrame, width: int, height: int, to: str, how: Interpolation) -> av.VideoFrame:
    # One thread: a decoder thread per camera is the unit that a box's cores are shared by.
    return frame.reformat(width=width, height=height, format=to, interpolation=how, threads=1)


class ArrayPicture:
    """A picture that is already in memory: (height, width, 3) uint8 RGB."""

    def __init__(self, pixels: Pixels) -> None:
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ValueError(f"expected (height, width, 3) uint8, got {pixels.shape} {pixels.dtype}")
        self._pixels = pixels

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self._pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self._pixels.shape[0])

    def rgb(self) -> Pixels:
        """The pixels themselves, not a copy."""
        return self._pixels

    def scaled(self, width: int, height: int) -> Pixels:
        """(height, width, 3) uint8 RGB; averages where it shrinks, interpolates where it grows."""
        shrinks = width * height < self.width * self.height
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(self._pixels, (width, height), interpolation=how), np.uint8)


def _shown_width(width: int, sample_aspect: Fraction | None) -> int:
    if sample_aspect is None or not Fraction(1, _WIDEST_SAMPLE) <= sample_aspect <= _WIDEST_SAMPLE:
        return width
    return max(1, round(width * sample_aspect))
