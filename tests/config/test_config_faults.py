"""Settings files as people and programs write them: read as meant, or refused by one sentence and nothing worse."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.config import RuleSection, Settings, ZoneSection, read_settings
from kitchenvision.errors import SettingsError
from kitchenvision.rules.registry import all_rules
from kitchenvision.types import RuleSettings

RULES = tuple(all_rules())
KEYS = [field.name for field in fields(RuleSettings)]
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text("07.e-+x 厨", max_size=6),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, list):
        return f"[{', '.join(toml(each) for each in value)}]"
    if isinstance(value, float):
        return {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(str(value), repr(value))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower()


def says(path: Path) -> str:
    """The file that a refusal names; empty where the settings are taken."""
    try:
        read_settings(path, RULES)
    except SettingsError as error:
        return error.where
    return ""


def refusal(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError) as refused:
        read_settings(path, RULES)
    assert str(refused.value).startswith(f"{path}: "), "the file is named first"
    return str(refused.value).removeprefix(f"{path}: ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings")


@given(key=st.sampled_from(KEYS), value=VALUES)
def test_whatever_stands_in_a_setting_of_a_rule_it_is_a_sound_number_or_is_named(
    folder: Path, key: str, value: Any
) -> None:
    path = folder / "a.toml"
    path.write_text(f"[rules.no_hat]\n{key} = {toml(value)}\n", "utf-8")
    try:
        settings = read_settings(path, RULES).rules["no_hat"].over(RuleSettings())
    except SettingsError as error:
        named = error.key
    else:
        assert_sound(settings, key, value)
        return
    assert named.startswith(f"rules.no_hat.{key}")


def assert_sound(settings: RuleSettings, key: str, value: Any) -> None:
    """What was read is what was written, and can be used."""
    told = getattr(settings, key)
    assert told == float(value)
    assert 0 <= told < 100_000
    assert settings.window_s <= settings.longest_window_s


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60))
def test_any_text_is_settings_or_is_refused_with_the_file_s_name(folder: Path, text: str) -> None:
    path = folder / "b.toml"
    path.write_text(text, "utf-8", newline="")
    assert says(path) in ("", str(path))


@given(st.binary(max_size=60))
def test_any_bytes_are_settings_or_are_refused_with_the_file_s_name(folder: Path, data: bytes) -> None:
    path = folder / "c.toml"
    path.write_bytes(data)
    assert says(path) in ("", str(path))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_from_windows_is_read_with_its_mark_and_its_line_ends(
    tmp_path: Path, ending: str, mark: bytes
) -> None:
    path = tmp_path / "设置.toml"
    path.write_bytes(mark + f'canteen_id = "食堂-7"{ending}[rules.no_hat]{ending}window_s = 4{ending}'.encode())
    settings = read_settings(path, RULES)
    assert (settings.canteen_id, settings.rules["no_hat"].window_s) == ("食堂-7", 4.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('canteen_id = "食堂"'.encode("gbk"), "not TOML: 'utf-8' codec can't decode"),
        ('canteen_id = "食堂"'.encode("utf-16"), "not TOML: 'utf-8' codec can't decode"),
        ("canteen_id = 7 8", "not TOML: Expected newline"),
        ('canteen_id = "a"\ncanteen_id = "b"', "not TOML: Cannot overwrite a value"),
        ("a = " + "[" * 5000 + "]" * 5000, "not TOML: "),
        ("rules = ['no_hat']", "rules: "),
        ("[zones]\nname = 'a'", "zones: "),
        ("[[zones]]\nrules = ['no_hat']", "zones.0.name: Field required"),
        ("[[zones]]\nname = 'a'\nrules = 'no_hat'", "zones.0.rules: "),
        ("[[zones]]\nname = ''\nrules = []", "zones.0.name: "),
        ("[[zones]]\nname = 'a'\nrules = []\npolygon = [[0, 0, 0], [1, 0], [1, 1]]", "zones.0.polygon.0"),
        ("[[zones]]\nname = 'a'\nrules = []\npolygon = [[0, 0], [1, 0]]", "zones.0.polygon: "),
        ("[[zones]]\nname = 'a'\nrules = []\nhours = ['6-14']", "zones.0.hours: "),
        ("[[zones]]\nname = 'a'\nrules = []\nhours = '06:00-14:00'", "zones.0.hours: "),
        ("[rules.no_hat]\nmin_looks = 5.5", "rules.no_hat.min_looks: "),
        ("[rules.no_hat]\nmin_looks = true", "rules.no_hat.min_looks: "),
        ("[rules.no_hat]\nwindow_s = nan", "rules.no_hat.window_s: "),
        ("[rules]\nno_hat = 3", "rules.no_hat: "),
        ("profile = 'best'", "profile: Input should be 'fast' or 'thorough', got 'best'"),
        ("threads = -1", "threads: "),
        ("timezone = ''", "timezone: "),
    ],
)
def test_a_mistake_is_named_by_file_and_key(tmp_path: Path, content: str | bytes, words: str) -> None:
    assert refusal(tmp_path / "a.toml", content).startswith(words)


def test_of_many_mistakes_the_first_is_named_and_no_other(tmp_path: Path) -> None:
    said = refusal(tmp_path / "a.toml", "threads = -1\nanalysis_fps = 0\nprofile = 'x'")
    assert [key for key in ("threads", "analysis_fps", "profile") if key in said] == ["analysis_fps"]


@pytest.mark.parametrize("section", [Settings, ZoneSection, RuleSection])
def test_settings_that_were_read_cannot_be_changed(section: type) -> None:
    value = {Settings: {}, ZoneSection: {"name": "a", "rules": ()}, RuleSection: {}}[section]
    with pytest.raises(ValueError, match="frozen"):
        section(**value).name = "another"


@given(
    st.dictionaries(st.sampled_from(["window_s", "longest_window_s"]), st.floats(0.1, 60)),
    st.floats(0.1, 20),
    st.floats(1.0, 3.0),
)
def test_whatever_two_tables_say_of_a_window_it_fits_into_the_longest_and_the_file_s_word_counts(
    given_values: dict[str, float], window_s: float, stretch: float
) -> None:
    if given_values.get("longest_window_s", 1e9) < given_values.get("window_s", 0):
        with pytest.raises(ValueError, match="longest_window_s must be at least window_s"):
            RuleSection(**given_values)  # type: ignore[arg-type]
        return
    defaults = RuleSettings(window_s=window_s, longest_window_s=window_s * stretch)
    found = RuleSection(**given_values).over(defaults)  # type: ignore[arg-type]
    assert found.window_s <= found.longest_window_s
    for key, value in given_values.items():
        assert getattr(found, key) == value
