"""The small file in which a model that looks along keeps what it has found out."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from kitchenvision.wire_box import BoxModel, BoxShadow

REPORT = "shadow.json"
"""Its name, in the data folder."""


class ShadowReport(BaseModel):
    """The file. old: the model that accuses. shadow: what became of the other one."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    version: Literal[1] = 1
    old: BoxModel
    shadow: BoxShadow


def read_report(path: Path) -> ShadowReport | None:
    """None where there is none yet, or none that can be read."""
    try:
        return ShadowReport.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
