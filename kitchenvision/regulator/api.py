"""Reading: lists with filters and cursor pages, one violation, its pictures, clip and trace."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy.orm import Session
from starlette.types import Receive, Scope, Send

from kitchenvision.regulator import feedback, history, store, views
from kitchenvision.regulator.auth import ApiReader, Auditor, Learner, Reader
from kitchenvision.regulator.blobs import BlobStore
from kitchenvision.regulator.conditional import json_answer
from kitchenvision.regulator.listing import Cursor, ListQuery, read_cursor
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.store import Kept
from kitchenvision.regulator.tables import ViolationRow
from kitchenvision.wire import BlobRole

router = APIRouter(prefix="/api/v1")
BlobPath = Literal["snapshot", "head_crop", "clip", "trace"]
# Other types are sent as bytes to save: a report must not be able to make a page run.
SHOWN_TYPES = frozenset(
    {"image/jpeg", "image/png", "image/webp", "video/mp4", "video/x-matroska", "video/mp2t", "application/json"}
)
_AT_ONCE_BYTES = 1_000_000
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


@router.get("/violations", response_model=None)
def list_violations(
    request: Request, reader: ApiReader, parts: NeedsParts, asked: Annotated[ListQuery, Query()]
) -> Response:
    """Violations, newest first: `items`, `total`, and `next_cursor` when there are more."""
    if reader.scope.canteen_id is not None:
        asked = asked.model_copy(update={"canteen": reader.scope.canteen_id})
    cursor = read_cursor(asked.cursor) if asked.cursor else None
    with parts.database.reading() as session:
        rows = store.page(session, reader.scope, asked, asked.limit + 1, cursor)
        total = store.count(session, reader.scope, asked)
    more = len(rows) > asked.limit
    rows = rows[: asked.limit]
    following = Cursor(rows[-1].captured_at, rows[-1].violation_id).text() if more else None
    told = {"items": [_summary(row) for row in rows], "total": total, "next_cursor": following}
    return json_answer(request, told)


@router.get("/violations/{violation_id}", response_model=None)
def one_violation(request: Request, violation_id: str, reader: ApiReader, parts: NeedsParts) -> Response:
    """One violation with its reports, as they came, and every decision on it."""
    with parts.database.reading() as session:
        row = _readable(session, violation_id, reader)
        reports = [json.loads(body) for _, body in store.reports(session, reader.scope, violation_id)]
        decisions = history.decisions(session, reader.scope, violation_id)
    told = [{**asdict(one), "decided_at": one.decided_at.isoformat()} for one in decisions]
    return json_answer(request, {**_summary(row), "reports": reports, "decisions": told})


@router.get("/violations/{violation_id}/{role}", response_model=None)
def one_blob(violation_id: str, role: BlobPath, reader: ApiReader, parts: NeedsParts, request: Request) -> Response:
    """A picture, the clip or the trace; a `Range` header gets a part."""
    with parts.database.question() as asked:
        kept = store.blob(asked, reader.scope, violation_id, _role(role))
    if kept is None:
        raise _no_blob(parts, violation_id, role, reader)
    parts.views.note(parts.database, (reader.person_id, violation_id, role), now())
    return _blob_answer(parts.blobs, kept, request)


def _no_blob(parts: Parts, violation_id: str, role: BlobPath, reader: Reader) -> Refused:
    with parts.database.reading() as session:
        _readable(session, violation_id, reader)
        gone = store.gone(session, reader.scope, violation_id, _role(role))
    if gone:
        return Refused(
            410, "no-longer-kept", f"the {role} is no longer kept", "its time was over; its hash remains"
        )
    return Refused(404, "not-there", f"this violation has no {role}", "it may still be on its way")


@router.get("/picture-views", response_model=None)
def picture_views(
    request: Request, reader: Auditor, parts: NeedsParts, violation_id: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Who saw which picture when, newest first, at most 500; of one violation, or of all."""
    with parts.database.reading() as session:
        found = views.newest(session, reader.scope, violation_id or None)
    return json_answer(request, {"items": [{**asdict(one), "seen_at": one.seen_at.isoformat()} for one in found]})


@router.get("/feedback", response_model=None)
def list_feedback(
    request: Request,
    reader: Learner,
    parts: NeedsParts,
    confirmed: Annotated[float, Query(ge=0, le=1)] = 0.2,
    cursor: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """What decisions teach, by id: `items` with picture, box and label, and `next_cursor` when there are more."""
    with parts.database.reading() as session:
        examples = feedback.examples(session, reader.scope, confirmed, cursor)
        found = list(islice(examples, limit + 1))
    following = found[limit - 1].violation_id if len(found) > limit else None
    return json_answer(request, {"items": [_example(one) for one in found[:limit]], "next_cursor": following})


def _example(one: feedback.Example) -> dict[str, Any]:
    return {
        "violation_id": one.violation_id,
        "canteen_id": one.canteen_id,
        "camera_id": one.camera_id,
        "rule_id": one.rule_id,
        "captured_at": one.captured_at.isoformat(),
        "decided_at": one.decided_at.isoformat(),
        "reason": one.reason,
        "group": one.group.value,
        "meaning": None if one.meaning is None else one.meaning.name.lower(),
        "box_xyxy": list(one.box),
        "label": one.label,
        "width": one.size[0],
        "height": one.size[1],
        "picture_sha256": one.picture_sha256,
    }


def _role(name: BlobPath) -> BlobRole:
    return name


def _readable(session: Session, violation_id: str, reader: Reader) -> ViolationRow:
    found = store.violation(session, reader.scope, violation_id)
    if found is None:
        raise Refused(404, "not-there", "there is no such violation", field="violation_id")
    return found[0]


def _summary(row: ViolationRow) -> dict[str, Any]:
    return {
        "violation_id": row.violation_id,
        "canteen_id": row.canteen_id,
        "camera_id": row.camera_id,
        "rule_id": row.rule_id,
        "captured_at": row.captured_at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "started_s": row.started_s,
        "confirmed_s": row.confirmed_s,
        "ended_s": row.ended_s,
        "confidence": row.confidence,
        "last_seq": row.last_seq,
        "state": row.state,
        "decision_id": row.decision_id,
    }


def _blob_answer(blobs: BlobStore, kept: Kept, request: Request) -> Response:
    etag = f'"{kept.sha256}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        # The address of a clip may get a newer one, a picture never changes.
        "Cache-Control": "private, no-cache" if kept.role == "clip" else "private, max-age=86400",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    start, end, status = 0, kept.size, 200
    wanted = _wanted(request.headers.get("range", ""), kept.size)
    if wanted is not None and request.headers.get("if-range", etag) == etag:
        start, end = wanted
        if start >= end:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{kept.size}"})
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{kept.size}"
    headers["Content-Length"] = str(end - start)
    shown = kept.media_type in SHOWN_TYPES
    if not shown:
        headers["Content-Disposition"] = "attachment"
    told: dict[str, Any] = {
        "status_code": status,
        "headers": headers,
        "media_type": kept.media_type if shown else "application/octet-stream",
    }
    chunks = blobs.chunks(kept.sha256, start, end)
    # A picture is read at once; a clip goes out in pieces, while somebody reads it.
    return Response(b"".join(chunks), **told) if end - start <= _AT_ONCE_BYTES else _Closing(chunks, **told)


class _Closing(StreamingResponse):
    """Closes what it streams when the reader leaves: a browser that seeks in a clip does that all the time."""

    def __init__(self, chunks: Iterator[bytes], **kwargs: Any) -> None:
        super().__init__(chunks, **kwargs)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, then close."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            close = getattr(self._chunks, "close", None)
            if close is not None:
                close()


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """(start, end) of one range, end exclusive; None for none or several, which are answered in full."""
    found = _RANGE.match(header.strip())
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if first == "":
        return max(size - int(last), 0), size if int(last) > 0 else 0
    end = size if last == "" else min(int(last) + 1, size)
    if last != "" and int(last) < int(first):
        return None  # not a valid range at all, which is to be ignored (RFC 9110, 14.1.1)
    return int(first), end
