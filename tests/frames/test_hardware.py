"""Decoding on a device: used where it can be, told where it cannot; on this machine mostly the latter."""

import logging
from pathlib import Path

import pytest
from made_media import Recipe, make_video
from rtsp_servers import free_port, playing

from kitchenvision.frames import hardware, rtsp
from kitchenvision.frames.dialing import ConnectionRefused
from kitchenvision.frames.hardware import Device, device_of, try_device
from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.frames.source import SourceOptions


def test_auto_takes_the_first_device_that_works_and_asks_once() -> None:
    """Each try starts a driver."""
    asked: list[str] = []

    def attempt(name: str) -> str:
        asked.append(name)
        return "" if name == "vaapi" else "broken"

    assert device_of("auto", attempt) == Device("vaapi")
    assert device_of("auto", attempt) == Device("vaapi")
    assert asked == ["cuda", "vaapi"]


def test_where_none_works_it_is_software_with_a_reason_for_each() -> None:
    """And software is asked for without a word."""
    assert device_of("cuda", lambda _: "no card") == Device("software", "cuda: no card")
    device = device_of("auto", lambda name: f"no {name}")
    assert device.name == "software"
    assert "cuda: no cuda; vaapi: no vaapi" in device.why
    assert device_of("software", lambda _: pytest.fail("asked")) == Device("software")
    assert device.accel is None


def test_the_devices_of_this_machine_answer_with_words_or_work() -> None:
    """The real ones, whatever they are; nothing is raised."""
    for name in ("cuda", "vaapi", "qsv", "videotoolbox", "d3d11va"):
        why = try_device(name)
        assert why == "" or why.startswith(("this FFmpeg", "it cannot be opened"))


@pytest.fixture
def host(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A real stream."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    make_video(tmp_path / "cam.mp4", Recipe(seconds=6, fps=10, gop=10, b_frames=0, movflags=""))
    with playing(tmp_path) as address:
        yield address


def test_a_device_that_is_not_there_is_told_and_the_picture_comes_all_the_same(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoded in software."""
    monkeypatch.setattr(rtsp, "device_of", lambda _: Device("software", "cuda: no card"))
    with RtspSource(f"rtsp://{host}/cam.mp4", SourceOptions(decoder="cuda")) as source:
        assert next(source.frames()).picture.width > 0
        assert source.info.decoder == "software"
        assert source.info.notes == ("decoded in software, since cuda: no card",)


def test_a_device_that_gives_no_picture_makes_way_for_software(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream is called a second time; a stream without such a wish has no note."""
    used: list[str] = []
    feed = rtsp._Feed.first

    def first(self: rtsp._Feed) -> object:
        used.append("")
        if len(used) == 1:
            raise rtsp.SourceUnreadable("no picture")
        return feed(self)

    monkeypatch.setattr(rtsp, "device_of", lambda _: Device("cuda"))
    monkeypatch.setattr(hardware.Device, "accel", property(lambda _: None))
    monkeypatch.setattr(rtsp._Feed, "first", first)
    with RtspSource(f"rtsp://{host}/cam.mp4", SourceOptions(decoder="cuda")) as source:
        assert source.info.notes == ("decoded in software, since cuda: no picture came of it",)
    assert len(used) == 2
    monkeypatch.undo()
    with RtspSource(f"rtsp://{host}/cam.mp4", SourceOptions()) as source:
        assert (source.info.notes, source.info.decoder) == ((), "software")


def test_an_address_where_nobody_is_is_called_once_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some cameras lock an account after a few tries."""
    calls: list[str] = []
    dial = rtsp.dial

    def counted(*arguments: object) -> object:
        calls.append("")
        return dial(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rtsp, "dial", counted)
    monkeypatch.setattr(rtsp, "device_of", lambda _: Device("cuda"))
    monkeypatch.setattr(hardware.Device, "accel", property(lambda _: None))
    with pytest.raises(ConnectionRefused):
        RtspSource(f"rtsp://127.0.0.1:{free_port()}/x", SourceOptions(decoder="cuda"))
    assert len(calls) == 1
