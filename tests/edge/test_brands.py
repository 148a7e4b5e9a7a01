"""Addresses of the common brands, as their makers write them."""

import pytest

from kitchenvision.edge.brands import BRANDS, address, brand_of
from kitchenvision.frames.dialing import is_live


@pytest.mark.parametrize(
    ("name", "channel", "sub", "path"),
    [
        ("Hikvision", None, False, "Streaming/Channels/101"),
        ("海康威视", 3, True, "Streaming/Channels/302"),
        ("海康", 16, False, "Streaming/Channels/1601"),
        ("dahua", None, True, "cam/realmonitor?channel=1&subtype=1"),
        ("大华", 4, False, "cam/realmonitor?channel=4&subtype=0"),
        ("uniview", None, True, "media/video2"),
        ("宇视", 2, False, "unicast/c2/s0/live"),
        ("TP-Link", None, True, "stream2"),
        ("Reolink", None, False, "Preview_01_main"),
        ("reolink", 12, True, "Preview_12_sub"),
        ("AXIS", None, False, "axis-media/media.amp?videocodec=h264"),
        ("axis", 2, True, "axis-media/media.amp?videocodec=h264&camera=2&resolution=640x360"),
    ],
)
def test_addresses(name: str, channel: int | None, sub: bool, path: str) -> None:
    """By brand, channel and stream; names are taken as people write them."""
    brand = brand_of(name)
    assert brand is not None
    assert address(brand, "192.0.2.10", 554, channel, sub) == f"rtsp://192.0.2.10:554/{path}"


def test_every_brand_gives_an_address_that_can_be_dialled() -> None:
    """Without a placeholder left in it."""
    for brand in BRANDS.values():
        for sub in (True, False):
            url = address(brand, "fe80::1", 8554, None, sub)
            assert is_live(url)
            assert url.startswith("rtsp://[fe80::1]:8554/")
            assert "{" not in url


@pytest.mark.parametrize("host", ["", "rtsp://192.0.2.1", "user@192.0.2.1", "192.0.2.1/live", "a b"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """Most of all one with a user in it."""
    with pytest.raises(ValueError, match="IP address is expected"):
        address(BRANDS["dahua"], host, 554, None, True)


def test_a_channel_where_there_is_none_is_refused_and_an_unknown_brand_is_none() -> None:
    """Instead of an address that leads nowhere."""
    with pytest.raises(ValueError, match="no channel"):
        address(BRANDS["tp-link"], "192.0.2.1", 554, 2, True)
    assert brand_of("nobody") is None
