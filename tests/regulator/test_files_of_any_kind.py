"""Files that people give to a regulator, damaged or strange: a word on each, and never a traceback."""

import io
import json
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.policy import LARGEST_BYTES, Policy, parse_policy, standard_policy
from kitchenvision.regulator.retention_policy import read_retention
from kitchenvision.regulator.table_import import read_cells
from kitchenvision.regulator.toml_file import file_secret, read_toml
from kitchenvision.regulator.trace import HEIGHT, WIDTH, read_trace
from kitchenvision.regulator.webhook_settings import read_webhook_settings

POLICY = json.loads(standard_policy().text())
PARTS = ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "docProps/core.xml", "[Content_Types].xml")


def workbook() -> bytes:
    """A table of forty canteens."""
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in (["canteen_id", "name"], *([f"c{i}", f"第{i}食堂"] for i in range(40))):
        sheet.append(row)
    book.save(out)
    return out.getvalue()


GOOD = workbook()


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("part", PARTS)
def test_a_workbook_of_which_a_part_is_cut_off_is_told(part: str, keep: float) -> None:
    """With what to do; never a few of its rows."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, content[: int(len(content) * keep)] if name == part else content)
    with pytest.raises(SettingsError, match="cannot be read as XLSX; save it anew, or as CSV"):
        read_cells(out.getvalue())


@pytest.mark.parametrize("seed", range(20))
def test_a_workbook_with_wrong_bytes_is_read_or_told(seed: int) -> None:
    """A stick that was pulled out too early."""
    rng, data = random.Random(seed), bytearray(GOOD)
    for _ in range(3):
        data[rng.randrange(4, len(data))] = rng.randrange(256)
    try:
        rows = len(read_cells(bytes(data)))
    except SettingsError:
        rows = 0
    assert rows in range(42)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_of_a_table_may_end_as_on_any_computer(ends: str) -> None:
    """Also as old programs for the Mac end them; a line end within quotation marks belongs to its cell."""
    cells = read_cells(f'canteen_id,name{ends}c1,"一号{ends}楼"{ends}c2,二号{ends}'.encode())
    assert [row[0] for _, row in cells] == ["canteen_id", "c1", "c2"]
    assert cells[1][1][1] == f"一号{ends}楼"


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_table_or_told(data: bytes) -> None:
    """Whatever somebody chooses in the dialogue of a browser."""
    for given_ in (data, b"PK\x03\x04" + data):
        try:
            cells = read_cells(given_)
        except SettingsError as error:
            told = str(error)
        else:
            told = ""
            assert all(any(row) for _, row in cells)
        assert "Traceback" not in told


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"version = " + b"9" * 5000, "TOML or JSON"),
        (b'{"version": ' + b"9" * 5000 + b"}", "TOML or JSON"),
        (b"a = " + b"[" * 4000, "TOML or JSON"),
        (b"\xef\xbb\xbf{}", "TOML or JSON"),
        (b"", "name"),
        (b"x" * (LARGEST_BYTES + 1), "at most 100000"),
        (json.dumps(POLICY | {"version": 10**30}).encode(), "version"),
        (json.dumps(POLICY | {"name": "x" * 50_000}).encode(), "…"),
        (json.dumps(POLICY | {"rules": ["no_hat"] * 5000}).encode(), "…"),
    ],
)
def test_a_policy_of_any_size_is_refused_in_a_few_words(data: bytes, words: str) -> None:
    """They are shown on a page."""
    with pytest.raises(SettingsError) as caught:
        parse_policy(data)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_number_of_thousands_of_digits_in_hexadecimal_is_refused_too() -> None:
    """TOML has no end for them, and Python does not write them out."""
    text = standard_policy_toml().replace("version = 1", "version = 0x" + "f" * 5000, 1)
    with pytest.raises(SettingsError, match="thousands of digits") as caught:
        parse_policy(text.encode())
    assert caught.value.key == "version"


def standard_policy_toml() -> str:
    """As it comes with the program."""
    import kitchenvision.regulator as package  # noqa: PLC0415  only its folder is of interest

    return (Path(package.__path__[0]) / "policies" / "standard.toml").read_text("utf-8")


AMOUNTS = st.floats(0.001, 1e6, allow_nan=False)


@given(
    st.tuples(AMOUNTS, AMOUNTS, AMOUNTS).map(sorted).filter(lambda steps: len(set(steps)) == 3),
    st.dictionaries(st.text(min_size=1, max_size=20), AMOUNTS, max_size=5),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=100),
)
def test_a_policy_that_is_stored_reads_back_the_same(
    steps: list[float], rules: dict[str, float], title: str
) -> None:
    """Its hash stands with every colour, so writing and reading may never change it."""
    told = POLICY | {
        "thresholds": {"per_camera_hours": 1000, "blue": steps[0], "yellow": steps[1], "red": steps[2]},
        "rules": {rule: {"class": 1, "points": points} for rule, points in rules.items()},
        "title_zh": title,
    }
    policy = Policy.model_validate(told)
    again = parse_policy(policy.text().encode())
    assert again == policy
    assert (again.text(), again.digest()) == (policy.text(), policy.digest())


NUMBERS = st.floats(allow_nan=True) | st.integers() | st.none() | st.text(max_size=3) | st.floats(-100, 100)
LOOKS = st.lists(
    st.fixed_dictionaries(
        {"media_s": NUMBERS, "probability": NUMBERS | st.floats(0, 1)},
        optional={
            "verdict": st.sampled_from(["violating", "compliant", "cannot_judge", "other"]),
            "why": st.text(),
        },
    )
    | st.fixed_dictionaries(
        {
            "media_s": st.floats(-1e9, 1e9),
            "probability": st.floats(0, 1),
            "verdict": st.sampled_from(["violating", "compliant", "cannot_judge"]),
        }
    ),
    max_size=8,
)


@given(LOOKS, NUMBERS | st.floats(0, 50), NUMBERS | st.floats(0, 50))
def test_any_trace_is_no_plot_or_one_within_its_frame(
    looks: list[object], started: object, confirmed: object
) -> None:
    """It comes from a box, and its numbers stand in a drawing on the page."""
    view = read_trace(json.dumps({"looks": looks, "started_s": started, "confirmed_s": confirmed}).encode())
    if view is None:
        return
    assert len(view.points) == len(looks)
    for point in view.points:
        assert 0 <= point.x <= WIDTH
        assert 0 <= point.y <= HEIGHT
        assert 0 <= point.percent <= 100
    assert 0 <= view.window[0] <= WIDTH
    assert view.window[1] >= 1
    assert view.violating <= view.judged <= len(looks)
    assert view.judged + view.unjudged <= len(looks)
    assert 0 <= view.mean_percent <= 100
    assert "nan" not in view.line
    assert "inf" not in view.line
    assert view.line.count("M") <= sum(point.verdict == "cannot_judge" for point in view.points) + 1


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"looks": []}', b"1" * 5000])
def test_what_is_no_trace_is_no_plot(data: bytes) -> None:
    """The page says that none came."""
    assert read_trace(data) is None


@pytest.mark.parametrize("text", ["days = " + "9" * 5000, "a = " + "[" * 4000, "\x00", "a = 1\na = 2", "﻿a = 1"])
def test_a_settings_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    """When the service starts."""
    path = tmp_path / "retention.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=r"retention\.toml.*the file.*cannot be read"):
        read_toml(path, ("days",))
    with pytest.raises(SettingsError, match="cannot be read"):
        read_retention(tmp_path)


def test_a_settings_file_that_is_a_folder_or_a_secret_that_is_empty_is_named(tmp_path: Path) -> None:
    """By the key that names it, and never what is in it."""
    (tmp_path / "webhooks.toml").mkdir()
    with pytest.raises(SettingsError, match=r"webhooks\.toml.*cannot be read"):
        read_webhook_settings(tmp_path)
    (tmp_path / "empty").write_text(" \n", "utf-8")
    (tmp_path / "bytes").write_bytes(b"\xffhunter2")
    for name, words in (("empty", "empty is empty"), ("bytes", "not UTF-8"), ("none", "No such file")):
        with pytest.raises(SettingsError, match=words) as caught:
            file_secret(tmp_path / "mail.toml", "password_file", name)
        assert caught.value.key == "password_file"
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("rejected_days = 29", "rejected_days"),
        ("confirmed_days = 36501", "confirmed_days"),
        ("cannot_tell_days = 90.5", "cannot_tell_days"),
        ("rejected_days = true", "rejected_days"),
        ('rejected_days = "90"', "rejected_days"),
        ("open_days = 90", "open_days"),
    ],
)
def test_days_of_keeping_that_are_none_are_named_with_what_is_allowed(tmp_path: Path, text: str, key: str) -> None:
    """What nobody has decided has no days: it stays."""
    (tmp_path / "retention.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_retention(tmp_path)
    assert caught.value.key == key
    (tmp_path / "retention.toml").write_text("rejected_days = 30\nconfirmed_days = 730\n", "utf-8")
    policy = read_retention(tmp_path)
    assert policy.shortest == policy.after("rejected")
    assert policy.after("open") is None
    assert policy.after("cannot_tell") is None
