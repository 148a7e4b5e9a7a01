"""Settings, model card and rules become one line; what the file says comes before what the model says."""

from pathlib import Path

import pytest
from builders import GreyPicture, frame

from kitchenvision.build import Eyes, build_stages, chosen_rules, open_eyes, rule_settings
from kitchenvision.config import RuleSection, Settings, ZoneSection
from kitchenvision.detect.model_card import ModelCard, load_card, model_names
from kitchenvision.errors import ModelError, SettingsError

MODELS = Path(__file__).resolve().parents[2] / "models"
needs_model = pytest.mark.skipif(not model_names(MODELS), reason="no model is bundled yet")


def card(**changes: object) -> ModelCard:
    net = {"file": "a.onnx", "sha256": "0" * 64}
    frame_net = {**net, "classes": ["person"], "profiles": {"fast": [640]}}
    zoom_net = {**net, "size_px": 112, "crop_heads": 1.5}
    return ModelCard.model_validate({"name": "m", "version": "1", "frame": frame_net, "zoom": zoom_net, **changes})


def test_all_rules_are_taken_unless_some_are_named() -> None:
    assert list(chosen_rules(None)) == ["no_hat", "no_mask", "smoking"]
    assert list(chosen_rules(["smoking", "no_hat"])) == ["no_hat", "smoking"]


def test_an_unknown_rule_on_the_command_line_is_named_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match="--rules: no_gloves: no such rule; there are no_hat, no_mask, smoking"):
        chosen_rules(["no_hat", "no_gloves"])


def test_the_file_comes_before_the_model_and_the_model_before_the_rule() -> None:
    rules = chosen_rules(None)
    calibrated = card(rules={"no_hat": {"min_head_px": 26, "min_looks": 7}})
    found = rule_settings(rules, Settings(rules={"no_hat": RuleSection(min_looks=9)}), calibrated)
    assert (found["no_hat"].min_head_px, found["no_hat"].min_looks) == (26, 9)
    assert found["no_mask"] == rules["no_mask"].defaults


@pytest.fixture(scope="module")
def eyes() -> Eyes:
    """The fast profile on one thread."""
    return open_eyes(MODELS, None, "fast", "cpu", 1)


@needs_model
class TestWithTheBundledModel:
    def test_evidence_names_the_model_with_the_hashes_of_its_files(self, eyes: Eyes) -> None:
        assert eyes.model.name == load_card(MODELS).name
        assert eyes.model.files == load_card(MODELS).hashes()

    def test_two_cameras_share_the_networks_but_not_tracks_and_rules(self, eyes: Eyes) -> None:
        one, two = (build_stages(eyes, chosen_rules(None), Settings()) for _ in range(2))
        assert one.detector is two.detector
        assert one.tracker is not two.tracker
        assert one.engine is not two.engine
        assert one.planner is not two.planner

    def test_a_rule_that_was_not_chosen_is_not_due_in_any_zone(self, eyes: Eyes) -> None:
        settings = Settings(zones=(ZoneSection(name="a", rules=("no_hat", "smoking")),))
        stages = build_stages(eyes, chosen_rules(["no_hat"]), settings)
        assert [zone.rules for zone in stages.engine._zones] == [("no_hat",)]

    def test_a_blank_picture_goes_through_the_whole_line_and_gives_nobody(self, eyes: Eyes) -> None:
        stages = build_stages(eyes, chosen_rules(None), Settings())
        found = stages.detector.detect(frame(0.0, 0, GreyPicture(90)).picture)
        assert stages.tracker.update(0.0, found, (640, 480)).tracks == ()

    def test_an_unknown_model_is_refused(self) -> None:
        with pytest.raises(ModelError, match="no model 'none'"):
            open_eyes(MODELS, "none", "fast")
