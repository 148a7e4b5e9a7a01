"""Everything that the database keeps sealed: sealed at the start where it is not yet, looked at, sealed anew."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import second_factor, webhook_store
from kitchenvision.regulator.account_tables import SecondFactorRow
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.vault import CannotOpen, Vault, is_sealed
from kitchenvision.regulator.webhook_tables import Webhook

_LOST = (
    "does not open what the database keeps sealed: put the right key back, or run `kitchenvision regulator "
    "forget-secrets`, after which second steps at log-in and webhooks are set up anew"
)
Row = SecondFactorRow | Webhook


@dataclass(frozen=True)
class Forgotten:
    """What could not be opened and is gone: second steps of how many people, addresses of webhooks."""

    second_factors: int
    webhooks: tuple[str, ...]


def open_vault(vault: Vault, database: Database) -> Vault:
    """Make the key where there is none, seal what a former version kept as it is, and see that all can be opened.

    Raises:
        SettingsError: the key is missing, unreadable or another one. StorageError: it cannot be written.
    """
    with database.reading() as session:
        kept = [one.secret for one in _rows(session)]
    if not vault.there():
        if any(is_sealed(one) for one in kept):
            raise SettingsError(str(vault.path), "", "is missing and so " + _LOST)
        vault.make()
    vault.check()
    with database.reading() as session:
        if not all(_opens(vault, one) for one in _rows(session)):
            raise SettingsError(vault.where, "", _LOST)
    if not all(is_sealed(one) for one in kept):
        with database.writing() as session:
            for one in _rows(session):
                if not is_sealed(one.secret):
                    one.secret = vault.seal(_purpose(one), one.secret)
    return vault


def seal_anew(vault: Vault, database: Database) -> int:
    """Seal everything under a new key, or the first of the environment; returns how many secrets that are.

    Raises:
        SettingsError: the keys cannot be read. CannotOpen: one was sealed under a key that is not here.
    """
    if not vault.of_environment:
        vault.rotate()
    with database.writing() as session:
        rows = list(_rows(session))
        for one in rows:
            one.secret = vault.fresh(_purpose(one), one.secret)
    vault.drop_old()
    return len(rows)


def forget_lost(vault: Vault, database: Database) -> Forgotten:
    """Remove what cannot be opened: second steps with their recovery codes, webhooks with what waits for them.

    Raises:
        SettingsError: the key cannot be read. StorageError: it cannot be written.
    """
    if not vault.there():
        vault.make()
    vault.check()
    with database.writing() as session:
        lost = [one for one in _rows(session) if not _opens(vault, one)]
        factors = [one.person_id for one in lost if isinstance(one, SecondFactorRow)]
        hooks = [one for one in lost if isinstance(one, Webhook)]
        for person_id in factors:
            second_factor.remove(session, person_id)
        addresses = tuple(one.url for one in hooks)
        for hook in hooks:
            webhook_store.remove(session, hook)
    return Forgotten(len(factors), addresses)


def _rows(session: Session) -> Iterator[Row]:
    yield from session.scalars(select(SecondFactorRow).order_by(SecondFactorRow.person_id))
    yield from session.scalars(select(Webhook).order_by(Webhook.webhook_id))


def _purpose(row: Row) -> str:
    if isinstance(row, SecondFactorRow):
        return second_factor.purpose(row.person_id)
    return webhook_store.purpose(row.webhook_id)


def _opens(vault: Vault, row: Row) -> bool:
    if not is_sealed(row.secret):
        return True
    try:
        vault.open(_purpose(row), row.secret)
    except CannotOpen:
        return False
    return True
