"""How mail is sent, from `mail.toml` in the regulator's data folder. Without it there is none.

host = "smtp.office.example"
port = 587
security = "starttls"                         # or "tls"; "none" on this machine only
username = "kitchen"                          # where the server asks for one
password_file = "/run/secrets/mail"           # or KITCHENVISION_MAIL_PASSWORD
sender = "kitchen@office.example"
address = "https://regulator.example"         # of this regulator, for links
ca_file = "office-ca.pem"                     # of an office's own authority; else those of the system
weekday = 1                                   # of the weekly digest: 1 = Monday
hour = 8                                      # local; from then on it is sent

The password never stands in the file itself, and an error never repeats it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.toml_file import file_text, read_toml

FILE = "mail.toml"
PASSWORD = "KITCHENVISION_MAIL_PASSWORD"  # the variable's name, not a password
Security = Literal["starttls", "tls", "none"]
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_KEYS = frozenset(
    {
        *("host", "port", "security", "username", "password_file", "sender", "address", "ca_file"),
        *("weekday", "hour"),
    }
)
_HERE = ("localhost", "127.0.0.1", "::1")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True)
class MailSettings:
    """A server that takes mail, and when the weekly digest goes.

    Attributes:
        username: empty where the server asks for none. ca_file: None = the system's authorities.
        address: of this regulator, without a slash at its end.
        weekday: 1 to 7, Monday first. hour: local, 0 to 23.
    """

    host: str
    sender: str
    address: str
    port: int = 587
    security: Security = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    weekday: int = 1
    hour: int = 8


def is_mail_address(text: str) -> bool:
    """Whether mail can go there: one plain address, without a name before it."""
    return len(text) <= 200 and _ADDRESS.fullmatch(text) is not None


def read_mail(data_dir: Path, environment: Mapping[str, str] = os.environ) -> MailSettings | None:
    """The settings of that data folder, or None without the file.

    Raises:
        SettingsError: names the key and what is allowed, never the password.
    """
    path = data_dir / FILE
    if not path.exists():
        return None
    table = read_toml(path, _KEYS)
    keys = ("host", "security", "username", "sender", "address", "ca_file")
    words = {key: _text(path, table, key) for key in keys}
    security = words["security"] or "starttls"
    if security not in _PORTS:
        raise SettingsError(str(path), "security", f"got '{security}', allowed are {', '.join(_PORTS)}")
    if not words["host"]:
        raise SettingsError(str(path), "host", "is missing")
    if security == "none" and words["host"] not in _HERE:
        raise SettingsError(str(path), "security", "mail leaves this machine with starttls or tls only")
    if not is_mail_address(words["sender"]):
        raise SettingsError(str(path), "sender", f"got '{words['sender']}', needs one such as a@office.example")
    if not words["address"].startswith(("https://", "http://")):
        raise SettingsError(str(path), "address", "needs an address such as https://regulator.example")
    return MailSettings(
        words["host"],
        words["sender"],
        words["address"].rstrip("/"),
        _number(path, table, "port", (1, 65535), _PORTS[security]),
        cast(Security, security),
        words["username"],
        _password(path, table, environment) if words["username"] else "",
        path.parent / words["ca_file"] if words["ca_file"] else None,
        _number(path, table, "weekday", (1, 7), 1),
        _number(path, table, "hour", (0, 23), 8),
    )


def _text(path: Path, table: Mapping[str, Any], key: str) -> str:
    told = table.get(key, "")
    if not isinstance(told, str):
        raise SettingsError(str(path), key, "is a text")
    return told.strip()


def _number(path: Path, table: Mapping[str, Any], key: str, span: tuple[int, int], default: int) -> int:
    told = table.get(key, default)
    if isinstance(told, bool) or not isinstance(told, int) or not span[0] <= told <= span[1]:
        raise SettingsError(str(path), key, f"got {told!r}, needs a whole number from {span[0]} to {span[1]}")
    return told


def _password(path: Path, table: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    name = _text(path, table, "password_file")
    told = file_text(path, "password_file", name) if name else environment.get(PASSWORD, "").strip()
    if not told:
        raise SettingsError(str(path), "password_file", f"is missing or empty; give it, or {PASSWORD}")
    return told
