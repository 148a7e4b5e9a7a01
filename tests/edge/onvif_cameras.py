"""Cameras that announce themselves on loopback, as a process: by multicast, over another library than asks.

Prints ``ready``, and ends when its input does.
"""

import ipaddress
import socket
import sys

from wsdiscovery import QName, Scope, threaded
from wsdiscovery.publishing import ThreadedWSPublishing

DEVICE, NETWORK = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/network/wsdl"
ONVIF = "onvif://www.onvif.org/"
# Type, scopes, addresses.
CAMERAS = (
    (
        QName(NETWORK, "NetworkVideoTransmitter"),
        ("name/HIKVISION%20DS-2CD2143G2", "hardware/DS-2CD2143G2", "location/%E7%83%AD%E8%8F%9C%E9%97%B4"),
        ["http://169.254.7.7/onvif/device_service", "http://192.0.2.20:8000/onvif/device_service"],
    ),
    (QName(DEVICE, "Device"), ("name/Dahua", "hardware/IPC-HDW2431"), ["http://192.0.2.7/onvif/device_service"]),
    (
        QName(NETWORK, "NetworkVideoTransmitter"),
        ("name/Cam%1b%5B31m%0AX",),
        ["http://viewer:hunter2@192.0.2.100/o"],
    ),
    (QName("http://example.org/print", "Printer"), (), ["http://192.0.2.9/print"]),
)


def _loopback(version: int) -> list[ipaddress.IPv4Address]:
    return [ipaddress.IPv4Address("127.0.0.1")] if version == socket.AF_INET else []


def main() -> None:
    """See the module."""
    threaded._getNetworkAddrs = _loopback
    publishing = [ThreadedWSPublishing() for _ in CAMERAS]
    for one, (kind, scopes, addresses) in zip(publishing, CAMERAS, strict=True):
        one.start()
        prefix = ONVIF if scopes else ""
        one.publishService(types=[kind], scopes=[Scope(prefix + scope) for scope in scopes], xAddrs=addresses)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
