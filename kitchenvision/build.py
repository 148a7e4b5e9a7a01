"""Puts one camera's line together from a model folder and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kitchenvision.config import Profile, Settings
from kitchenvision.detect.cigarette_check import CigaretteCheck
from kitchenvision.detect.model_card import ModelCard, load_card, models_folder
from kitchenvision.detect.onnx import OnnxDetector, OnnxHeadLooker, asks_for_cigarettes, open_session
from kitchenvision.errors import SettingsError
from kitchenvision.pipeline import Stages
from kitchenvision.rules.engine import Engine
from kitchenvision.rules.registry import all_rules
from kitchenvision.rules.rule import Rule
from kitchenvision.track import Tracker, TrackSettings
from kitchenvision.types import RuleSettings
from kitchenvision.wire import ModelRef


@dataclass(frozen=True)
class Eyes:
    """The looks of one model, ready to look.

    `cigarettes` finds them on a whole picture, if any network does. `check` weighs what was found on a single
    picture, if the model has that second opinion; what is found in video the looker weighs itself, if it is to.
    """

    card: ModelCard
    detector: OnnxDetector
    looker: OnnxHeadLooker
    cigarettes: OnnxDetector | None
    check: CigaretteCheck | None = None

    @property
    def model(self) -> ModelRef:
        """How evidence names this model."""
        return ModelRef(name=self.card.name, version=self.card.version, files=self.card.hashes())


def open_eyes(
    folder: Path | None, name: str | None, profile: Profile, provider: str = "auto", threads: int = 0
) -> Eyes:
    """Load a model's two networks.

    Args:
        folder: folder of model folders, None for the bundled one. name: which, None for the default.
        profile: ``fast`` or ``thorough``. provider, threads: see `detect.onnx.open_session`.

    Raises:
        ModelError: missing, changed, or not loadable.
    """
    card = load_card(models_folder(folder), name)
    frame = open_session(str(card.path(card.frame.file)), provider, threads)
    zoom = open_session(str(card.path(card.zoom.file)), provider, threads, many_shapes=True)
    detector = near = cigarettes = OnnxDetector(card, frame, profile)
    for_cigarettes = card.for_cigarettes()
    if for_cigarettes is None:
        return Eyes(card, detector, OnnxHeadLooker(card, zoom, None, profile), None)
    if card.cigarette is not None:
        own = open_session(str(card.path(card.cigarette.file)), provider, threads, many_shapes=True)
        near = cigarettes = OnnxDetector(for_cigarettes, own, profile)
        if card.cigarette_check is not None:
            cigarettes = OnnxDetector(for_cigarettes, own, profile, card.cigarette_check.least)
    check = None
    if card.cigarette_check is not None:
        check = CigaretteCheck(card.cigarette_check, card.zoom.size_px, asks_for_cigarettes(zoom))
    in_video = card.cigarette_check is not None and card.cigarette_check.in_video
    looker = OnnxHeadLooker(card, zoom, near, profile, check if in_video else None)
    return Eyes(card, detector, looker, cigarettes, check)


def model_place(folder: Path | None, model: str | None) -> tuple[Path, str | None]:
    """Folder of model folders and name of a model that is given by its name or by the path of its own folder."""
    if model is not None and "/" in model:
        path = Path(model).resolve()
        return path.parent, path.name
    return models_folder(folder), model


def open_named(
    folder: Path | None, model: str | None, provider: str = "auto", threads: int = 0, profile: Profile = "fast"
) -> Eyes:
    """As `open_eyes`, for a model that is given by its name or by the path of its own folder."""
    where, name = model_place(folder, model)
    return open_eyes(where, name, profile, provider, threads)


def chosen_rules(wanted: Sequence[str] | None) -> Mapping[str, Rule]:
    """All rules, or those of the given ids.

    Raises:
        SettingsError: for an id that no rule has.
    """
    rules = all_rules()
    for rule_id in wanted or ():
        if rule_id not in rules:
            raise SettingsError("--rules", rule_id, f"no such rule; there are {', '.join(rules)}")
    return {rule_id: rule for rule_id, rule in rules.items() if not wanted or rule_id in wanted}


def rule_settings(rules: Mapping[str, Rule], settings: Settings, card: ModelCard) -> dict[str, RuleSettings]:
    """Complete settings of each rule: its defaults, the model's thresholds, then the settings file."""
    out = {}
    for rule_id, rule in rules.items():
        defaults = card.rule_defaults(rule_id, rule.defaults)
        section = settings.rules.get(rule_id)
        out[rule_id] = section.over(defaults) if section else defaults
    return out


def build_stages(eyes: Eyes, rules: Mapping[str, Rule], settings: Settings) -> Stages:
    """A fresh line for one camera; the networks are shared, tracks and rules are its own."""
    thresholds = eyes.card.thresholds
    zones = tuple(
        replace(zone, rules=tuple(r for r in zone.rules if r in rules))
        for zone in settings.zone_values(tuple(rules))
    )
    return Stages(
        detector=eyes.detector,
        looker=eyes.looker,
        tracker=Tracker(TrackSettings(person=thresholds.person, head=thresholds.head)),
        engine=Engine(rules, rule_settings(rules, settings, eyes.card), zones),
    )
