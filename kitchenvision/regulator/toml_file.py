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
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(str(path), "the file", f"cannot be read: {error}") from error
    only(path, table, allowed)
    return table


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
