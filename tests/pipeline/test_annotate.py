"""The video with boxes for people: it plays whatever the frames are, and shows whom it speaks of."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from builders import GreyPicture, frame, head_at, observation, track

from kitchenvision.annotate import AnnotatedVideo, GridCell, draw_grid, draw_polygon, drawn
from kitchenvision.errors import StorageError
from kitchenvision.pipeline import Seen
from kitchenvision.types import Detections, Pixels, Verdict

RED, WHITE = (230, 40, 40), (255, 255, 255)


def seen(index: int = 0, width: int = 640, height: int = 480, **changes: object) -> Seen:
    """A grey frame with nobody in it."""
    plain = Seen(frame(index / 5, index, GreyPicture(90, width, height)), Detections.none(), (), (), {})
    return replace(plain, **changes)  # type: ignore[arg-type]


def filmed(video: AnnotatedVideo) -> None:
    """Three small frames, and the end."""
    for i in range(3):
        video.add(seen(i, 64, 48))
    video.close()


def has(image: Pixels, colour: tuple[int, int, int]) -> bool:
    return bool((image == np.asarray(colour, np.uint8)).all(axis=2).any())


def read(path: Path) -> list[tuple[int, int]]:
    """(width, height) of every picture of a video."""
    with av.open(str(path)) as video:
        return [(one.width, one.height) for one in video.decode(video=0)]


@pytest.mark.parametrize(
    ("size", "written"),
    [
        ((640, 480), (640, 480)),
        ((641, 359), (640, 358)),
        ((1, 1), (2, 2)),
        ((3840, 2160), (1280, 720)),
        ((1080, 1920), (720, 1280)),
        ((4000, 10), (1280, 2)),
    ],
)
def test_frames_of_any_size_become_a_video_that_plays(
    tmp_path: Path, size: tuple[int, int], written: tuple[int, int]
) -> None:
    with AnnotatedVideo(tmp_path / "annotated" / "a.mp4", 5.0) as video:
        for i in range(3):
            video.add(seen(i, *size))
    assert read(tmp_path / "annotated" / "a.mp4") == [written] * 3


def test_a_camera_that_changes_its_size_stays_one_video(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "a.mp4", 5.0) as video:
        for i, size in enumerate([(640, 480), (320, 240), (480, 640)]):
            video.add(seen(i, *size))
    assert read(tmp_path / "a.mp4") == [(640, 480)] * 3


@pytest.mark.parametrize("fps", [0.2, 1.0, 4.6, 25.0])
def test_it_plays_at_about_the_rate_of_what_was_looked_at(tmp_path: Path, fps: float) -> None:
    with AnnotatedVideo(tmp_path / "a.mp4", fps) as video:
        for i in range(4):
            video.add(seen(i, 64, 48))
    with av.open(str(tmp_path / "a.mp4")) as played:
        assert played.streams.video[0].average_rate == max(1, round(fps))


def test_without_a_frame_there_is_no_video_and_closing_twice_is_harmless(tmp_path: Path) -> None:
    video = AnnotatedVideo(tmp_path / "a.mp4", 5.0)
    video.close()
    video.close()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(StorageError, match=r"a\.mp4 cannot be written"):
        filmed(AnnotatedVideo(tmp_path / "a.mp4", 5.0))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_disk_that_is_full_at_the_end_is_a_storage_error_too(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").symlink_to("/dev/full")
    video = AnnotatedVideo(tmp_path / "a.mp4", 5.0)
    with pytest.raises(StorageError, match=r"a\.mp4 cannot be written"):
        filmed(video)
    video.close()


def test_who_is_accused_is_drawn_in_red_and_everybody_else_in_white() -> None:
    calm = drawn(seen(tracks=(track(1), track(2, x=500.0))))
    assert has(calm, WHITE)
    assert not has(calm, RED)
    accused = drawn(seen(tracks=(track(1), track(2, x=500.0)), open_rules={2: ("no_hat",)}))
    assert has(accused[:, 440:], RED)
    assert not has(accused[:, :420], RED)


def test_a_person_without_a_head_and_one_half_outside_the_picture_are_drawn_too() -> None:
    headless = replace(track(1), head_xyxy=None)
    outside = replace(track(2, x=-10.0, y=-5.0), person_xyxy=(-90.0, -30.0, 40.0, 700.0))
    image = drawn(seen(tracks=(headless, outside)))
    assert image.shape == (480, 640, 3)
    assert has(image, WHITE)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_a_look_says_stands_beside_its_head_in_a_colour_of_its_own(verdict: Verdict) -> None:
    plain = drawn(seen(tracks=(track(1),)))
    said = drawn(seen(tracks=(track(1),), observations=(observation(0.0, verdict),)))
    changed = (said != plain).any(axis=2)
    assert changed.any()
    assert not changed[:, : int(head_at(300)[2])].any(), "beside the head, not over the face"
    colours = {v: drawn(seen(tracks=(track(1),), observations=(observation(0.0, v, 0.5),))) for v in Verdict}
    assert all((colours[verdict] != colours[v]).any() for v in Verdict if v is not verdict)


def test_the_picture_that_was_looked_at_is_not_drawn_into() -> None:
    class Kept(GreyPicture):
        def rgb(self) -> Pixels:
            return kept

    kept = np.full((480, 640, 3), 90, np.uint8)
    drawn(Seen(frame(0.0, 0, Kept()), Detections.none(), (track(1),), (), {1: ("no_hat",)}))
    assert (kept == 90).all()


@pytest.mark.parametrize(
    "polygon", [(), ((0.2, 0.2), (0.8, 0.2), (0.5, 0.9)), ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))]
)
def test_a_zone_is_drawn_inside_the_picture(polygon: tuple[tuple[float, float], ...]) -> None:
    image = np.full((120, 160, 3), 90, np.uint8)
    draw_polygon(image, polygon, "serving")
    assert (image != 90).any()
    for x, y in polygon or ((0.0, 0.0), (1.0, 1.0)):
        near = image[max(0, round(y * 119) - 2) :, max(0, round(x * 159) - 2) :][:5, :5]
        assert (near != 90).any(), "at every corner"


@pytest.mark.parametrize("size", [(2, 3), (90, 120), (480, 640)])
def test_a_grid_is_drawn_into_pictures_of_any_size(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 90, np.uint8)
    cells = [GridCell(2, 1, Verdict.COMPLIANT, ("30 px", "hat")), GridCell(0, 0, Verdict.VIOLATING, ())]
    draw_grid(image, 3, 2, cells)
    assert image.shape == (*size, 3)
    assert (image != 90).any()
