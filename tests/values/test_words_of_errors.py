"""Errors speak to people: no password in them, nothing that cannot be written, and each says what it is."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision import errors
from kitchenvision.errors import (
    KitchenvisionError,
    MissingExtra,
    SettingsError,
    SourceBroken,
    printable,
    without_credentials,
)

ALL = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, KitchenvisionError)]
SCHEMES = st.sampled_from(["rtsp", "rtsps", "RTMP", "http", "https", "smb+x"])
HOSTS = st.from_regex(r"[a-z0-9.-]{1,12}(:[0-9]{1,4})?", fullmatch=True)
SECRETS = st.text(
    st.characters(codec="utf-8", exclude_characters="/ ", exclude_categories=("Z", "C")), min_size=4, max_size=20
)
WORDS = st.lists(st.from_regex(r"[a-z,.;]{1,9}", fullmatch=True), max_size=3).map(" ".join)


@given(st.lists(st.tuples(WORDS, SCHEMES, SECRETS, SECRETS, HOSTS), min_size=1, max_size=3))
def test_every_address_in_a_text_loses_its_user_and_password_and_nothing_else(
    parts: list[tuple[str, str, str, str, str]],
) -> None:
    said = " ".join(f"{w} {scheme}://{user}:{secret}@{host}/live" for w, scheme, user, secret, host in parts)
    told = " ".join(f"{words} {scheme}://***@{host}/live" for words, scheme, _, _, host in parts)
    assert without_credentials(said) == told


@given(st.text())
def test_masking_again_changes_nothing(text: str) -> None:
    once = without_credentials(text)
    assert without_credentials(once) == once


@pytest.mark.parametrize(
    "text", ["https://host/a@b", "mail me@example.org", "C:/a@b", "rtsp://192.0.2.1:554/s?x=1", "://@", ""]
)
def test_what_is_no_password_stays_as_it_is(text: str) -> None:
    assert without_credentials(text).replace("***", "") == text


@given(st.binary(min_size=1, max_size=40).filter(lambda data: b"\0" not in data))
def test_any_name_of_a_file_can_be_written_and_a_sound_one_is_not_changed(data: bytes) -> None:
    name = data.decode("utf-8", "surrogateescape")  # as Python gives the names of a folder
    shown = printable(name)
    assert len(shown) == len(name)
    assert shown.encode("utf-8").decode("utf-8") == shown
    if shown.encode("utf-8") == data:
        assert shown == name


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_every_error_of_the_tree_says_what_it_is_and_stands_in_the_picture(error: type[KitchenvisionError]) -> None:
    assert inspect.getdoc(error)
    assert re.search(rf"\b{error.__name__}\b", inspect.getdoc(errors) or "")


@pytest.mark.parametrize(
    ("error", "told", "fields"),
    [
        (
            SettingsError("a.toml", "rules.x", "got 7"),
            "a.toml: rules.x: got 7",
            {"key": "rules.x", "where": "a.toml"},
        ),
        (SettingsError("--out", "", "is a file"), "--out: is a file", {"problem": "is a file"}),
        (SourceBroken("a.mp4: ends at 3 s", 3.0), "a.mp4: ends at 3 s", {"media_s": 3.0}),
        (MissingExtra("edge", "serving"), "serving needs the extra 'edge'", {"extra": "edge"}),
    ],
)
def test_an_error_carries_its_parts_for_programs_and_its_words_for_people(
    error: KitchenvisionError, told: str, fields: dict[str, object]
) -> None:
    assert str(error).startswith(told)
    assert {name: getattr(error, name) for name in fields} == fields
