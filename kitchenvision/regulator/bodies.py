"""What edge boxes send as a whole: read within limits, and of the canteen whose token came with it."""

from fastapi import Request

from kitchenvision.regulator.problems import Refused


async def whole_body(request: Request, limit: int, title: str = "the body is too large") -> bytes:
    """The body, of at most `limit` bytes.

    Raises:
        Refused: 413.
    """
    body = bytearray()
    async for piece in request.stream():
        if len(body) <= limit:
            body += piece  # read to its end, so that the edge sees the answer and not a reset
    if len(body) > limit:
        raise Refused(413, "too-large", title, f"at most {limit} bytes are taken")
    return bytes(body)


def check_canteen(told: str, canteen_id: str, what: str = "report") -> None:
    """Whether what a box sent is of its own canteen.

    Args:
        told: the canteen in it. canteen_id: whose token came with it. what: was sent, in words.

    Raises:
        Refused: 403.
    """
    if told != canteen_id:
        title = f"the {what} is of another canteen than the token"
        detail = f"expected canteen_id '{canteen_id}', got '{told}'"
        raise Refused(403, "other-canteen", title, detail, field="canteen_id")
