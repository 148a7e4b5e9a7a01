"""What a regulator needs to know before it starts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlalchemy import URL

from kitchenvision.regulator.case_steps import CasePolicy
from kitchenvision.regulator.mail_settings import MailSettings
from kitchenvision.regulator.oidc_settings import OidcSettings
from kitchenvision.regulator.second_reviews import SecondPolicy
from kitchenvision.regulator.storage_settings import StorageSettings
from kitchenvision.regulator.webhook_settings import WebhookSettings

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
        storage: PostgreSQL and a bucket instead of the files in `data_dir`.
        cases: deadlines, the term of appeals, and when being late brings a card.
        second: which decisions another person looks at again.
        webhooks: where they may go, and when they are given up.
        mail: how it is sent; None = not at all.
        oidc: the office's own provider of log-ins; None = passwords only.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8480
    language: Language = "zh"
    timezone: str = "Asia/Shanghai"
    session_s: float = 12 * 3600.0
    max_report_bytes: int = 1_000_000
    max_blob_bytes: int = 200_000_000
    storage: StorageSettings = field(default_factory=StorageSettings)
    cases: CasePolicy = field(default_factory=CasePolicy)
    second: SecondPolicy = field(default_factory=SecondPolicy)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    oidc: OidcSettings | None = None
    mail: MailSettings | None = None

    @property
    def url(self) -> URL | str:
        """SQLAlchemy address of the database."""
        return self.storage.database or f"sqlite:///{(self.data_dir / 'regulator.sqlite3').absolute()}"
