"""Finds cameras of the local network by what they announce themselves (ONVIF over WS-Discovery). Nobody logs in."""

import ipaddress
import shlex
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from onveef.wsdiscovery import DiscoveredDevice, discover

from kitchenvision.edge.brands import BRANDS, RTSP_PORT, address, brand_in

# By the specification a device answers only if it is of all the types that are asked for, so types are asked one by
# one; and some devices answer only when no type is asked.
_ASKED = ("dn:NetworkVideoTransmitter", "tds:Device", "")
_CAMERA = "networkvideotransmitter"
_SCOPE = "onvif://www.onvif.org/"
_LONGEST = 80  # characters of a word that anybody on the network may have written


@dataclass(frozen=True)
class FoundCamera:
    """One camera.

    Attributes:
        host: its address. name, model, location: as it announces them, empty where it does not.
        brand: of `brands`, empty where its words name none. service: its ONVIF address.
        url: of the sub-stream by the brand's custom; the path is ``PATH`` where the brand is unknown.
    """

    host: str
    name: str
    model: str
    location: str
    brand: str
    service: str
    url: str

    @property
    def probe(self) -> str:
        """The command to try next; whoever runs it puts in the user, and the password into the environment."""
        return f"kitchenvision camera probe {shlex.quote(self.url)} --username USER"

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "probe": self.probe}


def discover_cameras(seconds: float, interfaces: Sequence[str] = ()) -> list[FoundCamera]:
    """Ask all of the local network, and listen.

    Args:
        seconds: to listen. interfaces: addresses of this machine to ask from; none = those that it finds.

    Returns:
        By address, each camera once.
    """
    with ThreadPoolExecutor(len(_ASKED)) as pool:
        found = pool.map(
            lambda types: discover(timeout_s=seconds, types=types, interface_ip=list(interfaces) or None), _ASKED
        )
        return cameras_of(device for devices in found for device in devices)


def cameras_of(devices: Iterable[DiscoveredDevice]) -> list[FoundCamera]:
    """What announces itself as a camera and can be called, by address; an address once."""
    by_host: dict[str, FoundCamera] = {}
    for device in devices:
        service = _service_of(device.xaddrs or [device.address])
        if service is not None and _is_camera(device):
            found = _camera(device, service)
            by_host[found.host] = max(by_host.get(found.host, found), found, key=lambda one: bool(one.name))
    return sorted(by_host.values(), key=lambda one: _order(one.host))


def _camera(device: DiscoveredDevice, service: str) -> FoundCamera:
    host = urlsplit(service).hostname or ""
    name, model, location = (_word(text) for text in (device.name, device.hardware, device.location))
    brand = brand_in(" ".join([name, model, *(_word(scope.removeprefix(_SCOPE)) for scope in device.scopes)]))
    if brand:
        url = address(BRANDS[brand], host, RTSP_PORT, None, sub=True)
    else:
        url = f"rtsp://{f'[{host}]' if ':' in host else host}:{RTSP_PORT}/PATH"
    return FoundCamera(host, name, model, location, brand, service, url)


def _is_camera(device: DiscoveredDevice) -> bool:
    return _CAMERA in device.types.lower() or any(scope.startswith(_SCOPE) for scope in device.scopes)


def _service_of(addresses: Sequence[str]) -> str | None:
    """The first that can be called from elsewhere, without a user that may stand in it."""
    usable = []
    for text in addresses:
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            host, port = parts.hostname, parts.port
            if host is not None and ":" in host:
                ipaddress.IPv6Address(host)
        except ValueError:  # no address at all
            continue
        if host is None or not all(sign.isalnum() or sign in ".-:" for sign in host):
            continue
        shown = f"[{host}]" if ":" in host else host
        path = parts.path if parts.path.isascii() and parts.path.isprintable() else ""
        usable.append((_only_near(host), f"{parts.scheme}://{shown}{f':{port}' if port else ''}{path}"))
    return min(usable, key=lambda one: one[0])[1] if usable else None


def _only_near(host: str) -> bool:
    """Whether an address works on one cable only: cameras announce those beside their real one."""
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def _word(text: str) -> str:
    """As people read it: decoded, one line, nothing that a terminal would obey."""
    words = "".join(sign if sign.isprintable() else " " for sign in unquote(text)).replace("/", " ")
    return " ".join(words.split())[:_LONGEST]


def _order(host: str) -> tuple[int, int, str]:
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return 9, 0, host
    return parsed.version, int(parsed), host
