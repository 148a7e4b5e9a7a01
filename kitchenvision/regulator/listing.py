"""Which violations a list shows: filters as they come in an address, and cursors between pages."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from kitchenvision.regulator.problems import Refused


def _empty_is_none(value: object) -> object:
    return None if value == "" else value  # a form sends an empty choice as an empty word


Choice = Annotated[Annotated[str, Field(max_length=200)] | None, BeforeValidator(_empty_is_none)]
StateChoice = Annotated[
    Literal["open", "decided", "confirmed", "rejected", "cannot_tell", "second"] | None,
    BeforeValidator(_empty_is_none),
]
Instant = Annotated[AwareDatetime | None, BeforeValidator(_empty_is_none)]


class Filters(BaseModel):
    """What a list is narrowed to; None = all. `since` (from) and `until` (to) are about `captured_at`.

    The state `second`, what waits for a second look, is known to the desk only.
    """

    model_config = ConfigDict(frozen=True)
    rule: Choice = None
    canteen: Choice = None
    camera: Choice = None
    state: StateChoice = None
    since: Instant = Field(default=None, alias="from")
    until: Instant = Field(default=None, alias="to")

    def query(self, **more: str) -> str:
        """As the query of an address, without the question mark."""
        own = self.model_dump(by_alias=True, exclude_none=True, mode="json")
        return urlencode({**{key: own[key] for key in own if key in _FILTER_KEYS}, **more})


_FILTER_KEYS = ("rule", "canteen", "camera", "state", "from", "to")


class ListQuery(Filters):
    """Filters with a page: `limit` 1..500 rows, after `cursor`."""

    cursor: Choice = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50

    @field_validator("state")
    @classmethod
    def _known_to_all(cls, state: str | None) -> str | None:
        if state == "second":
            raise ValueError("what waits for a second look is listed at the desk only")
        return state


@dataclass(frozen=True)
class Cursor:
    """The last row of a page."""

    captured_at: datetime
    violation_id: str

    def text(self) -> str:
        """As one word that fits into an address."""
        plain = f"{self.captured_at.isoformat()}|{self.violation_id}"
        return base64.urlsafe_b64encode(plain.encode("ascii")).decode("ascii").rstrip("=")


def read_cursor(text: str) -> Cursor:
    """The opposite of `Cursor.text`.

    Raises:
        Refused: 422, not a cursor that was given out.
    """
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        instant, _, violation_id = plain.partition("|")
        at = datetime.fromisoformat(instant)
    except (ValueError, binascii.Error) as error:
        raise _not_a_cursor() from error
    if at.tzinfo is None or not violation_id:
        raise _not_a_cursor()
    return Cursor(at, violation_id)


def _not_a_cursor() -> Refused:
    return Refused(422, "bad-field", "not a cursor", "use next_cursor of the page before", field="cursor")
