"""A stream and its recording give the same violations; so does a stream of which calm frames are left out."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import CLIPS, as_a_camera_sends, confirmed_in, replayed, run_until, settings_for, watching
from rtsp_server_path import playing

from kitchenvision.edge.gate import SceneGate, luma_of
from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions

NAMES = ("A1", "A2", "A3")
ALL = [*sorted(CLIPS.glob("*.mp4")), *sorted((CLIPS.parent / "tests/golden").glob("*.mp4"))]
FPS = 2.0  # so that a machine that does much else keeps up


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the sample clips as cameras send them."""
    folder = tmp_path_factory.mktemp("sent")
    for name in NAMES:
        as_a_camera_sends(CLIPS / f"{name}.mp4", folder)
    return folder


@pytest.fixture
def host(sent: Path) -> Iterator[str]:
    """A real RTSP server on loopback over them."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    with playing(sent) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize("clip", NAMES)
def test_a_stream_and_its_recording_give_the_same_violations(
    host: str, sent: Path, tmp_path: Path, clip: str
) -> None:
    """The same rules, as often, confirmed within one sampling interval of each other."""
    settings = settings_for(tmp_path, {"cooking": f"rtsp://{host}/{clip}.mp4"}, FPS, calm_fps=1.0)
    recorded = sorted((one.rule_id, one.confirmed_s) for one in replayed(sent / f"{clip}.mp4", settings))
    with watching(settings) as worker:
        run_until(worker, lambda: bool(worker.states()[0].reconnects), 60)
        state = worker.states()[0]
    assert (state.codec, state.width, state.height) == ("h264", 960, 540)
    live = sorted((report.rule_id, report.confirmed_s) for report in confirmed_in(tmp_path))
    assert [rule for rule, _ in live] == [rule for rule, _ in recorded]
    for (_, live_s), (_, recorded_s) in zip(live, recorded, strict=True):
        assert live_s == pytest.approx(recorded_s, abs=1 / FPS + 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("clip", ALL, ids=lambda clip: clip.stem)
def test_leaving_calm_frames_out_changes_no_violation(tmp_path: Path, clip: Path) -> None:
    """The same rules, as often, confirmed within one interval of the slowest sampling of people."""
    settings = settings_for(tmp_path, {"cooking": "rtsp://camera/live"}, 5.0, calm_fps=1.0)
    every = sorted((one.rule_id, one.confirmed_s) for one in replayed(clip, settings))
    gated = replayed(clip, settings, SceneGate(settings.calm_fps))
    assert [one.rule_id for one in sorted(gated, key=lambda one: (one.rule_id, one.confirmed_s))] == [
        rule for rule, _ in every
    ]
    for one, (_, confirmed_s) in zip(
        sorted(gated, key=lambda one: (one.rule_id, one.confirmed_s)), every, strict=True
    ):
        assert one.confirmed_s == pytest.approx(confirmed_s, abs=0.5)


def test_the_gate_leaves_frames_out_of_a_still_picture_only() -> None:
    """Of a clip in which people move every second frame is looked at; of its first frame alone few."""
    with open_source(CLIPS / "A1.mp4", SourceOptions(analysis_fps=5)) as source:
        lumas = [luma_of(frame.picture) for frame in source.frames()]
    moving, still = SceneGate(1.0), SceneGate(1.0)
    wanted = sum(moving.wants(i / 5, luma, people=False, building=False) for i, luma in enumerate(lumas))
    calm = sum(still.wants(i / 5, lumas[0], people=False, building=False) for i in range(len(lumas)))
    assert calm <= len(lumas) / 5
    assert wanted == pytest.approx(len(lumas) / 2, rel=0.1)
