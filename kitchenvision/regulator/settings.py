"""What a regulator needs to know before it starts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kitchenvision.regulator.case_steps import CasePolicy

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True)
class RegulatorSettings:
    """Settings of one regulator.

    Attributes:
        data_dir: holds `regulator.sqlite3` and `blobs/`; made when missing.
        host, port: where to listen; port 0 takes any free one.
        language: of pages for a browser that asks for neither Chinese nor English.
        timezone: IANA name; absolute times on pages are shown in it.
        session_s: a person is logged out after this many seconds.
        max_report_bytes, max_blob_bytes: larger bodies are refused with 413.
        database_url: SQLAlchemy address instead of the SQLite file in `data_dir`.
        cases: deadlines, the term of appeals, and when being late brings a card.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8480
    language: Language = "zh"
    timezone: str = "Asia/Shanghai"
    session_s: float = 12 * 3600.0
    max_report_bytes: int = 1_000_000
    max_blob_bytes: int = 200_000_000
    database_url: str = ""
    cases: CasePolicy = field(default_factory=CasePolicy)

    @property
    def url(self) -> str:
        """SQLAlchemy address of the database."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'regulator.sqlite3').absolute()}"
