"""Takes what edge boxes say of themselves, keeps the latest, and gives it to the page of devices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.auth import EdgeCanteen
from kitchenvision.regulator.bodies import check_canteen, whole_body
from kitchenvision.regulator.box_tables import BoxRow
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.problems import bad_fields, bad_report
from kitchenvision.wire_box import BoxModel, BoxState, box_bytes

router = APIRouter(prefix="/api/v1")
LARGEST_BYTES = 200_000


@dataclass(frozen=True)
class Box:
    """What one box said, and when it came; `models` are those that look, each once."""

    state: BoxState
    received_at: datetime

    @property
    def models(self) -> tuple[BoxModel, ...]:
        """In the order of the cameras."""
        return tuple(dict.fromkeys(camera.model for camera in self.state.cameras if camera.model is not None))


@router.put("/box", response_model=None)
async def put_box(canteen_id: EdgeCanteen, parts: NeedsParts, request: Request) -> Response:
    """What a box is (a `BoxState` of `wire_box.py`): 204, kept instead of what it said before; 403, 413, 422."""
    await run_in_threadpool(keep, parts, canteen_id, await whole_body(request, LARGEST_BYTES))
    return Response(status_code=204)


def keep(parts: Parts, canteen_id: str, body: bytes) -> None:
    """Keep it; durable when this returns.

    Raises:
        Refused: with the status of the answer. StorageError: it could not be kept, what was there still is.
    """
    try:
        state = BoxState.model_validate_json(body)
        written = box_bytes(state)
    except ValidationError as error:
        raise bad_report(error) from error
    except ValueError as error:
        problem = [{"field": "", "problem": f"has a value that cannot be written again: {error}"}]
        raise bad_fields("the state has no canonical form", problem) from error
    check_canteen(state.canteen_id, canteen_id, "state")
    with parts.database.writing(lane=canteen_id) as session:
        row = session.get(BoxRow, canteen_id) or BoxRow(canteen_id=canteen_id)
        row.software_version, row.received_at, row.body = state.software_version, now(), written
        session.add(row)


def boxes(session: Session, scope: Scope) -> Mapping[str, Box]:
    """What the boxes of the scope said last, by canteen; those that never did are not in it."""
    return dict(_read(session, scope))


def _read(session: Session, scope: Scope) -> Iterator[tuple[str, Box]]:
    for row in session.scalars(select(BoxRow).where(scope.covers(BoxRow.canteen_id))):
        yield row.canteen_id, Box(BoxState.model_validate_json(row.body), row.received_at)
