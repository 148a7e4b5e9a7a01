"""Files of a folder come in the order in which people count, the same on every disk."""

import os
import random
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kitchenvision.errors import SourceNotFound, SourceUnreadable
from kitchenvision.frames.listing import find_videos, is_video
from kitchenvision.frames.open import open_source
from kitchenvision.frames.pictures import is_picture, list_pictures, natural_order, read_picture
from kitchenvision.frames.started import time_in_name

NAMES = st.lists(
    st.from_regex(r"[a-c]{0,2}[0-9]{0,3}[a-c_]{0,1}[0-9]{0,2}", fullmatch=True).filter(bool), unique=True
)


@given(NAMES, st.integers())
@example(["1", "01", "001", "1a", "01a"], 3)
def test_the_order_does_not_depend_on_the_order_in_which_a_disk_lists_them(names: list[str], seed: int) -> None:
    paths = [Path(name) for name in names]
    shuffled = random.Random(seed).sample(paths, len(paths))
    assert sorted(shuffled, key=natural_order) == sorted(paths, key=natural_order)


@given(st.from_regex(r"[a-z_]{1,4}", fullmatch=True), st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_in_names_are_counted_and_not_spelled(stem: str, one: int, other: int) -> None:
    first, second = (natural_order(Path(f"{stem}{number}.jpg")) for number in (one, other))
    assert (first < second) == (one < other)


@pytest.mark.parametrize(
    "names",
    [
        ["f", "f01", "f1", "f2", "f10"],
        ["a1b2", "a1b10", "a2b1"],
        ["1", "2", "10", "a"],
        ["ch1/10.mp4", "ch2/1.mp4", "ch10/1.mp4"],
        ["厨房2", "厨房10"],
    ],
)
def test_known_orders(names: list[str]) -> None:
    paths = [Path(name) for name in names]
    assert sorted(reversed(paths), key=natural_order) == paths


def test_pictures_that_count_alike_give_the_same_source_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1.png", "01.png", "001.png"):
        cv2.imwrite(str(tmp_path / name), np.full((8, 8, 3), len(name) * 9, np.uint8))
    listed = sorted(tmp_path.iterdir())
    hashes = set()
    for order in (listed, listed[::-1], [listed[1], listed[0], listed[2]]):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "iterdir", lambda _, order=order: iter(order))
            assert [path.name for path in list_pictures(tmp_path)] == ["001.png", "01.png", "1.png"]
            hashes.add(open_source(tmp_path).info.content_sha256)
    assert len(hashes) == 1


@pytest.mark.parametrize("name", [".a.mp4", ".a.jpg", "a.mp4.part", "a", "mp4", "a.jpg.", "a.mp4~"])
def test_hidden_and_half_written_files_are_neither_video_nor_picture(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert not is_video(tmp_path / name)
    assert not is_picture(tmp_path / name)
    with pytest.raises(SourceNotFound, match="no video in this folder or below it"):
        find_videos([str(tmp_path)])


def test_a_folder_named_like_a_video_is_looked_into_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "day.mp4").mkdir()
    (tmp_path / "day.mp4" / "a.MP4").write_bytes(b"x")
    assert find_videos([str(tmp_path)]) == [tmp_path / "day.mp4" / "a.MP4"]
    assert not is_video(tmp_path / "day.mp4")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_a_link_that_leads_nowhere_or_in_a_circle_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nothing.mp4")
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert find_videos([str(tmp_path)]) == [tmp_path / "a.mp4"]
    with pytest.raises(SourceNotFound):
        find_videos([str(tmp_path / "gone.mp4")])


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM"]))
def test_bytes_that_are_no_picture_are_refused_in_words_and_nothing_worse(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.jpg"
    path.write_bytes(head + data)
    try:
        picture = read_picture(path)
    except SourceUnreadable as error:
        said = str(error)
    else:
        said = "odd.jpg: "
        assert picture.rgb().shape == (picture.height, picture.width, 3)
    assert said.startswith("odd.jpg: ")


@given(st.text(max_size=40))
def test_a_name_of_any_text_holds_a_time_of_this_century_or_none(name: str) -> None:
    found = time_in_name(name, ZoneInfo("Asia/Shanghai"))
    assert found is None or (found.utcoffset() is not None and 1999 <= found.year <= 2100)


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)),
    st.sampled_from(
        ["%Y%m%d_%H%M%S", "%Y-%m-%d-%H-%M-%S", "%Y%m%d%H%M%S", "%Y.%m.%d %H.%M.%S", "%Y-%m-%dT%H:%M:%S"]
    ),
    st.sampled_from(["", "ch01_", "厨房-", "NVR1-7_"]),
    st.sampled_from(["", ".mp4", "_main.dav", "[M].mp4"]),
)
def test_a_recorder_s_name_says_when_it_began_whatever_stands_around(
    at: datetime, pattern: str, before: str, behind: str
) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    found = time_in_name(f"{before}{at:{pattern}}{behind}", zone)
    assert found == at.replace(microsecond=0, tzinfo=zone).astimezone(UTC)
