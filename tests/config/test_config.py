"""A wrong setting names file, key, value and what is allowed; a right one arrives where it is used."""

from dataclasses import fields
from pathlib import Path

import pytest

import kitchenvision.config as module
from kitchenvision.config import RuleSection, Settings, read_settings
from kitchenvision.errors import SettingsError
from kitchenvision.types import RuleSettings, Zone

RULES = ("no_hat", "no_mask", "smoking")
ZONE = '[[zones]]\nname = "serving"\nrules = ["no_hat"]\n'


def read(folder: Path, text: str) -> Settings:
    path = folder / "kitchen.toml"
    path.write_text(text, "utf-8")
    return read_settings(path, RULES)


def refused(folder: Path, text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    assert caught.value.where == str(folder / "kitchen.toml"), "the file is named"
    assert str(folder / "kitchen.toml") in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("analysisfps = 5", "analysisfps", "analysis_fps"),
        ("[rules.no_hat]\nwindow = 3", "rules.no_hat.window", "window_s"),
        (ZONE + "polygons = []", "zones.0.polygons", "polygon"),
        ("password = 'x'", "password", "canteen_id"),
    ],
)
def test_an_unknown_key_is_named_with_the_keys_that_are_allowed(
    tmp_path: Path, text: str, key: str, allowed: str
) -> None:
    error = refused(tmp_path, text)
    assert error.key == key
    assert allowed in error.problem


@pytest.mark.parametrize(
    ("text", "key", "given"),
    [
        ("analysis_fps = 0", "analysis_fps", "0"),
        ("analysis_fps = -5", "analysis_fps", "-5"),
        ("analysis_fps = 61", "analysis_fps", "61"),
        ("analysis_fps = true", "analysis_fps", "True"),
        ("analysis_fps = nan", "analysis_fps", "nan"),
        ("analysis_fps = 'fast'", "analysis_fps", "'fast'"),
        ("threads = -1", "threads", "-1"),
        ("threads = true", "threads", "True"),
        ("profile = 'quick'", "profile", "'quick'"),
        ("provider = 'tpu'", "provider", "'tpu'"),
        ("timezone = 'Mars/Olympus'", "timezone", "Mars/Olympus"),
        ("timezone = '../secret'", "timezone", "../secret"),
        ("canteen_id = ''", "canteen_id", "''"),
        ("canteen_id = 7", "canteen_id", "7"),
        ("zones = 3", "zones", "3"),
        ("rules = []", "rules", "[]"),
        ("[rules]\nno_hat = 3", "rules.no_hat", "3"),
        ("[rules.no_hat]\nwindow_s = 0", "rules.no_hat.window_s", "0"),
        ("[rules.no_hat]\nwindow_s = inf", "rules.no_hat.window_s", "inf"),
        ("[rules.no_hat]\nmin_looks = 0", "rules.no_hat.min_looks", "0"),
        ("[rules.no_hat]\nmin_looks = 2.5", "rules.no_hat.min_looks", "2.5"),
        ("[rules.no_hat]\nmin_ratio = 1.01", "rules.no_hat.min_ratio", "1.01"),
        ("[rules.no_hat]\nmin_ratio = nan", "rules.no_hat.min_ratio", "nan"),
        ("[rules.no_hat]\nconfirm_log_odds = -1", "rules.no_hat.confirm_log_odds", "-1"),
        ("[rules.no_hat]\nconfirm_log_odds = true", "rules.no_hat.confirm_log_odds", "True"),
        ("[rules.no_hat]\nconfirm_log_odds = nan", "rules.no_hat.confirm_log_odds", "nan"),
        ("[rules.no_hat]\nmin_margin = 0.5", "rules.no_hat.min_margin", "0.5"),
        ("[rules.no_hat]\nmin_head_px = 0", "rules.no_hat.min_head_px", "0"),
        ("[rules.no_hat]\nresume_s = -1", "rules.no_hat.resume_s", "-1"),
        (ZONE + "polygon = [[0, 0], [1, 1]]", "zones.0.polygon", "at least 3 corners"),
        (ZONE + "polygon = [[0, 0], [1, 0], [1, 1.2]]", "zones.0.polygon.2.1", "1.2"),
        (ZONE + "polygon = [[0, 0], [100, 0], [100, 100]]", "zones.0.polygon.1.0", "100"),
        (ZONE + "polygon = [[0, 0, 0], [1, 0], [1, 1]]", "zones.0.polygon.0", "3"),
        (ZONE + "hours = ['6-14']", "zones.0.hours", "06:00-14:00"),
        (ZONE + "hours = ['25:00-26:00']", "zones.0.hours", "'25:00-26:00'"),
        (ZONE + "hours = ['06:60-14:00']", "zones.0.hours", "'06:60-14:00'"),
        (ZONE + "hours = ['24:00-06:00']", "zones.0.hours", "'24:00-06:00'"),
        (ZONE + "hours = ['20:00-24:01']", "zones.0.hours", "'20:00-24:01'"),
        ("[[zones]]\nrules = ['no_hat']", "zones.0.name", "required"),
        ("[[zones]]\nname = 'a'", "zones.0.rules", "required"),
        ("[[zones]]\nname = ''\nrules = []", "zones.0.name", "''"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_its_key(tmp_path: Path, text: str, key: str, given: str) -> None:
    error = refused(tmp_path, text)
    assert error.key == key
    assert given in error.problem


@pytest.mark.parametrize(
    ("text", "key"),
    [(ZONE.replace("no_hat", "no_gloves"), "zones.0.rules"), ("[rules.no_gloves]", "rules.no_gloves")],
)
def test_an_unknown_rule_is_named_with_the_rules_that_there_are(tmp_path: Path, text: str, key: str) -> None:
    error = refused(tmp_path, text)
    assert error.key == key
    assert "no_gloves" in error.problem
    assert all(rule in error.problem for rule in RULES)


def test_a_window_that_cannot_stretch_to_its_own_length_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, "[rules.no_hat]\nwindow_s = 8\nlongest_window_s = 4")
    assert error.key == "rules.no_hat"
    assert "longest_window_s" in error.problem


@pytest.mark.parametrize("content", [b"canteen_id =", b"just words", b"\xff\xfe\x00", b"a = 1\na = 2"])
def test_a_file_that_is_not_toml_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kitchen.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"kitchen\.toml: not TOML"):
        read_settings(path, RULES)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.toml: no such file"):
        read_settings(tmp_path / "nothing.toml", RULES)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path, RULES)


def test_without_a_file_one_zone_covers_the_picture_with_every_rule_at_all_hours() -> None:
    settings = read_settings(None, RULES)
    assert settings.zone_values(RULES) == (Zone("whole picture", (), RULES, ()),)
    assert settings.analysis_fps == 5


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read_settings(None, RULES)


def test_a_zone_arrives_with_its_corners_rules_and_minutes(tmp_path: Path) -> None:
    text = ZONE + 'polygon = [[0, 0.4], [1, 0.4], [1, 1]]\nhours = ["06:30-14:00", "22:00-02:00", "12:00-24:00"]'
    zone = read(tmp_path, text).zone_values(RULES)[0]
    assert zone == Zone(
        "serving", ((0, 0.4), (1, 0.4), (1, 1)), ("no_hat",), ((390, 840), (1320, 120), (720, 1440))
    )


def test_a_rule_keeps_its_own_defaults_where_the_file_says_nothing(tmp_path: Path) -> None:
    own = RuleSettings(window_s=2.0, min_head_px=24.0)
    section = read(tmp_path, "[rules.smoking]\nmin_looks = 9").rules["smoking"]
    assert section.over(own) == RuleSettings(window_s=2.0, min_head_px=24.0, min_looks=9)


def test_a_window_longer_than_the_longest_takes_the_longest_along(tmp_path: Path) -> None:
    section = read(tmp_path, "[rules.no_hat]\nwindow_s = 30").rules["no_hat"]
    assert section.over(RuleSettings()).longest_window_s == 30, "else it could never be confirmed"
    section = read(tmp_path, "[rules.no_hat]\nlongest_window_s = 2").rules["no_hat"]
    assert section.over(RuleSettings()).window_s == 2


def test_every_setting_of_a_rule_can_be_set_in_the_file() -> None:
    assert {field.name for field in fields(RuleSettings)} == set(RuleSection.model_fields)


def test_the_example_in_the_documentation_of_the_module_is_a_valid_file(tmp_path: Path) -> None:
    text = "\n".join(line[4:] for line in (module.__doc__ or "").splitlines() if line.startswith("    "))
    settings = read(tmp_path, text)
    assert settings.canteen_id == "canteen-1"
    assert settings.rules["no_hat"].window_s == 4
