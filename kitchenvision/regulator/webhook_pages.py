"""Pages of webhooks, for whoever sets a district's policy: addresses, their events, what came of each call."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import admin_log
from kitchenvision.regulator import webhook_store as store
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.auth import form_with, page_with
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import render
from kitchenvision.regulator.webhook_store import PING, Event, Happening
from kitchenvision.regulator.webhook_tables import Webhook

router = APIRouter()
Maker = Annotated[Visitor, Depends(page_with(Right.POLICY))]
MakerForm = Annotated[Visitor, Depends(form_with(Right.POLICY))]


@dataclass(frozen=True)
class Told:
    """What a step led to: why not, and a secret that is shown this once."""

    problem: str = ""
    secret: str = ""


@router.get("/webhooks", response_model=None)
def webhooks_page(request: Request, visitor: Maker, parts: NeedsParts) -> Response:
    """Every webhook of the district, and a form to add one."""
    return _page(request, visitor, parts, Told())


@router.post("/webhooks", response_model=None)
def add_webhook(
    request: Request,
    visitor: MakerForm,
    parts: NeedsParts,
    url: Annotated[str, Form(max_length=1000)] = "",
    event: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Add one; the secret that signs its calls is shown this once."""
    try:
        with parts.database.writing() as session:
            wish = (url, tuple(event or ()))
            secret = store.add(session, parts.vault, visitor.scope, visitor.person_id, wish, now())
            admin_log.note(session, visitor, now(), "webhook_added", url)
    except SettingsError as error:
        return _page(request, visitor, parts, Told(problem=str(error)))
    return _page(request, visitor, parts, Told(secret=secret))


@router.get("/webhooks/{webhook_id}", response_model=None)
def webhook_page(webhook_id: int, request: Request, visitor: Maker, parts: NeedsParts) -> Response:
    """One webhook with its newest calls and what was answered.

    Raises:
        Refused: 404.
    """
    with parts.database.reading() as session:
        one = _webhook(session, visitor, webhook_id)
        listed = store.deliveries(session, webhook_id)
    return render(request, "webhook.html", visitor=visitor, one=one, listed=listed)


@router.post("/webhooks/{webhook_id}/disabled", response_model=None)
def set_disabled(
    webhook_id: int, visitor: MakerForm, parts: NeedsParts, disabled: Annotated[bool, Form()]
) -> Response:
    """Call it no more, or again; what waited meanwhile is sent then."""
    with parts.database.writing() as session:
        one = _webhook(session, visitor, webhook_id)
        one.disabled_at, one.failing_since = (now() if disabled else None), None
        admin_log.note(session, visitor, now(), "webhook_off" if disabled else "webhook_on", one.url)
    return RedirectResponse(f"/webhooks/{webhook_id}", 303)


@router.post("/webhooks/{webhook_id}/remove", response_model=None)
def remove_webhook(webhook_id: int, visitor: MakerForm, parts: NeedsParts) -> Response:
    """Forget it, with all that was or is to be sent."""
    with parts.database.writing() as session:
        one = _webhook(session, visitor, webhook_id)
        admin_log.note(session, visitor, now(), "webhook_removed", one.url)
        store.remove(session, one)
    return RedirectResponse("/webhooks", 303)


@router.post("/webhooks/{webhook_id}/ping", response_model=None)
def ping(webhook_id: int, visitor: MakerForm, parts: NeedsParts) -> Response:
    """Send an event `ping`, to see whether it arrives."""
    at = now()
    with parts.database.writing() as session:
        one = _webhook(session, visitor, webhook_id)
        store.queue(session, one, [Happening(f"ping:{at.isoformat()}", PING, at, one.district_id, {})], at)
    return RedirectResponse(f"/webhooks/{webhook_id}", 303)


@router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/again", response_model=None)
def send_again(webhook_id: int, delivery_id: int, visitor: MakerForm, parts: NeedsParts) -> Response:
    """Send one delivery once more.

    Raises:
        Refused: 404.
    """
    with parts.database.writing() as session:
        _webhook(session, visitor, webhook_id)
        if not store.send_again(session, webhook_id, delivery_id, now()):
            raise Refused(404, "not-there", "there is no such delivery", field="delivery_id")
    return RedirectResponse(f"/webhooks/{webhook_id}", 303)


def _webhook(session: Session, visitor: Visitor, webhook_id: int) -> Webhook:
    one = store.webhook_in(session, visitor.scope, webhook_id)
    if one is None:
        raise Refused(404, "not-there", "there is no such webhook", field="webhook_id")
    return one


def _page(request: Request, visitor: Visitor, parts: Parts, told: Told) -> Response:
    with parts.database.reading() as session:
        listed = store.webhooks(session, visitor.scope)
    return render(
        request,
        "webhooks.html",
        422 if told.problem else 200,
        visitor=visitor,
        listed=listed,
        events=list(Event),
        told=told,
    )
