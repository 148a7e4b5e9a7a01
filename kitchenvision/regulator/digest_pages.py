"""One's own weekly digest: asked for, ended, and how the last week's looks."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import digest, digest_mail, digest_store
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.auth import form_with, page_with
from kitchenvision.regulator.digest_sender import made_for
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.rendering import Words, render, words_of

router = APIRouter()
Reader = Annotated[Visitor, Depends(page_with(Right.REVIEW))]
ReaderForm = Annotated[Visitor, Depends(form_with(Right.REVIEW))]


@router.get("/digest", response_model=None)
def digest_page(request: Request, visitor: Reader, parts: NeedsParts) -> Response:
    """The form to ask for it, what became of the newest one, and a preview of the last week."""
    return _page(request, visitor, parts)


@router.post("/digest", response_model=None)
def ask_for_digest(
    request: Request,
    visitor: ReaderForm,
    parts: NeedsParts,
    email: Annotated[str, Form(max_length=300)] = "",
    language: Annotated[str, Form(max_length=10)] = "zh",
) -> Response:
    """From now on it is sent to that address."""
    try:
        with parts.database.writing() as session:
            digest_store.ask(session, visitor, email, language, now())
    except SettingsError:
        return _page(request, visitor, parts, problem="digest.wrong")
    return _page(request, visitor, parts, done="digest.asked_now")


@router.post("/digest/stop", response_model=None)
def stop_digest(request: Request, visitor: ReaderForm, parts: NeedsParts) -> Response:
    """It is sent no more."""
    with parts.database.writing() as session:
        digest_store.stop(session, visitor.person_id)
    return _page(request, visitor, parts, done="digest.stopped")


def _page(request: Request, visitor: Visitor, parts: Parts, problem: str = "", done: str = "") -> Response:
    at = now().astimezone(ZoneInfo(parts.settings.timezone))
    with parts.database.reading() as session:
        wish = digest_store.wish_of(session, visitor.person_id)
        newest = digest_store.newest_of(session, visitor.person_id)
    words = words_of(request)
    told = made_for(parts, visitor.person_id, digest.last_week(at), at)
    made = digest_mail.values(words, told, "", mail=False)
    del made["t"]  # `render` has its own
    return render(
        request,
        "digest.html",
        422 if problem else 200,
        visitor=visitor,
        wish=wish,
        newest=newest,
        email="" if wish is None else wish.email,
        language=words.language if wish is None else wish.language,
        when=_when(parts, words),
        problem=problem,
        done=done,
        plain=digest_mail.plain(words, told, "" if parts.settings.mail is None else parts.settings.mail.address),
        **made,
    )


def _when(parts: Parts, words: Words) -> str:
    mail = parts.settings.mail
    if mail is None:
        return ""
    return words("digest.when", weekday=words(f"digest.day{mail.weekday}"), hour=mail.hour)
