"""Carries small pictures to the regulator's wall. They are of the moment: what is not taken is not tried again."""

from datetime import UTC, datetime
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kitchenvision.delivery.answers import Answer, RegulatorAway, check_usable, words_of
from kitchenvision.errors import DeliveryRefused
from kitchenvision.wire import LiveBatch, LiveState

_JSON = {"Content-Type": "application/json; charset=utf-8"}


class _Next(BaseModel):
    model_config = ConfigDict(extra="ignore")
    next_in_s: float = Field(gt=0, le=3600)


class LiveLink:
    """The way to the wall.

    Args:
        client: from `make_client`; one of its own, so that no picture waits behind a film.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def pictures(self, body: bytes) -> float:
        """Send `as_body` of a batch; after how many seconds the regulator wants the next one.

        Raises:
            RegulatorAway: it cannot be used now. DeliveryRefused: it does not want these pictures.
        """
        return self._ask("POST", "/live", body)

    def blind(self, camera_id: str, state: LiveState) -> float:
        """Say why a camera has no picture. As `pictures`."""
        path = f"/live/{quote(camera_id, safe='')}/state"
        return self._ask("PUT", path, state.model_dump_json().encode())

    def _ask(self, method: str, path: str, body: bytes) -> float:
        answer = asked(self._client, method, path, body)
        if answer.status >= 300:
            raise DeliveryRefused(f"the regulator does not take live pictures: {words_of(answer)}")
        try:
            return _Next.model_validate_json(answer.body).next_in_s
        except ValidationError:
            raise RegulatorAway(f"{answer.url} does not say when to send again: is it a regulator?") from None


def asked(client: httpx.Client, method: str, path: str, body: bytes, *, may_be_unknown: bool = False) -> Answer:
    """What the regulator answers; `may_be_unknown`: an address that an older one does not have is an answer too.

    Raises:
        RegulatorAway: it cannot be used now.
    """
    address = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"
    try:
        response = client.request(method, path, content=body, headers=_JSON)
    except httpx.HTTPError as error:
        raise RegulatorAway(f"{address} cannot be reached: {type(error).__name__}: {error}") from error
    found = response.headers
    answer = Answer(
        status=response.status_code,
        body=response.content,
        url=address,
        retry_after=found.get("retry-after", ""),
        location=found.get("location", ""),
    )
    if not (may_be_unknown and answer.status == 404):
        check_usable(answer, datetime.now(UTC))
    return answer


def as_body(batch: LiveBatch) -> bytes:
    """What is sent: its length counts against the line's limit."""
    return batch.model_dump_json().encode()
