"""Addresses of streams as the common brands give them; pure.

From the makers' own help pages. Where a recorder and a single camera differ, a channel says that it is a recorder.
Axis has no fixed sub-stream: a smaller one is asked for.
"""

import ipaddress
from dataclasses import dataclass

from kitchenvision.frames.dialing import LIVE_SCHEMES

RTSP_PORT = 554


@dataclass(frozen=True)
class Brand:
    """Paths with ``{channel}``; of a camera of its own, and of a channel of a recorder (None: it has none)."""

    main: str
    sub: str
    channel_main: str | None
    channel_sub: str | None

    def path(self, channel: int | None, sub: bool) -> str:
        """Raises ValueError where this brand has no such channel."""
        if channel is None:
            return self.sub if sub else self.main
        path = self.channel_sub if sub else self.channel_main
        if path is None:
            raise ValueError("this brand's addresses have no channel: leave it empty")
        return path.format(channel=channel)


_DAHUA = "cam/realmonitor?channel={channel}&subtype="
_AXIS = "axis-media/media.amp?videocodec=h264"
BRANDS: dict[str, Brand] = {
    "hikvision": Brand(
        "Streaming/Channels/101",
        "Streaming/Channels/102",
        "Streaming/Channels/{channel}01",
        "Streaming/Channels/{channel}02",
    ),
    "dahua": Brand(f"{_DAHUA.format(channel=1)}0", f"{_DAHUA.format(channel=1)}1", f"{_DAHUA}0", f"{_DAHUA}1"),
    "uniview": Brand("media/video1", "media/video2", "unicast/c{channel}/s0/live", "unicast/c{channel}/s1/live"),
    "tp-link": Brand("stream1", "stream2", None, None),
    "reolink": Brand(
        "Preview_01_main", "Preview_01_sub", "Preview_{channel:02d}_main", "Preview_{channel:02d}_sub"
    ),
    "axis": Brand(
        _AXIS,
        f"{_AXIS}&resolution=640x360",
        f"{_AXIS}&camera={{channel}}",
        f"{_AXIS}&camera={{channel}}&resolution=640x360",
    ),
}
_OTHER_NAMES = {
    "海康": "hikvision",
    "海康威视": "hikvision",
    "hik": "hikvision",
    "大华": "dahua",
    "宇视": "uniview",
    "unv": "uniview",
    "普联": "tp-link",
    "tplink": "tp-link",
    "vigi": "tp-link",
    "tapo": "tp-link",
    "安讯士": "axis",
}


def brand_of(name: str) -> Brand | None:
    """The brand of a name as people write it, also in Chinese."""
    key = name.strip().lower()
    return BRANDS.get(_OTHER_NAMES.get(key, key))


def brand_in(text: str) -> str:
    """The brand that one of these words names, such as of what a camera says of itself; empty where none does."""
    words = "".join(sign if sign.isalnum() or sign == "-" else " " for sign in text.lower()).split()
    names = (_OTHER_NAMES.get(word, word) for word in words)
    return next((name for name in names if name in BRANDS), "")


def address(brand: Brand, host: str, port: int, channel: int | None, sub: bool) -> str:
    """The stream's address, without user and password.

    Raises:
        ValueError: no host, one with a port in it, or a channel that the brand does not have.
    """
    if not host or any(sign in host for sign in "/@?# ") or "://" in host:
        raise ValueError(f"a name or an IP address is expected, not one of {', '.join(LIVE_SCHEMES)}://")
    return f"rtsp://{_shown(host)}:{port}/{brand.path(channel, sub)}"


def _shown(host: str) -> str:
    """As it stands in an address: IPv6 in brackets."""
    if not any(sign in host for sign in ":[]"):
        return host
    try:
        return f"[{ipaddress.IPv6Address(host.removeprefix('[').removesuffix(']'))}]"
    except ValueError:
        raise ValueError("a name or an IP address is expected, and a port stands by itself") from None
