"""A model folder: ``model.toml`` with sizes, classes, thresholds and the hash of every file it needs."""

import hashlib
import os
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kitchenvision.errors import ModelError
from kitchenvision.types import RuleSettings

MODELS_VARIABLE = "KITCHENVISION_MODELS"
Profile = Literal["fast", "thorough"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FrameNet(_Section):
    """The frame look's network: file, hash, input layout, classes, NMS, input sizes by profile."""

    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    layout: Literal["nhwc_uint8_rgb", "nchw_float_rgb"] = "nhwc_uint8_rgb"
    classes: tuple[str, ...]
    roles: dict[str, str] = {}  # network class -> person, head, cigarette; absent: the class's own name
    nms_iou: float = Field(default=0.5, gt=0, lt=1)
    fixed_size_px: tuple[int, int] | None = None  # (height, width) of networks that take no other size
    profiles: dict[Profile, tuple[int, ...]]


class ZoomNet(_Section):
    """The zoom look's network: file, hash, crop size, answers.

    crop_heads: side of the square around a head, in heads. also_crop_heads: those of further squares, by profile;
    the mean of the answers counts.
    """

    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size_px: int = Field(gt=0)
    crop_heads: float = Field(gt=0)
    also_crop_heads: dict[Profile, tuple[Annotated[float, Field(gt=0)], ...]] = {}
    hat: tuple[str, ...] = ("covered", "bare", "cannot_judge")
    mask: tuple[str, ...] = ("worn", "incorrect", "none", "cannot_judge")


class CigaretteZoom(_Section):
    """Where around a head the frame network looks again for cigarettes, and at what size.

    glance_px: the size while no cigarette was seen yet, where the first one is only to be noticed; None: `size_px`.
    crop_heads, shift_down_heads: side of the square and how far its middle lies below the head's, in heads.
    also: further squares that a close look takes in video, each as (crop_heads, shift_down_heads). The mean of all
    squares' confidences counts: a pixel more or less of the head's box no longer decides.
    """

    size_px: int = Field(default=256, gt=0)
    glance_px: int | None = Field(default=None, gt=0)
    crop_heads: float = Field(default=3.4, gt=0)
    shift_down_heads: float = 0.6
    also: tuple[tuple[Annotated[float, Field(gt=0)], float], ...] = ()

    def squares(self, glance: bool) -> tuple[tuple[float, float], ...]:
        """Squares of one look, each as (crop_heads, shift_down_heads); a glance takes the first alone."""
        first = (self.crop_heads, self.shift_down_heads)
        return (first,) if glance else (first, *self.also)


class CigaretteTiles(_Section):
    """How a whole picture of small heads is cut into tiles on which cigarettes are looked for; see `detect.tiles`.

    heads: side of a tile, in heads of the picture. least_side_px: no tile is smaller. most_across: the longer side
    of the picture holds no more, but for their overlap. most_share: of the picture's shorter side; where a tile
    would be larger, the whole picture is enough. overlap: with the next, share of its side. size_px: each is
    enlarged to.
    """

    heads: float = Field(default=3.4, gt=0)
    least_side_px: int = Field(default=160, gt=0)
    most_across: int = Field(default=12, gt=0)
    most_share: float = Field(default=0.3, gt=0, le=1)
    overlap: float = Field(default=0.25, ge=0, lt=1)
    size_px: int = Field(default=320, gt=0)


class CigaretteCheckSettings(_Section):
    """How the zoom net, which then has an output ``cigarette``, weighs what the cigarette look suspects.

    sides: side of the crop around a suspected cigarette, in its longer sides. weight: of the zoom net's answer,
    0..1. least: the score from which on something is suspected. in_video: whether close looks in video are
    weighed, too, not only what is found on single pictures.
    """

    sides: float = Field(default=5.0, gt=1)
    weight: float = Field(default=0.5, ge=0, le=1)
    least: float = Field(default=0.02, gt=0, lt=1)
    in_video: bool = False


class Thresholds(_Section):
    """What the tracker takes for a person, for a head. Of a cigarette the rule decides; `detect` uses 0.05."""

    person: float = Field(default=0.3, gt=0, lt=1)
    head: float = Field(default=0.35, gt=0, lt=1)


class SelfTest(_Section):
    """A picture of the folder and the least number of heads that must be found on it."""

    picture: str
    min_heads: int = Field(ge=1)


class ModelCard(_Section):
    """Contents of ``model.toml``; `folder` is where it lies."""

    name: str
    version: str
    licence: str = "AGPL-3.0-only"
    frame: FrameNet
    zoom: ZoomNet
    cigarette: FrameNet | None = None  # a network of its own for cigarettes; without one the frame's looks for them
    cigarette_zoom: CigaretteZoom = CigaretteZoom()
    cigarette_tiles: CigaretteTiles | None = None  # without it whole pictures are not cut into tiles
    cigarette_check: CigaretteCheckSettings | None = None  # without it the cigarette look's word stands alone
    thresholds: Thresholds = Thresholds()
    self_test: SelfTest | None = None
    rules: dict[str, dict[str, float]] = {}
    folder: Path = Path()

    def rule_defaults(self, rule_id: str, defaults: RuleSettings) -> RuleSettings:
        """A rule's defaults with what this model's calibration says of them (``[rules.ID]`` of the card).

        Raises:
            ModelError: when the card names a setting that there is not.
        """
        values = self.rules.get(rule_id, {})
        unknown = set(values) - {f.name for f in fields(RuleSettings)}
        if unknown:
            raise ModelError(f"{self.path('model.toml')}: rules.{rule_id}.{min(unknown)}: no such setting")
        # The card's numbers are floats; a number of looks stays a whole one.
        given = {name: type(getattr(defaults, name))(value) for name, value in values.items()}
        return replace(defaults, **given)

    def path(self, file: str) -> Path:
        """Path of one of its files."""
        return self.folder / file

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each network file by name."""
        nets = [net for net in (self.frame, self.zoom, self.cigarette) if net is not None]
        return {net.file: net.sha256 for net in nets}

    def for_cigarettes(self) -> "ModelCard | None":
        """This card as the detector of cigarettes needs it; None where no network of it finds any."""
        net = self.cigarette or self.frame
        finds = "cigarette" in {net.roles.get(name, name) for name in net.classes}
        return self.model_copy(update={"frame": net}) if finds else None


def models_folder(given: Path | None = None) -> Path:
    """The folder of model folders: given, else from the environment, else the bundled one.

    Raises:
        ModelError: when it is not there.
    """
    variable = os.environ.get(MODELS_VARIABLE)
    package = Path(__file__).resolve().parents[1]
    candidates = (
        [given] if given else [Path(variable)] if variable else [package / "models", package.parent / "models"]
    )
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise ModelError(
        f"no folder of models at {candidates[0]}: give --models DIR or set {MODELS_VARIABLE} to a folder "
        "that holds default.toml and one folder a model"
    )


def default_name(folder: Path) -> str:
    """The model named in ``default.toml``, or the only one there is."""
    path = folder / "default.toml"
    if path.is_file():
        name = _read_toml(path).get("default")
        if not isinstance(name, str):
            raise ModelError(f'{path}: expected default = "NAME", got {name!r}')
        return name
    names = model_names(folder)
    if len(names) == 1:
        return names[0]
    raise ModelError(f'{folder} has no default.toml and holds {len(names)} models: write default = "NAME" into it')


def model_names(folder: Path) -> list[str]:
    """Names of the model folders, sorted."""
    return sorted(p.parent.name for p in folder.glob("*/model.toml"))


def load_card(folder: Path, name: str | None = None) -> ModelCard:
    """Read a model's card and check the hash of every file it names.

    Raises:
        ModelError: missing, incomplete, or a file is not the one that the card describes.
    """
    name = name or default_name(folder)
    where = folder / name
    path = where / "model.toml"
    if not path.is_file():
        raise ModelError(f"no model '{name}' in {folder}: there are {', '.join(model_names(folder)) or 'none'}")
    try:
        card = ModelCard.model_validate({**_read_toml(path), "folder": where})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{path}: {key}: {first['msg']}, got {first['input']!r}") from error
    for file, expected in card.hashes().items():
        _check_hash(card.path(file), expected)
    return card


def file_sha256(path: Path) -> str:
    """Lower-case hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_hash(path: Path, expected: str) -> None:
    if not path.is_file():
        raise ModelError(f"{path} is missing: its model.toml names it; restore the model folder")
    found = file_sha256(path)
    if found != expected:
        raise ModelError(
            f"{path} is not the file that its model.toml describes: expected SHA-256 {expected[:12]}..., "
            f"found {found[:12]}...; restore it, or import a new model with 'kitchenvision models import'"
        )


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not TOML: {error}") from error
