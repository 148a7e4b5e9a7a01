"""Tables of what belongs to one person: tokens for programs, the second factor, log-ins half done."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from kitchenvision.regulator.tables import Base


class ApiToken(Base):
    """A personal token; only its hash is kept. `scopes`: words of `api_tokens.TokenScope` with spaces between."""

    __tablename__ = "api_tokens"
    token_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SecondFactorRow(Base):
    """The secret that a person's phone shares, sealed; it counts from `confirmed_at` on.

    `last_step` is the time step of the newest code that was taken: none is taken twice.
    """

    __tablename__ = "second_factors"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(400))
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int]


class RecoveryCode(Base):
    """A code that stands once for the phone; gone when used."""

    __tablename__ = "recovery_codes"
    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"), index=True)


class LoginStep(Base):
    """Somebody whose password was right and whose code is still asked for; only the hash of the cookie is kept."""

    __tablename__ = "login_steps"
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
