"""The second factor: a code of six digits from an app on the phone (TOTP, RFC 6238), and codes for a lost phone.

The secret is kept sealed, since it must be computed with; recovery codes as hashes. Nothing here logs.
"""

import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from pyotp.utils import strings_equal
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from kitchenvision.regulator.account_tables import LoginStep, RecoveryCode, SecondFactorRow
from kitchenvision.regulator.canteens import token_hash
from kitchenvision.regulator.vault import Vault

LOGIN_STEP_S = 300.0
RECOVERY_CODES = 10
_ISSUER = "kitchenvision"
_DRIFT = (0, -1, 1)  # steps of 30 s by which a phone's clock may be off


@dataclass(frozen=True)
class Offer:
    """What a phone scans: the secret and the address that its QR code holds."""

    secret: str
    uri: str


@dataclass(frozen=True)
class Standing:
    """Since when somebody has a second factor, None without one, and how many recovery codes are left."""

    since: datetime | None
    codes_left: int


def standing(session: Session, person_id: int) -> Standing:
    """How it stands with that person."""
    row = session.get(SecondFactorRow, person_id)
    left = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.person_id == person_id)
    return Standing(None if row is None else row.confirmed_at, session.scalar(left) or 0)


def purpose(person_id: int) -> str:
    """What that person's secret is sealed for."""
    return f"second factor {person_id}"


def begin(session: Session, vault: Vault, person_id: int, username: str) -> Offer | None:
    """A new secret, which counts once a code of it is confirmed; None when one counts already."""
    row = session.get(SecondFactorRow, person_id)
    if row is not None and row.confirmed_at is not None:
        return None
    secret = pyotp.random_base32()
    sealed = vault.seal(purpose(person_id), secret)
    if row is None:
        row = SecondFactorRow(person_id=person_id, secret=sealed, last_step=0)
        session.add(row)
    row.secret, row.last_step = sealed, 0
    return _offer(secret, username)


def offered(session: Session, vault: Vault, person_id: int, username: str) -> Offer | None:
    """The secret that waits to be confirmed, or None."""
    row = session.get(SecondFactorRow, person_id)
    if row is None or row.confirmed_at is not None:
        return None
    return _offer(vault.open(purpose(person_id), row.secret), username)


def confirm(session: Session, vault: Vault, person_id: int, code: str, now: datetime) -> list[str] | None:
    """From now on a code is asked for; returns the recovery codes, which cannot be read again.

    None when the code is wrong, or nothing waits to be confirmed.
    """
    row = session.get(SecondFactorRow, person_id)
    if row is None or row.confirmed_at is not None or not _taken(session, vault, row, code, now):
        return None
    row.confirmed_at = now
    return renew_codes(session, person_id)


def renew_codes(session: Session, person_id: int) -> list[str]:
    """New recovery codes; the old ones end."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    codes = [b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(code_sha256=token_hash(code), person_id=person_id) for code in codes)
    return ["-".join(code[i : i + 4] for i in range(0, 16, 4)) for code in codes]


def fits(session: Session, vault: Vault, person_id: int, code: str, now: datetime) -> bool:
    """Whether it is this person's code of now, or a recovery code; either is used up by this. Needs a writer."""
    row = session.get(SecondFactorRow, person_id)
    if row is None or row.confirmed_at is None:
        return False
    if _taken(session, vault, row, code, now):
        return True
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    used = delete(RecoveryCode).where(
        RecoveryCode.code_sha256 == token_hash(plain), RecoveryCode.person_id == person_id
    )
    return session.execute(used.returning(RecoveryCode.person_id)).first() is not None


def remove(session: Session, person_id: int) -> None:
    """Ask for no code any more."""
    session.execute(delete(SecondFactorRow).where(SecondFactorRow.person_id == person_id))
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))


def begin_login(session: Session, person_id: int, now: datetime) -> str:
    """Note that the password was right; returns what goes into the cookie until the code is."""
    session.execute(delete(LoginStep).where(LoginStep.expires_at <= now))
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(seconds=LOGIN_STEP_S)
    session.add(LoginStep(token_sha256=token_hash(token), person_id=person_id, expires_at=expires_at))
    return token


def whose_login(session: Session, token: str, now: datetime) -> int | None:
    """Whose log-in is half done, or None when there is none or it took too long."""
    asked = (LoginStep.token_sha256 == token_hash(token)) & (LoginStep.expires_at > now)
    return session.scalar(select(LoginStep.person_id).where(asked))


def end_login(session: Session, token: str) -> None:
    """The half-done log-in is over."""
    session.execute(delete(LoginStep).where(LoginStep.token_sha256 == token_hash(token)))


def _offer(secret: str, username: str) -> Offer:
    return Offer(secret, pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=_ISSUER))


def _taken(session: Session, vault: Vault, row: SecondFactorRow, code: str, now: datetime) -> bool:
    totp = pyotp.TOTP(vault.open(purpose(row.person_id), row.secret))
    digits = "".join(code.split())
    for off in _DRIFT:
        step = totp.timecode(now) + off
        if strings_equal(totp.generate_otp(step), digits):
            # In the database, so that of two who send the same code at once only one gets in.
            newer = (SecondFactorRow.person_id == row.person_id) & (SecondFactorRow.last_step < step)
            change = update(SecondFactorRow).where(newer).values(last_step=step)
            return session.execute(change.returning(SecondFactorRow.person_id)).first() is not None
    return False
