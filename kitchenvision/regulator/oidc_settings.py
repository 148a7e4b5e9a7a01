"""Log-in by an office's own provider (OpenID Connect), from `oidc.toml` in the data folder.

issuer = "https://login.example/realms/office"
client_id = "kitchenvision"
client_secret_file = "/run/secrets/oidc"      # or KITCHENVISION_OIDC_CLIENT_SECRET
address = "https://regulator.example"         # of this regulator, as browsers know it
claim = "preferred_username"                  # whose value is the name of an account here; "email" must be verified
scopes = ["profile", "email"]                 # beside "openid"
name = "统一身份认证"                          # on the button
[newcomers]                                   # without this table, unknown people do not come in
role = "inspector"                            # or "auditor", "district"
towns = ["east"]                              # of inspectors

The secret never stands in the file itself, and an error never repeats it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.access import Role
from kitchenvision.regulator.toml_file import file_secret, only, read_toml

FILE = "oidc.toml"
CLIENT_SECRET = "KITCHENVISION_OIDC_CLIENT_SECRET"  # the variable's name, not a secret
BACK = "/login/oidc/back"
_KEYS = frozenset({"issuer", "client_id", "client_secret_file", "address", "claim", "scopes", "name", "newcomers"})
_NEWCOMERS = (Role.INSPECTOR, Role.AUDITOR, Role.DISTRICT)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Newcomers:
    """What somebody becomes whom the provider knows and this regulator does not; `towns` of an inspector."""

    role: Role
    towns: tuple[str, ...] = ()


@dataclass(frozen=True)
class OidcSettings:
    """One provider.

    Attributes:
        issuer: its address, exactly as its tokens say it.
        address: of this regulator as browsers know it, without a path at its end.
        claim: of the token, whose value is the name of an account here.
        scopes: asked for beside ``openid``. name: on the button; empty = a general word.
        newcomers: None = unknown people do not come in.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    address: str
    claim: str = "preferred_username"
    scopes: tuple[str, ...] = ("profile", "email")
    name: str = ""
    newcomers: Newcomers | None = None

    @property
    def back(self) -> str:
        """Where the provider sends browsers back to; it must be registered there."""
        return self.address + BACK


def read_oidc(data_dir: Path, environment: Mapping[str, str] = os.environ) -> OidcSettings | None:
    """The settings of that data folder, or None without the file.

    Raises:
        SettingsError: names the key and what is allowed, never the secret.
    """
    path = data_dir / FILE
    if not path.exists():
        return None
    table = read_toml(path, _KEYS)
    claim, name = table.get("claim", OidcSettings.claim), table.get("name", "")
    scopes = table.get("scopes", list(OidcSettings.scopes))
    if not isinstance(scopes, list) or not all(isinstance(one, str) and one and " " not in one for one in scopes):
        raise SettingsError(str(path), "scopes", f"got {scopes!r}, needs a list of words")
    if not isinstance(name, str) or len(name) > 40:
        raise SettingsError(str(path), "name", "is a text of at most 40 characters")
    return OidcSettings(
        issuer=_address(path, "issuer", table),
        client_id=_text(path, "client_id", table.get("client_id")),
        client_secret=_secret(path, table, environment),
        address=_address(path, "address", table).rstrip("/"),
        claim=_text(path, "claim", claim),
        scopes=tuple(one for one in scopes if one != "openid"),
        name=name.strip(),
        newcomers=_newcomers(path, table["newcomers"]) if "newcomers" in table else None,
    )


def is_safe(address: str) -> bool:
    """Whether secrets may go to that address: https, or http on this machine."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    fine = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    return bool(fine and host and "@" not in parts.netloc and address.isprintable())


def _address(path: Path, key: str, table: Mapping[str, Any]) -> str:
    told = _text(path, key, table.get(key))
    if not is_safe(told) or "?" in told or "#" in told:
        raise SettingsError(str(path), key, "needs an https address, or http on this machine, without a user")
    return told


def _text(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SettingsError(str(path), key, "is a text that is not empty")
    return value.strip()


def _secret(path: Path, table: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    if "client_secret_file" not in table:
        secret = environment.get(CLIENT_SECRET, "").strip()
        if not secret:
            raise SettingsError(str(path), "client_secret_file", f"is missing; give it, or {CLIENT_SECRET}")
        return secret
    name = _text(path, "client_secret_file", table["client_secret_file"])
    return file_secret(path, "client_secret_file", name)


def _newcomers(path: Path, table: Any) -> Newcomers:
    if not isinstance(table, dict):
        raise SettingsError(str(path), "newcomers", "is a table with a role")
    only(path, table, ("role", "towns"), "newcomers.")
    role, towns = table.get("role"), table.get("towns", [])
    if role not in _NEWCOMERS:
        raise SettingsError(str(path), "newcomers.role", f"got {role!r}, allowed are {', '.join(_NEWCOMERS)}")
    if not isinstance(towns, list) or not all(isinstance(one, str) and one for one in towns):
        raise SettingsError(str(path), "newcomers.towns", f"got {towns!r}, needs a list of towns")
    if bool(towns) != (role == Role.INSPECTOR):
        raise SettingsError(str(path), "newcomers.towns", "inspectors need a town or more, others have none")
    return Newcomers(Role(role), tuple(towns))
