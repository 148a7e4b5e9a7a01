"""Takes reports and blobs from edge boxes: immutable, in sequence, the same again is the same.

A receipt is given only after everything it speaks of is on the disk.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from kitchenvision.regulator import report_store
from kitchenvision.regulator.auth import EdgeCanteen
from kitchenvision.regulator.blobs import BlobStore, BlobWriter, HashMismatch
from kitchenvision.regulator.bodies import check_canteen
from kitchenvision.regulator.parts import NeedsParts, Parts, now, parts_of
from kitchenvision.regulator.problems import Refused, bad_fields, bad_report
from kitchenvision.regulator.report_store import AnyReport, Arriving
from kitchenvision.wire import ConfirmedReport, Receipt, parse_report, report_bytes

router = APIRouter(prefix="/api/v1")
BlobName = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
_WRITE_BYTES = 1 << 20
_DRAINED_LIMITS = 4


@router.head("/blobs/{sha256}")
def has_blob(sha256: BlobName, canteen_id: EdgeCanteen, parts: NeedsParts) -> Response:
    """200 when the blob is there, 404 when not."""
    return Response(status_code=200 if parts.blobs.size(sha256) is not None else 404)


@router.put("/blobs/{sha256}")
async def put_blob(sha256: BlobName, canteen_id: EdgeCanteen, request: Request) -> Response:
    """201 stored, 200 it was there, 422 the bytes have another hash, 413 too large, 507 disk full."""
    parts, announced = parts_of(request), _announced(request)
    limit = parts.settings.max_blob_bytes
    if announced > limit:
        await _drain(request, limit)
        raise _too_large(limit, "the blob is too large")
    if 0 < announced <= _WRITE_BYTES:
        new = await parts.turns.box(_keep, parts, sha256, await request.body())
        return Response(status_code=201 if new else 200)
    if await run_in_threadpool(parts.blobs.size, sha256) is not None:
        await _drain(request, limit)
        return Response(status_code=200)
    new = await _received(request, parts, sha256)
    return Response(status_code=201 if new else 200)


def _keep(parts: Parts, sha256: str, data: bytes) -> bool:
    with parts.blobs.writer() as writer:
        writer.write(data)
        new = _kept(writer, sha256)
    parts.arrived.note(sha256, len(data))
    return new


def _kept(writer: BlobWriter, sha256: str) -> bool:
    try:
        return writer.keep(sha256)
    except HashMismatch as error:
        title = "the bytes are not those that the name says"
        raise Refused(422, "hash-differs", title, str(error), field="sha256") from error


async def _received(request: Request, parts: Parts, sha256: str) -> bool:
    size = 0
    waiting = bytearray()
    with parts.blobs.writer() as writer:
        async for piece in request.stream():
            size += len(piece)
            if size > parts.settings.max_blob_bytes:
                raise _too_large(parts.settings.max_blob_bytes, "the blob is too large")
            waiting += piece
            if len(waiting) >= _WRITE_BYTES:
                await run_in_threadpool(writer.write, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(writer.write, bytes(waiting))
        return await run_in_threadpool(_kept, writer, sha256)


@router.post("/reports", response_model=None)
async def post_report(canteen_id: EdgeCanteen, request: Request) -> Response:
    """201 accepted, 200 the same again; 409, 413 and 422 as problems."""
    parts = parts_of(request)
    limit = parts.settings.max_report_bytes
    if _announced(request) > limit:
        await _drain(request, limit)
        raise _too_large(limit, "the report is too large")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise _too_large(limit, "the report is too large")
    receipt = await parts.turns.box(take, parts, canteen_id, bytes(body))
    return Response(
        receipt.model_dump_json(),
        status_code=201 if receipt.status == "accepted" else 200,
        media_type="application/json",
    )


def take(parts: Parts, canteen_id: str, body: bytes) -> Receipt:
    """Check and keep one report; durable when the receipt is returned.

    Args:
        canteen_id: whose token came with it. body: the report as JSON.

    Raises:
        Refused: with the status of the answer. StorageError: it could not be kept, nothing was.
    """
    arriving = _parsed(body)
    report = arriving.report
    check_canteen(report.canteen_id, canteen_id)
    # Asked before the transaction, which should not wait for an object store.
    sizes = {blob.sha256: parts.arrived.size(parts.blobs, blob.sha256) for blob in report.blobs}
    with parts.database.writing(lane=canteen_id) as session:
        there = report_store.begun(session, report.violation_id)
        known = report_store.known_receipt(session, arriving, there)
        if known is not None:
            return known
        if isinstance(report, ConfirmedReport) != (report.seq == 1):
            problem = "seq 1 is the report of kind 'confirmed', and no later one is"
            raise bad_fields("the kind does not fit the sequence", [{"field": "kind", "problem": problem}])
        _check_blobs(sizes | _dropped(session, parts.blobs, report), report)
        return report_store.add_report(session, arriving, there, now())


def _parsed(body: bytes) -> Arriving:
    try:
        report = parse_report(body)
    except ValidationError as error:
        raise bad_report(error) from error
    try:
        canonical = report_bytes(report)
        if isinstance(report, ConfirmedReport):
            report.captured_at.astimezone(now().tzinfo)
    except (ValueError, OverflowError) as error:
        # Numbers such as NaN pass the types, but have no canonical form.
        errors = [{"field": "", "problem": f"has a value that cannot be written again: {error}"}]
        raise bad_fields("the report has no canonical form", errors) from error
    roles = [blob.role for blob in report.blobs]
    if len(set(roles)) != len(roles):
        raise bad_fields("a role is named twice", [{"field": "blobs", "problem": "one blob for each role"}])
    return Arriving(report, canonical)


def _dropped(session: Session, blobs: BlobStore, report: AnyReport) -> dict[str, int | None]:
    # What was asked for before the transaction may have been dropped meanwhile, if an old violation named it.
    if not report.blobs:
        return {}
    removed = report_store.once_removed(session, [blob.sha256 for blob in report.blobs])
    return {sha256: blobs.size(sha256) for sha256 in removed}


def _check_blobs(sizes: dict[str, int | None], report: AnyReport) -> None:
    missing = [sha256 for sha256, size in sizes.items() if size is None]
    if missing:
        raise Refused(
            422,
            "missing-blobs",
            "blobs that the report names are not there",
            "send them first, then the report again",
            field="blobs",
            missing_blobs=missing,
        )
    wrong = [
        {"field": f"blobs.{i}.size", "problem": f"the blob has {sizes[blob.sha256]} bytes, not {blob.size}"}
        for i, blob in enumerate(report.blobs)
        if sizes[blob.sha256] != blob.size
    ]
    if wrong:
        raise bad_fields("the size of a blob differs", wrong)


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


async def _drain(request: Request, limit: int) -> None:
    # An answer before the body has been read resets the connection, and the edge would not see the answer.
    left = _DRAINED_LIMITS * limit
    async for piece in request.stream():
        left -= len(piece)
        if left < 0:
            return


def _too_large(limit: int, title: str) -> Refused:
    return Refused(413, "too-large", title, f"at most {limit} bytes are taken")
