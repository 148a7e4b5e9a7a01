"""edge.toml: what is wrong is named, and a password is in no error, wherever somebody put it."""

from pathlib import Path

import pytest

from kitchenvision.edge.settings import addresses, read_edge_settings
from kitchenvision.errors import SettingsError

RULES = ("no_hat", "no_mask", "smoking")
HEAD = 'canteen_id = "canteen-1"\ndata = "data"\n'
CAMERA = '[[cameras]]\nid = "cooking"\nurl = "rtsp://camera.local/live"\n'


def written(folder: Path, text: str) -> Path:
    """edge.toml with that text."""
    path = folder / "edge.toml"
    path.write_text(text, "utf-8")
    return path


def test_paths_are_relative_to_the_file_and_defaults_are_those_of_the_domain(tmp_path: Path) -> None:
    """A service has no working directory to speak of."""
    settings = read_edge_settings(written(tmp_path, HEAD + CAMERA), RULES)
    assert settings.data == tmp_path / "data"
    assert (settings.times.open_s, settings.times.stall_s, settings.times.longest_backoff_s) == (10, 20, 60)
    assert (settings.page.host, settings.analysis_fps) == ("127.0.0.1", 5)
    assert settings.cameras[0].transport == "tcp"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (CAMERA, "canteen_id", "required"),
        (HEAD, "cameras", "required"),
        (HEAD + CAMERA + CAMERA, "cameras", "twice: cooking"),
        (HEAD + CAMERA + 'colour = "red"', "cameras.0.colour", "unknown key"),
        (HEAD + CAMERA.replace("rtsp://camera.local/live", "/etc/passwd"), "cameras.0.url", "begins with"),
        (HEAD + CAMERA.replace('"cooking"', '"../x"'), "cameras.0.id", "pattern"),
        (HEAD + CAMERA + '[[cameras.zones]]\nname="z"\nrules=["no_shoes"]', "cameras.cooking.zones", "no_shoes"),
        (HEAD + CAMERA + "[rules.no_shoes]\nwindow_s=3", "rules.no_shoes", "no such rule"),
        (HEAD + 'timezone = "Asia/Nowhere"\n' + CAMERA, "timezone", "Asia/Nowhere"),
        (HEAD + CAMERA + 'password_env = "X"', "cameras.0", "username"),
        (HEAD + CAMERA + "[page]\nport = 99999", "page.port", "65535"),
        ("canteen_id = ", "", "not TOML"),
    ],
)
def test_an_error_names_file_and_key(tmp_path: Path, text: str, key: str, words: str) -> None:
    """So that a person at a shell finds the line."""
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_edge_settings(path, RULES)
    assert caught.value.key == key
    assert caught.value.where == str(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + CAMERA.replace("rtsp://", "rtsp://viewer:hunter2@"),
        HEAD + CAMERA + 'password = "hunter2"',
        HEAD + CAMERA + 'username = "viewer"\npassword_env = ["hunter2"]',
        HEAD + CAMERA + "transport = 'hunter2'",
    ],
)
def test_a_password_in_the_wrong_place_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    """The error goes to a terminal and to a log."""
    with pytest.raises(SettingsError) as caught:
        read_edge_settings(written(tmp_path, text), RULES)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    """And only then is it in the address that is dialled."""
    (tmp_path / "secret").write_text("p@ss\n", "utf-8")
    text = HEAD + CAMERA + 'username = "viewer"\npassword_env = "CAMERA_PASSWORD"\n'
    text += CAMERA.replace("cooking", "serving") + 'username = "viewer"\npassword_file = "secret"\n'
    settings = read_edge_settings(written(tmp_path, text), RULES)
    found = addresses(settings, "edge.toml", {"CAMERA_PASSWORD": "hunter2"})
    assert found["cooking"] == "rtsp://viewer:hunter2@camera.local/live"
    assert found["serving"] == "rtsp://viewer:p%40ss@camera.local/live"
    assert "hunter2" not in repr(settings)


def test_a_secret_that_is_missing_is_named(tmp_path: Path) -> None:
    """The variable's name, or the file's."""
    text = HEAD + CAMERA + 'username = "viewer"\npassword_env = "CAMERA_PASSWORD"\n[regulator]\nurl = "https://r"\n'
    settings = read_edge_settings(written(tmp_path, text), RULES)
    with pytest.raises(SettingsError, match="CAMERA_PASSWORD is not set"):
        addresses(settings, "edge.toml", {})
    with pytest.raises(SettingsError, match="KITCHENVISION_TOKEN is not set"):
        settings.token({}, "edge.toml")


def test_the_settings_of_the_documentation_are_right(tmp_path: Path) -> None:
    """What people copy must start."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "edge.md").read_text("utf-8")
    example = text.split("```toml\n")[1].split("```")[0]
    settings = read_edge_settings(written(tmp_path, example), RULES)
    assert settings.cameras[0].zones[0].rules == ("no_hat",)
    assert settings.regulator is not None
