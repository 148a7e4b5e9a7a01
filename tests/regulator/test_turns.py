"""People before boxes, and no box for ever behind people."""

import time
from collections.abc import Awaitable, Callable

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from kitchenvision.regulator.turns import PeopleFirst, Turns

COOKIE = [(b"cookie", b"kitchenvision_session=x")]


def test_a_box_waits_while_a_person_waits_and_goes_on_when_the_answer_is_ready() -> None:
    done: list[str] = []

    async def run() -> None:
        turns = Turns(patience_s=30.0)
        async with anyio.create_task_group() as tasks:
            with turns.person() as answered:
                tasks.start_soon(turns.box, done.append, "box")
                await anyio.sleep(0.05)
                done.append("person")
                answered()
                with anyio.fail_after(5):
                    while len(done) < 2:
                        await anyio.sleep(0.005)
                answered()  # once more says nothing new
            assert await turns.box(lambda: "free") == "free"

    anyio.run(run)
    assert done == ["person", "box"]


def test_a_person_whose_request_fails_no_longer_keeps_boxes_waiting() -> None:
    async def run() -> None:
        turns = Turns(patience_s=30.0)
        with pytest.raises(ConnectionError), turns.person():
            raise ConnectionError
        with anyio.fail_after(5):
            assert await turns.box(lambda: 1) == 1

    anyio.run(run)


def test_a_box_gets_on_although_somebody_waits_all_the_time() -> None:
    async def run() -> int:
        turns = Turns(patience_s=0.01)
        with turns.person(), anyio.fail_after(5):
            return await turns.box(lambda: 7)

    assert anyio.run(run) == 7


def test_only_so_many_boxes_at_once_and_each_gets_its_turn() -> None:
    now: list[int] = []
    most: list[int] = []
    done: list[int] = []

    def deed(number: int) -> None:
        now.append(number)
        most.append(len(now))
        time.sleep(0.01)
        now.remove(number)
        done.append(number)

    async def run() -> None:
        turns = Turns(boxes=2)
        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(turns.box, deed, number)

    anyio.run(run)
    assert sorted(done) == list(range(10))
    assert max(most) == 2


def test_what_a_deed_refuses_reaches_who_asked() -> None:
    def refuse() -> None:
        raise LookupError("no")

    async def run() -> None:
        turns = Turns()
        with pytest.raises(LookupError):
            await turns.box(refuse)
        assert await turns.box(lambda: 1) == 1

    anyio.run(run)


async def _call(app: Callable[[Scope, Receive, Send], Awaitable[None]], headers: list[tuple[bytes, bytes]]) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        return None

    await app({"type": "http", "path": "/review", "headers": headers}, receive, send)


@pytest.mark.parametrize(("headers", "counted"), [(COOKIE, True), ([(b"authorization", b"Bearer x")], False)])
def test_whoever_has_a_cookie_is_a_person_until_the_answer_begins(
    headers: list[tuple[bytes, bytes]], counted: bool
) -> None:
    turns = Turns()
    people: list[int] = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        people.append(turns._people)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        people.append(turns._people)  # a wall reads its events for hours
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    anyio.run(_call, PeopleFirst(page, turns), headers)
    assert people == [1 if counted else 0, 0]
    assert turns._people == 0
