"""The queue of webhooks: addresses of a district, what waits, what came of it. Everything is in the database."""

import base64
import json
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.access import Right, Scope
from kitchenvision.regulator.tables import DEFAULT_DISTRICT
from kitchenvision.regulator.vault import Vault
from kitchenvision.regulator.webhook_tables import Webhook, WebhookDelivery

MOST_WEBHOOKS = 20
LISTED = 50
KEPT = timedelta(days=30)
# Seconds until the next try after a failed one; then it is given up.
BACK_OFF_S = (10, 60, 300, 1800, 7200, 21600, 43200, 86400)
CLAIM_S = 120.0
LANE = "webhooks"  # of writers


class Event(StrEnum):
    """What is told."""

    INCIDENT_CONFIRMED = "incident.confirmed"
    CASE_OPENED = "case.opened"
    CASE_OVERDUE = "case.overdue"
    CASE_CLOSED = "case.closed"
    APPEAL_DECIDED = "appeal.decided"
    COLOUR_CHANGED = "colour.changed"
    CAMERA_BLIND = "camera.blind"


PING = "ping"


@dataclass(frozen=True)
class Happening:
    """One event. `key` names it for good: the same one is never queued twice for a webhook."""

    key: str
    event: str
    at: datetime
    district_id: str
    data: dict[str, Any]

    def body(self) -> str:
        """What is sent, as JSON."""
        told = {"type": self.event, "timestamp": self.at.isoformat(), "data": self.data}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def purpose(webhook_id: int) -> str:
    """What that webhook's secret is sealed for."""
    return f"webhook {webhook_id}"


def add(
    session: Session,
    vault: Vault,
    scope: Scope,
    person_id: int,
    wish: tuple[str, Collection[str]],
    now: datetime,
) -> str:
    """A new webhook of the scope's district; returns its secret, which cannot be read again.

    Args:
        wish: address and events.

    Raises:
        SettingsError: the address is neither https nor http on this machine, no or an unknown event, too many.
    """
    url, events = wish[0].strip(), [one.value for one in Event if one in wish[1]]
    check_url(url)
    if not events or len(events) != len(set(wish[1])):
        raise SettingsError("webhook", "events", f"choose at least one of {', '.join(Event)}")
    district_id = scope.district_id or DEFAULT_DISTRICT
    there = select(func.count()).select_from(Webhook).where(Webhook.district_id == district_id)
    if (session.scalar(there) or 0) >= MOST_WEBHOOKS:
        raise SettingsError("webhook", "url", f"{MOST_WEBHOOKS} are there; remove one first")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    row = Webhook(
        district_id=district_id,
        url=url,
        secret="",
        events=" ".join(events),
        created_at=now,
        created_by=person_id,
    )
    session.add(row)
    session.flush()
    row.secret = vault.seal(purpose(row.webhook_id), secret)
    return secret


def check_url(url: str) -> None:
    """Refuse an address that may never be called.

    Raises:
        SettingsError: not https (or http on this machine), a user in it, or too long.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError("webhook", "url", "is not an address") from error
    here = host in ("localhost", "127.0.0.1", "::1")
    fine = parts.scheme == "https" or (parts.scheme == "http" and here)
    if not fine or not host or "@" in parts.netloc or len(url) > 500 or not url.isascii() or not url.isprintable():
        raise SettingsError("webhook", "url", "needs an https address, or http on this machine, without a user")


def webhooks(session: Session, scope: Scope) -> list[Webhook]:
    """Those of the scope's district; nothing without the right to its policy."""
    query = select(Webhook).where(Webhook.district_id == scope.district_id).order_by(Webhook.webhook_id)
    return list(session.scalars(query)) if scope.may(Right.POLICY) else []


def webhook_in(session: Session, scope: Scope, webhook_id: int) -> Webhook | None:
    """That one, or None when there is none in this scope."""
    return next((one for one in webhooks(session, scope) if one.webhook_id == webhook_id), None)


def remove(session: Session, webhook: Webhook) -> None:
    """Forget a webhook with all that was or is to be sent."""
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.webhook_id))
    session.delete(webhook)


def deliveries(session: Session, webhook_id: int) -> list[WebhookDelivery]:
    """The newest, at most `LISTED`."""
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    return list(session.scalars(query.order_by(WebhookDelivery.delivery_id.desc()).limit(LISTED)))


def queue(session: Session, webhook: Webhook, happenings: Iterable[Happening], now: datetime) -> int:
    """Put what is new into the queue; returns how many that were."""
    wanted = {one.key: one for one in happenings}
    known = select(WebhookDelivery.event_key).where(
        WebhookDelivery.webhook_id == webhook.webhook_id, WebhookDelivery.event_key.in_(wanted)
    )
    for key in session.scalars(known):
        del wanted[key]
    session.add_all(
        WebhookDelivery(
            webhook_id=webhook.webhook_id,
            event_key=one.key,
            event=one.event,
            body=one.body(),
            created_at=now,
            attempts=0,
            due_at=now,
            answer="",
        )
        for one in wanted.values()
    )
    session.flush()
    return len(wanted)


def send_again(session: Session, webhook_id: int, delivery_id: int, now: datetime) -> bool:
    """Put a delivery of that webhook into the queue once more; whether there is one."""
    own = update(WebhookDelivery).where(
        WebhookDelivery.delivery_id == delivery_id, WebhookDelivery.webhook_id == webhook_id
    )
    anew = own.values(due_at=now, attempts=0, delivered_at=None)
    return session.execute(anew.returning(WebhookDelivery.delivery_id)).first() is not None


@dataclass(frozen=True)
class Claimed:
    """A delivery that this caller may send for `CLAIM_S` seconds."""

    delivery_id: int
    webhook_id: int
    url: str
    secret: str
    body: str
    attempts: int


def anything_due(session: Session, now: datetime) -> bool:
    """Whether something waits that may be sent, so that a writer is worth its while."""
    due = select(WebhookDelivery.delivery_id).where(WebhookDelivery.due_at <= now).limit(1)
    return session.scalar(due) is not None


def claim(session: Session, vault: Vault, now: datetime, but: Collection[int] = ()) -> Claimed | None:
    """The delivery that is due longest, or None. Others do not get it meanwhile; it is due again if nobody reports.

    Args:
        but: webhooks that are left out.
    """
    due = (
        select(WebhookDelivery.delivery_id)
        .join(Webhook, Webhook.webhook_id == WebhookDelivery.webhook_id)
        .where(WebhookDelivery.due_at <= now, Webhook.disabled_at.is_(None), Webhook.webhook_id.not_in(but))
        .order_by(WebhookDelivery.due_at, WebhookDelivery.delivery_id)
        .limit(1)
        .scalar_subquery()
    )
    taken = update(WebhookDelivery).where(WebhookDelivery.delivery_id == due)
    taken = taken.values(due_at=now + timedelta(seconds=CLAIM_S), attempts=WebhookDelivery.attempts + 1)
    row = session.execute(taken.returning(WebhookDelivery)).scalar_one_or_none()
    if row is None:
        return None
    hook = session.get_one(Webhook, row.webhook_id)
    secret = vault.open(purpose(hook.webhook_id), hook.secret)
    return Claimed(row.delivery_id, row.webhook_id, hook.url, secret, row.body, row.attempts)


def report(
    session: Session, sent: Claimed, answer: tuple[int | None, str], now: datetime, give_up: timedelta
) -> None:
    """Keep what came of a try: delivered with 2xx, else tried again later; a webhook that fails too long is off.

    Args:
        answer: status, None when there was none; the first words of it.
    """
    status, words = answer
    row, hook = session.get(WebhookDelivery, sent.delivery_id), session.get(Webhook, sent.webhook_id)
    if row is None or hook is None:
        return  # removed meanwhile
    row.status, row.answer = status, words[:300]
    if status is not None and 200 <= status < 300:
        row.delivered_at, row.due_at, hook.failing_since = now, None, None
        return
    hook.failing_since = hook.failing_since or now
    wait = BACK_OFF_S[sent.attempts - 1] if sent.attempts <= len(BACK_OFF_S) else None
    row.due_at = None if wait is None else now + timedelta(seconds=wait)
    if now - hook.failing_since >= give_up:
        hook.disabled_at = now


def forget_old(session: Session, now: datetime) -> None:
    """Drop what was delivered or given up long ago."""
    session.execute(
        delete(WebhookDelivery).where(WebhookDelivery.due_at.is_(None), WebhookDelivery.created_at < now - KEPT)
    )
