"""A model folder says what it is, and a file that is not what the card describes is refused by name."""

import shutil
from pathlib import Path

import pytest

from kitchenvision.detect.model_card import (
    MODELS_VARIABLE,
    default_name,
    file_sha256,
    load_card,
    model_names,
    models_folder,
)
from kitchenvision.errors import ModelError
from kitchenvision.types import RuleSettings

CARD = """
name = "canteen-x"
version = "1.2"
[frame]
file = "model.onnx"
sha256 = "{frame}"
classes = ["person", "head", "cigarette"]
[frame.profiles]
fast = [640]
thorough = [384, 1280]
[zoom]
file = "zoom.onnx"
sha256 = "{zoom}"
size_px = 112
crop_heads = 1.5
[rules.no_hat]
min_head_px = 26
"""


def write_model(folder: Path, name: str, frame: bytes = b"frame", zoom: bytes = b"zoom") -> Path:
    """A model folder whose hashes fit; the networks are not networks."""
    where = folder / name
    where.mkdir()
    (where / "model.onnx").write_bytes(frame)
    (where / "zoom.onnx").write_bytes(zoom)
    hashes = {"frame": file_sha256(where / "model.onnx"), "zoom": file_sha256(where / "zoom.onnx")}
    (where / "model.toml").write_text(CARD.format(**hashes))
    return where


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with one model."""
    write_model(tmp_path, "canteen-x")
    return tmp_path


def replaced(models: Path, old: str, new: str) -> None:
    path = models / "canteen-x" / "model.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_card_says_names_sizes_and_hashes(models: Path) -> None:
    card = load_card(models)
    assert (card.name, card.version) == ("canteen-x", "1.2")
    assert card.frame.profiles == {"fast": (640,), "thorough": (384, 1280)}
    assert card.hashes() == {name: file_sha256(card.path(name)) for name in ("model.onnx", "zoom.onnx")}


@pytest.mark.parametrize("file", ["model.onnx", "zoom.onnx"])
def test_a_file_whose_hash_differs_is_refused_by_name(models: Path, file: str) -> None:
    (models / "canteen-x" / file).write_bytes(b"other")
    with pytest.raises(ModelError, match=rf"{file} is not the file that its model\.toml describes"):
        load_card(models)


@pytest.mark.parametrize("file", ["model.onnx", "zoom.onnx"])
def test_a_missing_file_is_named(models: Path, file: str) -> None:
    (models / "canteen-x" / file).unlink()
    with pytest.raises(ModelError, match=rf"{file} is missing"):
        load_card(models)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('version = "1.2"', "", "version"),
        ('file = "zoom.onnx"', "", r"zoom\.file"),
        ("size_px = 112", "", r"zoom\.size_px"),
        ("size_px = 112", "size_px = 0", r"zoom\.size_px.*got 0"),
        ("size_px = 112", "size_px = 'big'", r"zoom\.size_px.*got 'big'"),
        ("fast = [640]", "quick = [640]", r"frame\.profiles\.quick"),
        ('file = "model.onnx"', 'file = "model.onnx"\nlayout = "chw"', r"frame\.layout.*got 'chw'"),
        ('file = "model.onnx"', 'file = "model.onnx"\nnms_iou = 1.5', r"frame\.nms_iou.*got 1\.5"),
        ("[frame]", "[cigarette_zoom]\nalso = [[0.0, 0.4]]\n\n[frame]", r"cigarette_zoom\.also\.0\.0.*got 0\.0"),
    ],
)
def test_a_missing_or_wrong_key_is_named_with_the_file(models: Path, old: str, new: str, key: str) -> None:
    replaced(models, old, new)
    with pytest.raises(ModelError, match=rf"model\.toml: {key}"):
        load_card(models)


def test_a_hash_that_is_none_is_a_wrong_key(models: Path) -> None:
    replaced(models, file_sha256(models / "canteen-x" / "zoom.onnx"), "abc")
    with pytest.raises(ModelError, match=r"zoom\.sha256"):
        load_card(models)


@pytest.mark.parametrize("content", [b"name =", b"\xff\xfe"])
def test_a_card_that_is_not_toml_says_so(models: Path, content: bytes) -> None:
    (models / "canteen-x" / "model.toml").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.toml is not TOML"):
        load_card(models)


def test_an_unknown_model_is_refused_with_the_names_that_there_are(models: Path) -> None:
    write_model(models, "canteen-y")
    with pytest.raises(ModelError, match=r"no model 'canteen-z'.*canteen-x, canteen-y"):
        load_card(models, "canteen-z")


def test_the_default_is_the_one_that_default_toml_names(models: Path) -> None:
    write_model(models, "canteen-a")
    (models / "default.toml").write_text('default = "canteen-x"')
    assert default_name(models) == "canteen-x"
    assert model_names(models) == ["canteen-a", "canteen-x"]


def test_without_default_toml_the_only_model_is_the_default_and_of_two_none_is(models: Path) -> None:
    assert default_name(models) == "canteen-x"
    write_model(models, "canteen-a")
    with pytest.raises(ModelError, match=r"no default\.toml and holds 2 models"):
        default_name(models)


@pytest.mark.parametrize("text", ["", "default = 3", 'name = "canteen-x"'])
def test_a_default_toml_that_names_nothing_says_what_to_write(models: Path, text: str) -> None:
    (models / "default.toml").write_text(text)
    with pytest.raises(ModelError, match='expected default = "NAME"'):
        default_name(models)


def test_a_given_folder_comes_before_the_environment_and_that_before_the_bundled_one(
    models: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    monkeypatch.setenv(MODELS_VARIABLE, str(other))
    assert models_folder(models) == models
    assert models_folder() == other


@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_folder_that_is_not_there_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    missing = tmp_path / "nothing"
    monkeypatch.setenv(MODELS_VARIABLE, str(missing))
    with pytest.raises(ModelError, match=rf"nothing: give --models DIR or set {MODELS_VARIABLE}"):
        models_folder(missing if way == "option" else None)


def test_a_folder_that_was_moved_is_as_good(models: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    moved = tmp_path_factory.mktemp("moved") / "m"
    shutil.move(models, moved)
    assert load_card(moved).path("zoom.onnx") == moved / "canteen-x" / "zoom.onnx"


def test_the_model_may_set_a_rules_thresholds_and_only_those_that_there_are(models: Path) -> None:
    assert load_card(models).rule_defaults("no_hat", RuleSettings()) == RuleSettings(min_head_px=26)
    assert load_card(models).rule_defaults("no_mask", RuleSettings()) == RuleSettings()
    replaced(models, "min_head_px", "min_heads_px")
    with pytest.raises(ModelError, match=r"model\.toml: rules\.no_hat\.min_heads_px: no such setting"):
        load_card(models).rule_defaults("no_hat", RuleSettings())


def test_a_number_of_looks_stays_a_whole_number(models: Path) -> None:
    replaced(models, "min_head_px = 26", "min_looks = 6")
    assert repr(load_card(models).rule_defaults("no_hat", RuleSettings()).min_looks) == "6"
