"""Takes the small pictures that edge boxes push for the wall. They are never written to a disk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, ValidationError

from kitchenvision.regulator.auth import EdgeCanteen
from kitchenvision.regulator.bodies import whole_body
from kitchenvision.regulator.cockpit_wall import LARGEST_BYTES, WallFull
from kitchenvision.regulator.parts import NeedsParts, Parts, now, parts_of
from kitchenvision.regulator.problems import Refused, bad_fields, bad_report
from kitchenvision.wire import LiveBatch, LiveState

router = APIRouter(prefix="/api/v1")
CameraName = Annotated[str, Path(min_length=1, max_length=200)]
_JPEG = b"\xff\xd8\xff"
LARGEST_BATCH_BYTES = 6_000_000


@router.put("/live/{camera_id}", response_model=None)
async def put_live(
    camera_id: CameraName,
    canteen_id: EdgeCanteen,
    parts: NeedsParts,
    request: Request,
    captured_at: Annotated[AwareDatetime, Query()],
) -> Response:
    """200 with `next_in_s`, when to send the next one; 413 larger than 60 kB, 415 not a JPEG."""
    body = await whole_body(request, LARGEST_BYTES)
    if not body.startswith(_JPEG):
        raise Refused(415, "not-a-jpeg", "a JPEG is expected", "its first bytes are FF D8 FF")
    try:
        return await _put(parts, canteen_id, [(camera_id, body, captured_at)])
    except WallFull as error:
        raise Refused(409, "too-many-cameras", "too many cameras", str(error), field="camera_id") from error


@router.put("/live/{camera_id}/state", response_model=None)
async def put_live_state(
    camera_id: CameraName, canteen_id: EdgeCanteen, parts: NeedsParts, request: Request
) -> Response:
    """Says why there is no picture (a `LiveState`); send it again each minute. 200 with `next_in_s`."""
    try:
        told = LiveState.model_validate_json(await whole_body(request, LARGEST_BYTES))
    except ValidationError as error:
        raise bad_report(error) from error
    try:
        await run_in_threadpool(parts.wall.put_blind, (canteen_id, camera_id), told.since, told.reason, now())
    except WallFull as error:
        raise Refused(409, "too-many-cameras", "too many cameras", str(error), field="camera_id") from error
    return await _put(parts, canteen_id, [])


@router.post("/live", response_model=None)
async def post_live(canteen_id: EdgeCanteen, request: Request) -> Response:
    """Small pictures of several cameras (a `LiveBatch`). 200 with `next_in_s`; with a wrong one none is kept."""
    try:
        batch = LiveBatch.model_validate_json(await whole_body(request, LARGEST_BATCH_BYTES))
    except ValidationError as error:
        raise bad_report(error) from error
    wrong = [
        {"field": f"pictures.{i}.jpeg", "problem": f"a JPEG of at most {LARGEST_BYTES} bytes is expected"}
        for i, one in enumerate(batch.pictures)
        if not one.jpeg.startswith(_JPEG) or len(one.jpeg) > LARGEST_BYTES
    ]
    if wrong:
        raise bad_fields("a picture is none, or too large", wrong)
    try:
        pictures = [(one.camera_id, one.jpeg, one.captured_at) for one in batch.pictures]
        return await _put(parts_of(request), canteen_id, pictures)
    except WallFull as error:
        raise Refused(409, "too-many-cameras", "too many cameras", str(error), field="pictures") from error


async def _put(parts: Parts, canteen_id: str, pictures: Sequence[tuple[str, bytes, datetime]]) -> Response:
    def put() -> float:
        at = now()
        parts.wall.put_all(canteen_id, pictures, at)
        return parts.wall.next_in_s(canteen_id, at)

    return JSONResponse({"next_in_s": await run_in_threadpool(put)})
