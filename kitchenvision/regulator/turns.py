"""Whose turn it is: who sits before a page goes first, edge boxes can wait a little."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, Event, move_on_after
from anyio.to_thread import run_sync
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BOXES = 4  # at once in one process: two kept the disk waiting and a ten-minute load from ever catching up
_PATIENCE_S = 0.02  # of a box, for each blob or report: it waits, but it always gets on
Given = TypeVarTuple("Given")
Done = TypeVar("Done")


class Turns:
    """Of one process; used from its event loop.

    Args:
        boxes: how many blobs and reports are taken at once. patience_s: how long each waits for people at most.
    """

    def __init__(self, boxes: int = _BOXES, patience_s: float = _PATIENCE_S) -> None:
        self._boxes = CapacityLimiter(boxes)
        self._patience_s = patience_s
        self._people = 0
        self._left: Event | None = None

    @contextmanager
    def person(self) -> Iterator[Callable[[], None]]:
        """A person's request; what it gives is called when the answer is ready, and at the end if not before."""
        self._people += 1
        waits = True

        def answered() -> None:
            nonlocal waits
            if waits:
                waits = False
                self._leave()

        try:
            yield answered
        finally:
            answered()

    async def box(self, deed: Callable[[*Given], Done], *given: *Given) -> Done:
        """What a deed gives, done in a thread when it is a box's turn."""
        async with self._boxes:
            with move_on_after(self._patience_s):
                while self._people:
                    self._left = self._left or Event()
                    await self._left.wait()
            return await run_sync(deed, *given)

    def _leave(self) -> None:
        self._people -= 1
        if not self._people and self._left is not None:
            self._left.set()
            self._left = None


class PeopleFirst:
    """Tells the turns of each request of somebody who is logged in, until its answer begins."""

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        self._app, self._turns = app, turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or not any(name == b"cookie" for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        with self._turns.person() as answered:

            async def told(message: Message) -> None:
                answered()
                await send(message)

            await self._app(scope, receive, told)
