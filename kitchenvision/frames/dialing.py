"""Opening a live stream with FFmpeg: options by scheme, and errors that say what is wrong and name nobody."""

import re
import time
from urllib.parse import quote

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from kitchenvision.errors import SourceNotFound, SourceUnreadable, without_credentials

LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https")
_RTSP = ("rtsp", "rtsps")
_QUERY = re.compile(r"""(\w+://[^\s?'"]*)\?[^\s'"]*""")
# What an address of this scheme may lead on to: never a file of this machine.
_PROTOCOLS = {
    "rtsp": "rtsp,rtsps,rtp,udp,tcp,tls",
    "rtsps": "rtsp,rtsps,rtp,udp,tcp,tls",
    "rtmp": "rtmp,rtmps,tcp,tls",
    "rtmps": "rtmp,rtmps,tcp,tls",
    "http": "http,https,tcp,tls,crypto",
    "https": "http,https,tcp,tls,crypto",
}


class CameraUnreachable(SourceNotFound):
    """Nobody answers at the address: try again later."""


class ConnectionRefused(CameraUnreachable):
    """The machine is there, and nothing listens on that port: the camera is starting, or the port is wrong."""


class CameraRefused(SourceUnreadable):
    """The camera answers and wants another user or password: fix the settings."""


class NoSuchStream(SourceNotFound):
    """The camera answers and knows no stream of this name: fix the settings."""


class CodecUnsupported(SourceUnreadable):
    """Video comes, and this FFmpeg cannot decode it: change the camera's codec."""


def is_live(url: str) -> bool:
    """Whether an address is that of a stream and not of a file."""
    return url.partition("://")[0].lower() in LIVE_SCHEMES and "://" in url


def shown_address(url: str) -> str:
    """`url` without user, password and query, which some cameras put passwords into."""
    scheme, _, rest = url.partition("://")
    # The last @: passwords with a slash or an @ of their own are common and never quoted.
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0].partition('#')[0]}"


def without_secrets(text: str, url: str) -> str:
    """`text` of an error, with `url` and every other address in it as `shown_address` would show them."""
    return _QUERY.sub(r"\1", without_credentials(text.replace(url, shown_address(url))))


def with_credentials(url: str, username: str, password: str) -> str:
    """`url` with user and password, quoted so that any character may stand in them."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(username, safe='')}:{quote(password, safe='')}@{rest.rpartition('@')[2]}"


def with_credentials_of(url: str, other: str) -> str:
    """`url` with the user and password of another address of the same camera, if that has them."""
    credentials, at, _ = other.partition("://")[2].rpartition("@")
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{credentials}{at}{rest}"


def dial(
    url: str, open_s: float, read_s: float, transport: str = "tcp", accel: HWAccel | None = None
) -> InputContainer:
    """The opened stream.

    Args:
        url: with its credentials. open_s: time-out of opening, seconds. read_s: of every read afterwards.
        transport: of RTSP, ``tcp`` or ``udp``; over UDP a lost packet is a grey smear in the evidence.
        accel: decodes on a device.

    Raises:
        CameraUnreachable, ConnectionRefused, CameraRefused, NoSuchStream, SourceUnreadable: none carries the user
            or the password, and none is chained to FFmpeg's own error, which does.
    """
    address, scheme = shown_address(url), url.partition("://")[0].lower()
    options = {"protocol_whitelist": _PROTOCOLS[scheme]}
    if scheme in _RTSP:
        # FFmpeg's own time-out holds for connecting and for every read.
        options |= {"rtsp_transport": transport, "allowed_media_types": "video", "timeout": _micros(read_s)}
        # What comes is told by the camera's answer; FFmpeg's own 5 s of study are 5 s that nobody looks at.
        options |= {"analyzeduration": _micros(0.5), "fpsprobesize": "1"}
    else:
        # A second is enough to learn what comes; FFmpeg's own five are five seconds of blindness at each call.
        options |= {"rw_timeout": _micros(read_s), "analyzeduration": _micros(1.0)}
    began = time.monotonic()
    try:
        return av.open(
            url, "r", options=options, timeout=(open_s, read_s), metadata_errors="replace", hwaccel=accel
        )
    except (av.HTTPUnauthorizedError, av.HTTPForbiddenError):
        raise CameraRefused(f"{address}: the camera refuses this user or password") from None
    except (av.HTTPNotFoundError, av.HTTPBadRequestError, av.HTTPOtherClientError):
        raise NoSuchStream(f"{address}: the camera knows no stream of this name") from None
    except av.ConnectionRefusedError as error:
        raise ConnectionRefused(f"{address}: no answer within {open_s:g} s ({error.strerror})") from None
    except av.InvalidDataError:
        if time.monotonic() - began >= open_s:  # FFmpeg gives silence in the middle of a greeting this name
            raise CameraUnreachable(f"{address}: no answer within {open_s:g} s") from None
        kind = "RTSP" if scheme in _RTSP else "any video format that FFmpeg knows"
        raise SourceUnreadable(f"{address}: what answers there does not speak {kind}, or sends no video") from None
    except av.FFmpegError as error:
        raise CameraUnreachable(f"{address}: no answer within {open_s:g} s ({error.strerror})") from None
    except (ValueError, UnicodeError):
        raise SourceUnreadable(f"{address}: this is no address of a stream") from None


def _micros(seconds: float) -> str:
    return str(round(seconds * 1e6))
