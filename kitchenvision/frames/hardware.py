"""Which device decodes video, if any; and why a wanted one does not."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import av
from av.codec.hwaccel import HWAccel

Decoder = Literal["software", "auto", "cuda", "vaapi", "qsv", "videotoolbox", "d3d11va"]
SOFTWARE: Decoder = "software"
# In the order in which `auto` tries them.
_DEVICES = ("cuda", "vaapi", "qsv", "videotoolbox", "d3d11va")
_CODEC = "h264"  # what any of them can decode


@dataclass(frozen=True)
class Device:
    """name: of the device, or ``software``. why: another was wanted and cannot be used; else empty."""

    name: str
    why: str = ""

    @property
    def accel(self) -> HWAccel | None:
        """For `av.open`; a stream that the device cannot decode is decoded in software."""
        return None if self.name == SOFTWARE else HWAccel(self.name, allow_software_fallback=True)


def try_device(name: str) -> str:
    """Why a device cannot be used here; empty when it can."""
    try:
        HWAccel(name).create(av.Codec(_CODEC, "r"))
    except NotImplementedError:
        return "this FFmpeg was built without it"
    except (av.FFmpegError, ValueError, OSError) as error:
        return f"it cannot be opened ({getattr(error, 'strerror', None) or type(error).__name__})"
    return ""


@cache
def device_of(wanted: Decoder, attempt: Callable[[str], str] = try_device) -> Device:
    """The device for what the settings want; asked once in a process, since each try costs a driver's start."""
    if wanted == SOFTWARE:
        return Device(SOFTWARE)
    whys = []
    for name in _DEVICES if wanted == "auto" else (wanted,):
        why = attempt(name)
        if not why:
            return Device(name)
        whys.append(f"{name}: {why}")
    return Device(SOFTWARE, "; ".join(whys))
