"""Reads the settings files of a regulator's data folder."""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from kitchenvision.errors import SettingsError


def read_toml(path: Path, allowed: Collection[str]) -> dict[str, Any]:
    """What the file says; empty without one.

    Raises:
        SettingsError: it cannot be read, or has a key that is not allowed.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(str(path), "the file", f"cannot be read: {error}") from error
    only(path, table, allowed)
    return table


def file_text(path: Path, key: str, name: str) -> str:
    """What another file beside this one holds, such as a password.

    Args:
        path: of the settings file. key: that names the other file `name`.

    Raises:
        SettingsError: it cannot be read; never says what is in it.
    """
    try:
        return (path.parent / name).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingsError(str(path), key, f"{name} cannot be read: {problem}") from error


def file_secret(path: Path, key: str, name: str) -> str:
    """As `file_text`, which must not be empty.

    Raises:
        SettingsError: it cannot be read, or is empty.
    """
    secret = file_text(path, key, name)
    if not secret:
        raise SettingsError(str(path), key, f"{name} is empty")
    return secret


def only(path: Path, table: dict[str, Any], allowed: Collection[str], prefix: str = "") -> None:
    """Refuse a key that is not allowed.

    Args:
        prefix: of the keys, for a table within the file.

    Raises:
        SettingsError: names the first one.
    """
    unknown = sorted(set(table) - set(allowed))
    if unknown:
        words = ", ".join(sorted(allowed))
        raise SettingsError(str(path), prefix + unknown[0], f"is not known; allowed are {words}")
