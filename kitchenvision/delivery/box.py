"""Tells the regulator what this box is. It is of the moment: what is not taken is told again later, and anew."""

import httpx

from kitchenvision.delivery.answers import words_of
from kitchenvision.delivery.live import asked
from kitchenvision.errors import DeliveryRefused


class BoxLink:
    """The way there.

    Args:
        client: from `make_client`.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def tell(self, body: bytes) -> None:
        """Send `box_bytes`.

        Raises:
            RegulatorAway: it cannot be used now.
            DeliveryRefused: it does not take this, such as one that is older than the edge.
        """
        answer = asked(self._client, "PUT", "/box", body, may_be_unknown=True)
        if answer.status >= 300:
            raise DeliveryRefused(f"the regulator does not take what a box says of itself: {words_of(answer)}")
