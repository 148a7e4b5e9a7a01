"""What all sections of edge.toml share: frozen, no unknown key, and secrets that are elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from kitchenvision.errors import SettingsError


class Section(BaseModel):
    """A table. A wrong value is never repeated in an error: it may be a password."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def from_environment(environment: Mapping[str, str], name: str, where: str, key: str) -> str:
    """A secret of the environment.

    Raises:
        SettingsError: the variable is not set.
    """
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(where, key, f"the environment variable {name} is not set")
    return value


def from_file(path: Path, where: str, key: str) -> str:
    """A secret of a file, without the line's end.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(where, key, f"{path} cannot be read") from error
