"""A user's own detector for the frame look."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from command_line import Run

from kitchenvision.detect.model_card import load_card, models_folder

Runner = Callable[..., Run]


@pytest.mark.skipif(find_spec("ultralytics") is not None, reason="the extra train is installed here")
def test_a_pt_file_needs_the_train_extra_and_says_what_to_type(run: Runner, tmp_path: Path) -> None:
    """Without ultralytics the message holds the command that installs it."""
    (tmp_path / "mine.pt").write_bytes(b"weights")
    result = run("models", "import", tmp_path / "mine.pt", "--name", "mine", "--to", tmp_path / "models")
    assert result.code == 2
    assert "pip install 'kitchenvision[train]'" in result.said
    assert not (tmp_path / "models" / "mine").exists()


def test_an_onnx_file_without_class_names_is_refused(run: Runner, tmp_path: Path) -> None:
    """A network that does not say what its classes are cannot accuse anybody."""
    card = load_card(models_folder())
    result = run("models", "import", card.path(card.frame.file), "--name", "mine", "--to", tmp_path)
    assert result.code == 2
    assert "class names" in result.said


def test_a_file_that_is_no_network_is_refused(run: Runner, tmp_path: Path) -> None:
    """Any other file: the name stands in the message, nothing is left behind."""
    (tmp_path / "mine.onnx").write_bytes(b"not a network")
    result = run("models", "import", tmp_path / "mine.onnx", "--name", "mine", "--to", tmp_path / "models")
    assert result.code == 2
    assert "mine.onnx" in result.said
    assert not (tmp_path / "models").exists()


def test_a_class_must_stand_for_a_head(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector of persons alone is refused, since hats and masks are judged on heads."""
    from kitchenvision.commands import models  # noqa: PLC0415  patched here only

    (tmp_path / "mine.onnx").write_bytes(b"weights")
    monkeypatch.setattr(models, "_metadata", lambda path: (["person", "car"], None))
    result = run("models", "import", tmp_path / "mine.onnx", "--name", "mine", "--to", tmp_path / "models")
    assert result.code == 2
    assert "no class stands for a head" in result.said


def test_an_imported_network_is_written_with_its_classes_and_our_zoom_look(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that are known get their role, --map decides others, and the folder can be loaded at once."""
    from kitchenvision.commands import models  # noqa: PLC0415  patched here only

    (tmp_path / "mine.onnx").write_bytes(b"weights")
    monkeypatch.setattr(models, "_metadata", lambda path: (["NO-Hat", "worker", "cig", "pot"], (640, 640)))
    args = ("--name", "mine", "--to", tmp_path / "models", "--map", "cig=cigarette")
    assert run("models", "import", tmp_path / "mine.onnx", *args).code == 0
    card = load_card(tmp_path / "models", "mine")
    assert card.frame.roles == {"NO-Hat": "head", "worker": "person", "cig": "cigarette", "pot": "ignore"}
    assert card.frame.fixed_size_px == (640, 640)
    assert card.zoom.sha256 == load_card(models_folder()).zoom.sha256
