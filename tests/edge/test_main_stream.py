"""Clips of the main stream while the sub-stream is looked at: cut by the time of day, and never missed for it."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest
from live import HASTY, run_until
from rtsp_server_path import free_port, playing
from staged import staged_clips, staged_eyes, staged_settings
from test_edge_settings import CAMERA, HEAD, RULES, written

from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.job import Job
from kitchenvision.edge.mailbox import Mailbox
from kitchenvision.edge.main_stream import MainStream
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.settings import read_edge_settings
from kitchenvision.edge.worker import Worker
from kitchenvision.errors import SettingsError, SourceBroken
from kitchenvision.frames.dialing import ConnectionRefused, with_credentials_of
from kitchenvision.frames.tap import PacketTap
from kitchenvision.outbox import Outbox
from kitchenvision.wire import ClipReport, parse_report


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``cam_a`` in 96x72 and ``cam_b`` in 160x120 on a real RTSP server."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    folder = tmp_path_factory.mktemp("clips")
    staged_clips(folder, seconds=90)
    with playing(folder) as address:
        yield address


def until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wiring() -> Wiring:
    return Wiring(Mailbox(), SteadyClock(), HASTY)


def test_a_clip_is_cut_by_the_time_of_day(host: str, tmp_path: Path) -> None:
    """Five seconds around an instant, from a key frame on, without having decoded anything."""
    main = MainStream("cooking", f"rtsp://{host}/cam_b.mp4", "tcp", wiring())
    try:
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 8)
        at = datetime.now(UTC)
        span = main.clip(at, -4.0, -1.0, tmp_path / "clip.mp4")
        assert main.problem == ""
    finally:
        main.close()
    assert span is not None
    assert -5.5 <= span.from_s <= -4.0
    assert -1.6 <= span.to_s <= -0.8
    with av.open(str(span.path)) as clip:
        video = clip.streams.video[0]
        assert (video.width, video.height) == (160, 120)
        pictures = sum(1 for _ in clip.decode(video))
    assert pictures == pytest.approx((span.to_s - span.from_s) * 10, abs=2)
    assert main.clip(at, -500.0, -490.0, tmp_path / "old.mp4") is None


def clip_size(data: Path) -> tuple[int, int] | None:
    """Of the clip that was reported first."""
    with Outbox(data / "outbox") as outbox:
        reports = [parse_report(item.body) for item in outbox.list() if item.kind == "clip"]
        for report in reports:
            if isinstance(report, ClipReport):
                with av.open(str(outbox.blob_path(report.blobs[0].sha256))) as clip:
                    return clip.streams.video[0].width, clip.streams.video[0].height
    return None


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False])
def test_a_finding_on_the_sub_stream_has_a_clip_of_the_main_stream_if_that_is_there(
    host: str, tmp_path: Path, there: bool
) -> None:
    """Else one of the sub-stream, and the page says why."""
    url = f"rtsp://{host}/cam_a.mp4"
    main_url = f"rtsp://{host}/cam_b.mp4" if there else f"rtsp://127.0.0.1:{free_port()}/main"
    settings = staged_settings(tmp_path, {"cooking": url})
    camera = settings.cameras[0].model_copy(update={"main_url": main_url})
    settings = settings.model_copy(update={"cameras": (camera,)})
    with Outbox(tmp_path / "outbox") as outbox:
        worker = Worker(Job(settings, {"cooking": url}, ("cooking",)), staged_eyes(), outbox, wiring())
        try:
            run_until(worker, lambda: bool(worker.states() and clip_size(tmp_path)), 60)
            (state,) = worker.states()
        finally:
            worker.close()
    assert clip_size(tmp_path) == ((160, 120) if there else (96, 72))
    assert (state.width, state.height) == (96, 72)
    assert [note for note in state.notes if "clips and pictures come from the sub-stream" in note] == list(
        state.notes
    )
    assert bool(state.notes) is not there


def test_a_main_stream_that_breaks_is_called_again(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its problem is told without a password, once."""
    runs: list[str] = []
    run = PacketTap.run

    def broken(self: PacketTap, on_packet: Callable[[], None]) -> None:
        runs.append("")
        if len(runs) == 1:
            raise SourceBroken(f"rtsp://viewer:hunter2@{host}/cam_b.mp4: the camera sends no more", 0.0)
        run(self, on_packet)

    monkeypatch.setattr(PacketTap, "run", broken)
    main = MainStream("cooking", f"rtsp://viewer:hunter2@{host}/cam_b.mp4", "tcp", wiring())
    try:
        until(lambda: bool(main.problem))
        assert "hunter2" not in main.problem
        until(lambda: len(runs) > 1 and not main.problem)
    finally:
        main.close()


def test_a_tap_that_is_refused_or_closed(tmp_path: Path) -> None:
    """As any other stream."""
    with pytest.raises(ConnectionRefused):
        PacketTap(f"rtsp://127.0.0.1:{free_port()}/x", "tcp", lambda: datetime.now(UTC), 2, 2)
    main = MainStream("cooking", f"rtsp://127.0.0.1:{free_port()}/x", "tcp", wiring())
    assert main.clip(datetime.now(UTC), -5, 5, tmp_path / "clip.mp4") is None
    until(lambda: "no answer" in main.problem)
    main.close()


def test_the_main_streams_address_has_the_same_user_and_is_held_to_the_same_rules(tmp_path: Path) -> None:
    """No password in it, and a stream."""
    assert with_credentials_of("rtsp://c/main", "rtsp://u:p%40@c/sub") == "rtsp://u:p%40@c/main"
    assert with_credentials_of("rtsp://c/main", "rtsp://c/sub") == "rtsp://c/main"
    text = HEAD + CAMERA + 'main_url = "rtsp://u:hunter2@c/main"\n'
    with pytest.raises(SettingsError, match=r"main_url.*no user or password") as caught:
        read_edge_settings(written(tmp_path, text), RULES)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingsError, match="main_url"):
        read_edge_settings(written(tmp_path, HEAD + CAMERA + 'main_url = "/etc/passwd"\n'), RULES)
