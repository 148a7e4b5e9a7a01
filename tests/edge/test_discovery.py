"""Cameras that announce themselves are found with the line to try next; what they say is never trusted."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from onveef.wsdiscovery import DiscoveredDevice
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.edge.brands import BRANDS, brand_in
from kitchenvision.edge.discovery import FoundCamera, cameras_of, discover_cameras
from kitchenvision.frames.dialing import is_live

ONVIF = "onvif://www.onvif.org/"


@pytest.fixture(scope="module")
def cameras() -> Iterator[None]:
    """Three cameras and a printer on loopback, in a process of their own."""
    command = [sys.executable, str(Path(__file__).with_name("onvif_cameras.py"))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("cameras")
def test_cameras_are_found_by_multicast_whatever_type_they_are_of() -> None:
    """Each once, by address; a printer is none, and no password leaves an address."""
    found = discover_cameras(3.0, ["127.0.0.1"])
    assert [one.host for one in found] == ["192.0.2.7", "192.0.2.20", "192.0.2.100"]
    dahua, hikvision, other = found
    assert (hikvision.name, hikvision.model, hikvision.location) == (
        "HIKVISION DS-2CD2143G2",
        "DS-2CD2143G2",
        "热菜间",
    )
    assert hikvision.service == "http://192.0.2.20:8000/onvif/device_service"
    assert hikvision.url == "rtsp://192.0.2.20:554/Streaming/Channels/102"
    assert dahua.probe.startswith(
        "kitchenvision camera probe 'rtsp://192.0.2.7:554/cam/realmonitor?channel=1&subtype=1'"
    )
    assert (other.brand, other.url, other.name) == ("", "rtsp://192.0.2.100:554/PATH", "Cam [31m X")
    assert not any("hunter2" in str(one) for one in found)


@pytest.mark.usefixtures("cameras")
def test_the_command_prints_what_was_found_and_what_to_try() -> None:
    """For people in lines that can be copied, for programs as JSON."""
    arguments = ["camera", "discover", "--seconds", "3", "--interface", "127.0.0.1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "192.0.2.20 · HIKVISION DS-2CD2143G2 · 热菜间" in result.stdout
    line = "    kitchenvision camera probe rtsp://192.0.2.20:554/Streaming/Channels/102 --username USER"
    assert line in result.stdout.splitlines()
    assert "hunter2" not in result.output
    assert "\x1b[31mX" not in result.output
    rows = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [row["brand"] for row in rows] == ["dahua", "hikvision", ""]
    assert rows[0]["model"] == "IPC-HDW2431"


def test_where_nobody_answers_it_says_what_that_may_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 4: nothing."""
    monkeypatch.setattr("kitchenvision.edge.discovery.discover", lambda **_: [])
    result = CliRunner().invoke(app, ["camera", "discover", "--seconds", "0.5"])
    assert result.exit_code == 4
    assert "ONVIF is switched off" in result.stdout
    assert json.loads(CliRunner().invoke(app, ["camera", "discover", "--json"]).stdout) == []


def device(**values: object) -> DiscoveredDevice:
    """A camera, but for what is told."""
    standard = {"address": "", "xaddrs": ["http://192.0.2.1/o"], "types": "dn:NetworkVideoTransmitter"}
    return DiscoveredDevice(**(standard | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "addresses",
    [
        ["http://$(reboot)/o"],
        ["http://a b/o"],
        ["http://[::1/o"],
        ["http://192.0.2.1:port/o"],
        ["http://'; reboot;'/"],
        [],
    ],
)
def test_an_address_that_is_none_is_left_out(addresses: list[str]) -> None:
    """Whoever is on the network may write it, and people copy the line that is made of it."""
    assert cameras_of([device(xaddrs=addresses)]) == []


def test_a_line_to_copy_holds_three_words_and_an_address_whatever_is_announced() -> None:
    """Nothing of a name, which may be anything, gets into it."""
    names = ("; rm -rf ~", "axis$(reboot)", "TP-Link `x`", "tapo c200")
    for name in names:
        (found,) = cameras_of([device(name=name, scopes=[f"{ONVIF}name/{name}"])])
        words = shlex.split(found.probe)
        assert words[:3] == ["kitchenvision", "camera", "probe"]
        assert words[4:] == ["--username", "USER"]
        assert is_live(words[3])
        assert "reboot" not in found.probe


def test_names_are_short_and_of_one_line() -> None:
    (found,) = cameras_of([device(name="x" * 500 + "\r\n\x07")])
    assert found.name == "x" * 80


def test_of_two_answers_of_one_camera_the_one_with_a_name_stays() -> None:
    """Some answer differently to differently put questions; an IPv6 address is shown as one."""
    both = [device(), device(name="kitchen"), device()]
    assert [one.name for one in cameras_of(both)] == ["kitchen"]
    (six,) = cameras_of([device(xaddrs=["http://[2001:db8::7]/o"], name="axis")])
    assert six.url.startswith("rtsp://[2001:db8::7]:554/axis-media")


@pytest.mark.parametrize(
    ("text", "brand"),
    [
        ("HIKVISION DS-2CD2143", "hikvision"),
        ("type video_encoder VIGI C340", "tp-link"),
        ("UNV IPC3612", "uniview"),
        ("海康威视", "hikvision"),
        ("praxis kitchen", ""),
        ("", ""),
    ],
)
def test_a_brand_is_known_by_a_whole_word(text: str, brand: str) -> None:
    assert brand_in(text) == brand
    assert brand in ("", *BRANDS)


def test_a_found_camera_as_a_row_has_the_line_too() -> None:
    one = FoundCamera("192.0.2.1", "n", "m", "", "", "http://192.0.2.1/o", "rtsp://192.0.2.1:554/PATH")
    assert one.row()["probe"] == one.probe
