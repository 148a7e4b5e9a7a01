"""Both looks on ONNX Runtime."""

import os
from collections.abc import Callable, Sequence
from copy import copy

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as state

from kitchenvision.detect.cigarette_check import CigaretteCheck
from kitchenvision.detect.decode import agreed, decode, joined, suppressed, without_small_heads
from kitchenvision.detect.model_card import ModelCard, Profile
from kitchenvision.detect.preprocess import PAD_GREY, Placed, letterbox, sharpness, square_crop
from kitchenvision.errors import ModelError
from kitchenvision.geometry import as_xyxy, centre
from kitchenvision.types import (
    CIGARETTE,
    CLASSES,
    Cigarette,
    Detections,
    Floats,
    HatAnswer,
    HeadLook,
    MaskAnswer,
    Picture,
    Pixels,
    Xyxy,
)

LEAST_SCORE = 0.05  # keeps the precision-recall curve whole; the rules use the card's own thresholds
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
}
# Its error classes have no base of their own.
_LOAD_ERRORS = (
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NoSuchFile,
)
_ENLARGED_TO_PX = 640  # the smallest sub-streams are enlarged to this
_SMALL_HEAD_PX = 20  # of a smaller input: what is below is left to the largest, which sees it better
_ZOOM_BATCH = 16
_CIGARETTE_BATCH = 8
_SAME_CIGARETTE = 0.5  # IoU of two boxes of one


def open_session(
    path: str, provider: str = "auto", threads: int = 0, many_shapes: bool = False
) -> ort.InferenceSession:
    """An ONNX Runtime session.

    Args:
        path: the network file.
        provider: ``auto`` (CUDA where it is installed, else CPU), ``cpu`` or ``cuda``.
        threads: CPU threads; 0 takes one per core.
        many_shapes: its inputs come in batches of any size; memory is then not kept for each of them.

    Raises:
        ModelError: unknown provider, not installed, or not an ONNX file.
    """
    available = ort.get_available_providers()
    if provider == "auto":
        names = [p for p in (PROVIDERS["cuda"], PROVIDERS["cpu"]) if p in available]
    elif PROVIDERS.get(provider) in available:
        names = [PROVIDERS[provider]]
    else:
        raise ModelError(
            f"provider '{provider}' is not there: choose auto or one of "
            f"{', '.join(name for name, full in PROVIDERS.items() if full in available)}"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    options.log_severity_level = 3
    # With one, both nets that look at crops held 200 MB after some minutes, without 100, for the same CPU time.
    options.enable_cpu_mem_arena = not many_shapes
    try:
        return ort.InferenceSession(path, options, providers=names)
    except _LOAD_ERRORS as error:
        raise ModelError(f"{path} cannot be loaded by ONNX Runtime: {error}") from error


def asks_for_cigarettes(session: ort.InferenceSession) -> Callable[[Pixels], Floats]:
    """What a zoom net's output ``cigarette`` (N, 1) says of crops; see `cigarette_check.CigaretteCheck`.

    Raises:
        ModelError: it has none.
    """
    if "cigarette" not in {output.name for output in session.get_outputs()}:
        raise ModelError("model.toml has [cigarette_check], but the zoom network has no output 'cigarette'")
    name = session.get_inputs()[0].name
    return lambda crops: np.asarray(session.run(["cigarette"], {name: crops})[0], np.float32)


class OnnxDetector:
    """The frame look: see `detector.Detector`. Input sizes of a profile are run in turn and merged."""

    def __init__(
        self,
        card: ModelCard,
        session: ort.InferenceSession,
        profile: Profile = "thorough",
        least: float = LEAST_SCORE,
    ) -> None:
        """`least`: answers with a lower score are dropped."""
        self._net = card.frame
        self._session, self._least = session, least
        self._roles = [_role(self._net.roles.get(name, name)) for name in self._net.classes]
        if profile not in self._net.profiles:
            raise ModelError(f"model '{card.name}' has no profile '{profile}': {', '.join(self._net.profiles)}")
        self._sizes = self._net.profiles[profile]

    def detect(self, picture: Picture) -> Detections:
        """See `detector.Detector.detect`."""
        # Blown up beyond its own resolution a picture shows nothing more, and the larger input costs time.
        limit = max(picture.width, picture.height, _ENLARGED_TO_PX)
        sizes = sorted({min(size, limit) for size in self._sizes})
        found = [self._one_size(picture, size) for size in sizes]
        several = len(found) > 1
        if several:
            least = [_SMALL_HEAD_PX * max(picture.width, picture.height) / size for size in sizes[:-1]]
            found = [*map(without_small_heads, found[:-1], least), found[-1]]
        return suppressed(joined(found), self._net.nms_iou, picture.width, picture.height, averaged=several)

    def cigarettes_near(self, placed: Sequence[Placed]) -> list[Detections]:
        """Cigarettes on enlarged crops, in source pixels, one answer a crop."""
        answers = []
        for start in range(0, len(placed), _CIGARETTE_BATCH):
            part = placed[start : start + _CIGARETTE_BATCH]
            predictions = self._run(np.stack([p.pixels for p in part]))
            answers += [
                decode(rows, p, self._roles, self._least).of(CIGARETTE)
                for rows, p in zip(predictions, part, strict=True)
            ]
        return answers

    def _one_size(self, picture: Picture, size: int) -> Detections:
        placed = letterbox(picture, size)
        if self._net.fixed_size_px:
            placed = _into(placed, *self._net.fixed_size_px, picture)
        return decode(self._run(placed.pixels[None])[0], placed, self._roles, self._least)

    def _run(self, pixels: Pixels) -> Floats:
        """(N, H, W, 3) uint8 -> (N, 4 + classes, A) float32."""
        feed: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = pixels
        if self._net.layout == "nchw_float_rgb":
            feed = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        return np.asarray(self._session.run(None, {self._session.get_inputs()[0].name: feed})[0], np.float32)


class OnnxHeadLooker:
    """The zoom look: see `detector.HeadLooker`. Cigarettes are looked for by another network on crops."""

    def __init__(
        self,
        card: ModelCard,
        session: ort.InferenceSession,
        detector: OnnxDetector | None,
        profile: Profile = "fast",
        check: CigaretteCheck | None = None,
    ) -> None:
        """`detector` finds cigarettes; None: nobody looks for them. `check` weighs each that is found."""
        self._net, self._cigarette = card.zoom, card.cigarette_zoom
        self._sides = (self._net.crop_heads, *self._net.also_crop_heads.get(profile, ()))
        self._session, self._detector, self._check = session, detector, check

    def with_one_square(self) -> "OnnxHeadLooker":
        """The same looks, with one square a head for cigarettes, unweighed, as single pictures are looked at."""
        other = copy(self)
        other._cigarette, other._check = self._cigarette.model_copy(update={"also": ()}), None
        return other

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        """See `detector.HeadLooker.look`."""
        if not heads:
            return []
        image = picture.rgb()
        crops = np.stack([self._crop(image, head, heads_across) for heads_across in self._sides for head in heads])
        is_head, hat, mask = (
            part.reshape(len(self._sides), len(heads), -1).mean(0) for part in self._answers(crops)
        )
        found: list[tuple[Cigarette, ...]] = [()] * len(heads)
        looked = self._detector is not None if cigarettes else None
        if looked:
            found = self._cigarettes(image, heads, glance)
        return [
            HeadLook(
                head=float(is_head[i, 0]),
                hat=HatAnswer(*(float(v) for v in hat[i])),
                mask=MaskAnswer(*(float(v) for v in mask[i])),
                cigarettes=found[i],
                cigarette_looked=looked,
                head_px=head[3] - head[1],
                sharpness=sharpness(image, head),
            )
            for i, head in enumerate(heads)
        ]

    def _crop(self, image: Pixels, head: Xyxy, heads_across: float) -> Pixels:
        side = max(head[2] - head[0], head[3] - head[1])
        return square_crop(image, centre(head), side * heads_across, self._net.size_px).pixels

    def _answers(self, crops: Pixels) -> tuple[Floats, Floats, Floats]:
        name = self._session.get_inputs()[0].name
        parts = [
            self._session.run(["head", "hat", "mask"], {name: crops[start : start + _ZOOM_BATCH]})
            for start in range(0, len(crops), _ZOOM_BATCH)
        ]
        head, hat, mask = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return head, hat, mask

    def _cigarettes(self, image: Pixels, heads: Sequence[Xyxy], glance: bool) -> list[tuple[Cigarette, ...]]:
        assert self._detector is not None
        size_px = (self._cigarette.glance_px if glance else None) or self._cigarette.size_px
        squares = self._cigarette.squares(glance)
        placed = []
        for head in heads:
            side = max(head[2] - head[0], head[3] - head[1])
            x, y = centre(head)
            placed += [square_crop(image, (x, y + side * down), side * sides, size_px) for sides, down in squares]
        height, width = image.shape[:2]
        seen = self._detector.cigarettes_near(placed)
        found = [suppressed(some, _SAME_CIGARETTE, width, height) for some in seen]
        each = [
            agreed(found[start : start + len(squares)], _SAME_CIGARETTE)
            for start in range(0, len(found), len(squares))
        ]
        if self._check is not None:
            each = [self._check.weighed(image, some, LEAST_SCORE) for some in each]
        return [_as_cigarettes(some) for some in each]


def _as_cigarettes(found: Detections) -> tuple[Cigarette, ...]:
    return tuple(
        Cigarette(as_xyxy(box), float(confidence))
        for box, confidence in zip(found.xyxy, found.confidence, strict=True)
    )


def _role(name: str) -> int | None:
    return CLASSES.index(name) if name in CLASSES else None


def _into(placed: Placed, height: int, width: int, picture: Picture) -> Placed:
    """Letterbox into a fixed size, for imported networks that take no other."""
    scale = min(width / picture.width, height / picture.height)
    inner_w, inner_h = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    canvas = np.full((height, width, 3), PAD_GREY, np.uint8)
    canvas[:inner_h, :inner_w] = picture.scaled(inner_w, inner_h)
    return Placed(canvas, inner_w / picture.width, inner_h / picture.height)
