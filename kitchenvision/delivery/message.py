"""What people of the canteen are told, and the seam of the ways there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        message_id: the same when it is sent again. title, text: in the reader's language.
        events: the same for a program. picture: a JPEG, where the settings allow one.
    """

    message_id: str
    title: str
    text: str
    events: Sequence[Mapping[str, Any]]
    picture: bytes | None = field(default=None, repr=False)


class Way(Protocol):
    """How messages get to somebody."""

    def send(self, message: Message) -> None:
        """Blocks until it is there.

        Raises:
            DeliveryRetry: it may go later. Its words carry no secret.
        """

    def close(self) -> None:
        """Free what is held."""
