"""The HTTP client for one regulator: where the token may go, and where it may not."""

import ipaddress

import httpx

from kitchenvision import __version__
from kitchenvision.errors import SettingsError, without_credentials

API = "/api/v1"


def make_client(
    base_url: str,
    token: str,
    timeout_s: float = 30.0,
    *,
    allow_http: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A client for one regulator. Close it, or use it in a ``with``.

    Args:
        base_url: such as ``https://regulator.example``.
        token: the canteen's; sent as bearer token, shown nowhere.
        timeout_s: for connecting (at most 10 s), and for each piece that is sent or read.
        allow_http: send the token and the pictures readable for all on the way, to another machine.
        transport: in place of the network, for tests.

    Raises:
        SettingsError: the address or the token cannot be used, or http is not allowed.
    """
    try:
        url = parsed(base_url)
    except ValueError as error:
        raise SettingsError("regulator address", "", f"it is no address: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingsError("regulator address", "", "expected https://HOST, got " + without_credentials(base_url))
    if url.userinfo:
        raise SettingsError("regulator address", "", "leave user and password out; the token is given apart")
    local = is_loopback(url.host)
    if url.scheme == "http" and not local and not allow_http:
        raise SettingsError(
            "regulator address",
            "",
            f"http://{url.host} would send token and pictures readable for all: use https://, or allow http",
        )
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(
            "regulator token", "", "expected printable ASCII without spaces; it is empty or has others"
        )
    return httpx.Client(
        base_url=str(url.copy_with(query=None, fragment=None)).rstrip("/") + API,
        headers={"Authorization": f"Bearer {token}", "User-Agent": f"kitchenvision/{__version__}"},
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
        follow_redirects=False,  # never carry the token to where a redirect points
        trust_env=not local,  # a proxy of the environment cannot reach this machine's loopback
        transport=transport,
    )


def parsed(address: str) -> httpx.URL:
    """An address, checked as far as that can be without calling it.

    Raises:
        ValueError: nothing can ever be reached there.
    """
    try:
        url = httpx.URL(address)
        url.host.encode("idna")  # as the system does when it is called
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(str(error)) from None
    if url.port is not None and not 0 < url.port < 65536:
        raise ValueError(f"Invalid port: {url.port}")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
