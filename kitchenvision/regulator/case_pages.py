"""Pages of cases: list and timeline for inspectors, one thing to do for people of a canteen, the notice as PDF."""

from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kitchenvision.regulator import canteens, case_store, store
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.auth import form_with, page_with
from kitchenvision.regulator.case_steps import CaseState, CaseStep, CaseStepRefused, Kind
from kitchenvision.regulator.case_store import CaseFile, NoSuchCase
from kitchenvision.regulator.case_view import Waiting, case_view, listed, shot
from kitchenvision.regulator.decisions import OTHER_REASON, REASONS
from kitchenvision.regulator.notice import MOST_PICTURES, notice
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.photos import MAX_PHOTO_BYTES, PhotoRefused, keep_photo, media_type
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import render

router = APIRouter()
CaseReader = Annotated[Visitor, Depends(page_with(Right.READ))]
CaseDecider = Annotated[Visitor, Depends(form_with(Right.DECIDE))]
CanteenPerson = Annotated[Visitor, Depends(form_with(Right.ANSWER))]
Words = Annotated[str, Form(max_length=10_000)]


@router.get("/cases", response_model=None)
def case_list(
    request: Request,
    visitor: CaseReader,
    parts: NeedsParts,
    state: CaseState | Literal[""] = "",
    number: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Cases by deadline, and confirmed incidents that wait for a notice. A canteen's people see their own.

    Args:
        number: a part of a case's number; where one case alone has it, to that case.
    """
    at, policy, number = now(), parts.settings.cases, number.strip()
    with parts.database.reading() as session:
        shown = listed(session, visitor, ((state,) if state else (), number), at, policy)
        if number and len(shown) == 1:
            return RedirectResponse(f"/cases/{shown[0].line.row.case_id}", 303)
        if visitor.scope.may(Right.ANSWER):
            mine = [one for one in shown if one.term is not None]
            rest = [one for one in shown if one.term is None]
            return render(request, "my_cases.html", visitor=visitor, mine=mine, rest=rest)
        names = {one.canteen_id: one.name for one in canteens.canteens(session, visitor.scope)}
        orders = visitor.scope.may(Right.DECIDE) and not number
        waiting = case_store.waiting(session, visitor.scope, at) if orders else ()
        return render(
            request,
            "cases.html",
            visitor=visitor,
            state=state,
            number=number,
            states=list(CaseState),
            counts=case_store.count_by_state(session, visitor.scope),
            cases=shown,
            waiting=[Waiting(one, names.get(one.place[0], one.place[0])) for one in waiting],
        )


@router.post("/cases", response_model=None)
def open_case(
    visitor: CaseDecider, parts: NeedsParts, incident_id: Annotated[str, Form(max_length=64)]
) -> Response:
    """Order rectification of a confirmed incident.

    Raises:
        Refused: 404, it does not wait for a case (any more).
    """
    try:
        with parts.database.writing() as session:
            case_id = case_store.open_case(
                session, visitor.scope, incident_id, visitor.person_id, now(), parts.settings.cases
            )
    except NoSuchCase as error:
        raise _not_there() from error
    return RedirectResponse(f"/cases/{case_id}", 303)


@router.get("/cases/{case_id}", response_model=None)
def case_page(case_id: int, request: Request, visitor: CaseReader, parts: NeedsParts) -> Response:
    """One case: its timeline, or for the canteen's people what to do.

    Raises:
        Refused: 404.
    """
    return _page(request, visitor, parts, case_id)


@dataclass(frozen=True)
class Ruling:
    """What an inspector's form holds."""

    kind: Kind
    words: str
    reason: int | None


def ruling_form(
    kind: Annotated[Literal["returned", "accepted", "upheld", "overturned"], Form()],
    words: Words = "",
    reason: Annotated[int | None, Form(ge=1, le=OTHER_REASON)] = None,
) -> Ruling:
    """The form of a ruling; `reason` counts for overturning only."""
    return Ruling(Kind(kind), words, reason if kind == "overturned" else None)


@router.post("/cases/{case_id}/ruling", response_model=None)
def rule_on_case(
    case_id: int,
    request: Request,
    visitor: CaseDecider,
    parts: NeedsParts,
    ruled: Annotated[Ruling, Depends(ruling_form)],
) -> Response:
    """Accept or return an answer, dismiss or grant an appeal.

    Raises:
        Refused: 404. What the case does not allow is said on the page.
    """
    return _stepped(
        request, visitor, parts, case_id, CaseStep(ruled.kind, visitor.person_id, ruled.words, reason=ruled.reason)
    )


@dataclass(frozen=True)
class Sent:
    """What a canteen's form holds; `photo` is empty without one, and cut off behind the limit."""

    kind: Kind
    words: str
    photo: bytes


def sent_form(
    kind: Annotated[Literal["answered", "appealed"], Form()],
    words: Words = "",
    photo: Annotated[UploadFile | None, File()] = None,
) -> Sent:
    """The form of a rectification or an appeal."""
    data = b"" if photo is None else photo.file.read(MAX_PHOTO_BYTES + 1)
    return Sent(Kind(kind), words, data)


@router.post("/cases/{case_id}/answer", response_model=None)
def answer_case(
    case_id: int,
    request: Request,
    visitor: CanteenPerson,
    parts: NeedsParts,
    sent: Annotated[Sent, Depends(sent_form)],
) -> Response:
    """Rectify with a photo and words, or appeal with words.

    Raises:
        Refused: 404. What is missing is said on the page, which keeps the words.
    """
    with parts.database.reading() as session:
        _file(session, visitor, case_id)
    try:
        photo = keep_photo(parts.blobs, sent.photo) if sent.photo else None
    except PhotoRefused as error:
        return _page(request, visitor, parts, case_id, (error.why, sent.words, sent.kind))
    return _stepped(request, visitor, parts, case_id, CaseStep(sent.kind, visitor.person_id, sent.words, photo))


@router.get("/cases/{case_id}/photos/{seq}", response_model=None)
def case_photo(case_id: int, seq: int, visitor: CaseReader, parts: NeedsParts) -> Response:
    """The photo of an answer or appeal.

    Raises:
        Refused: 404.
    """
    with parts.database.reading() as session:
        events = _file(session, visitor, case_id).events
    sha256 = events[seq - 1].photo_sha256 if 1 <= seq <= len(events) else None
    if sha256 is None:
        raise _not_there()
    data = b"".join(parts.blobs.chunks(sha256))
    headers = {"Cache-Control": "private, max-age=86400", "ETag": f'"{sha256}"'}
    return Response(data, media_type=media_type(data[:16]) or "application/octet-stream", headers=headers)


@router.get("/cases/{case_id}/notice.pdf", response_model=None)
def notice_file(case_id: int, request: Request, visitor: CaseReader, parts: NeedsParts) -> Response:
    """The notice of rectification to print: Chinese, with pictures, number and a QR code to the case.

    Raises:
        Refused: 404.
    """
    with parts.database.reading() as session:
        file = _file(session, visitor, case_id)
        pictures = [
            (
                row,
                store.blob(session, visitor.scope, row.violation_id, "snapshot"),
                shot(session, visitor.scope, row.violation_id),
            )
            for row in file.violations[:MOST_PICTURES]
        ]
    shown = []
    for row, kept, framed in pictures:
        if kept is not None:
            parts.views.note(parts.database, (visitor.person_id, row.violation_id, "snapshot"), now())
            shown.append((row, b"".join(parts.blobs.chunks(kept.sha256)), framed))
    address = str(request.url_for("case_page", case_id=case_id))
    data = notice(file, shown, address, ZoneInfo(parts.settings.timezone))
    name = f"notice-{file.row.number}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(data, media_type="application/pdf", headers=headers)


def _stepped(request: Request, visitor: Visitor, parts: Parts, case_id: int, step: CaseStep) -> Response:
    try:
        with parts.database.writing() as session:
            case_store.take_step(session, visitor.scope, case_id, step, now(), parts.settings.cases)
    except NoSuchCase as error:
        raise _not_there() from error
    except CaseStepRefused as error:
        return _page(request, visitor, parts, case_id, (error.why, step.words, step.kind))
    return RedirectResponse(f"/cases/{case_id}", 303)


def _page(
    request: Request,
    visitor: Visitor,
    parts: Parts,
    case_id: int,
    refused: tuple[str, str, Kind | None] = ("", "", None),
) -> Response:
    why, words, kind = refused
    with parts.database.reading() as session:
        file = _file(session, visitor, case_id)
        view = case_view(session, visitor, file, now(), parts.settings.cases)
        return render(
            request,
            "my_case.html" if visitor.scope.may(Right.ANSWER) else "case.html",
            409 if why else 200,
            visitor=visitor,
            view=view,
            case=file.row,
            why=why,
            words=words,
            tried=kind or "",
            reasons=REASONS,
        )


def _file(session: Session, visitor: Visitor, case_id: int) -> CaseFile:
    found = case_store.case_file(session, visitor.scope, case_id)
    if found is None:
        raise _not_there()
    return found


def _not_there() -> Refused:
    return Refused(404, "not-there", "there is no such case", field="case_id")
