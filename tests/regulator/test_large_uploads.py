"""Blobs that come in pieces: whole or not at all, whatever the line does, and nothing half-written stays."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from regulator.conftest import Regulator, made
from regulator.sample import bearer

PIECE = bytes(range(256)) * 1024  # 256 kB
NONE: tuple[bytes, ...] = ()
SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "scheme": "http",
    "raw_path": b"",
    "root_path": "",
    "query_string": b"",
    "client": ("127.0.0.1", 1),
    "server": ("regulator.test", 80),
}


@dataclass
class Answer:
    """Of one request: status 0 when there was none; what was asked for of the body."""

    status: int
    body: bytes
    pieces_read: int

    @property
    def problem(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@pytest.fixture(scope="module")
def regulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulator]:
    """One for all of these, with blobs of at most 5 MB."""
    with made(tmp_path_factory.mktemp("uploads")) as one:
        object.__setattr__(one.settings, "max_blob_bytes", 5_000_000)
        yield one


def name_of(pieces: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def put(
    one: Regulator, name: str, pieces: Sequence[bytes], length: str | None = None, leaves: bool = False
) -> Answer:
    """Send a blob as a server would hand it on.

    Args:
        length: of the header; None leaves it out, as a sender does who does not know. leaves: hangs up at the end.
    """
    sent: list[dict[str, Any]] = []
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        if not left:
            return (
                {"type": "http.disconnect"} if leaves else {"type": "http.request", "body": b"", "more_body": False}
            )
        return {"type": "http.request", "body": left.pop(0), "more_body": leaves or bool(left)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(key.lower().encode(), value.encode()) for key, value in bearer(one.token).items()]
    headers += [(b"content-length", length.encode())] if length is not None else []
    scope = {**SCOPE, "method": "PUT", "path": f"/api/v1/blobs/{name}", "headers": headers}
    asyncio.run(one.app(scope, receive, send))  # type: ignore[arg-type]
    status = next((message["status"] for message in sent if message["type"] == "http.response.start"), 0)
    body = b"".join(message.get("body", b"") for message in sent)
    return Answer(status, body, len(pieces) - len(left))


def left_over(one: Regulator) -> list[str]:
    """What lies half-written in the store."""
    return [path.name for path in (one.settings.data_dir / "blobs" / "incoming").iterdir()]


def kept(one: Regulator, name: str) -> bytes | None:
    path = Path(one.settings.data_dir) / "blobs" / name[:2] / name
    return path.read_bytes() if path.exists() else None


@pytest.mark.parametrize("count", [5, 9])
@pytest.mark.parametrize("told", [True, False])
def test_a_blob_of_many_pieces_is_kept_byte_for_byte(regulator: Regulator, count: int, told: bool) -> None:
    """With its length or without; more than a megabyte goes to the disk while it comes."""
    pieces = [bytes([count, told]), *[PIECE] * count]
    name = name_of(pieces)
    answer = put(regulator, name, pieces, str(sum(map(len, pieces))) if told else None)
    assert answer.status == 201
    assert kept(regulator, name) == b"".join(pieces)
    assert put(regulator, name, pieces).status == 200
    assert left_over(regulator) == []


def test_pieces_without_a_length_that_are_nothing_are_the_empty_blob(regulator: Regulator) -> None:
    """And tiny pieces are pieces."""
    assert put(regulator, name_of(NONE), NONE).status in (200, 201)
    assert kept(regulator, name_of(NONE)) == b""
    tiny = [bytes([i % 256]) for i in range(1000)]
    assert put(regulator, name_of(tiny), tiny).status == 201
    assert kept(regulator, name_of(tiny)) == b"".join(tiny)


def test_a_large_blob_that_is_there_already_is_read_to_its_end_and_not_written(regulator: Regulator) -> None:
    """An answer before the end would reset the line, and the box would send it again and again."""
    pieces = [b"again", *[PIECE] * 6]
    name, length = name_of(pieces), str(sum(map(len, pieces)))
    assert put(regulator, name, pieces, length).status == 201
    again = put(regulator, name, [b"other", *[PIECE] * 6], length)
    assert (again.status, again.pieces_read) == (200, 7)
    assert kept(regulator, name) == b"".join(pieces)


def test_other_bytes_than_the_name_says_are_refused_and_gone(regulator: Regulator) -> None:
    """One bit of six pieces."""
    pieces = [b"bit", *[PIECE] * 6]
    name = name_of(pieces)
    answer = put(regulator, name, [b"bis", *[PIECE] * 6])
    assert (answer.status, answer.problem["type"]) == (422, "hash-differs")
    assert kept(regulator, name) is None
    assert left_over(regulator) == []


@pytest.mark.parametrize("length", [None, "5000001", "", "x", "-1", "²"])
def test_more_than_is_taken_is_refused_whatever_length_was_told(regulator: Regulator, length: str | None) -> None:
    """The header is the sender's word only; what it says is too much is not written at all."""
    pieces = [PIECE] * 20
    name = name_of(pieces)
    answer = put(regulator, name, pieces, length)
    assert (answer.status, answer.problem["type"]) in ((413, "too-large"), (422, "hash-differs"))
    assert kept(regulator, name) is None
    assert left_over(regulator) == []


@pytest.mark.parametrize("length", ["1500000", "300000", None])
def test_a_line_that_breaks_leaves_nothing_and_is_no_error_of_the_program(
    regulator: Regulator, length: str | None
) -> None:
    """Boxes hang on lines that break every day: the same blob is taken the next time."""
    pieces = [b"broken" + str(length).encode(), *[PIECE] * 5]
    name = name_of(pieces)
    put(regulator, name, pieces[:2], length, leaves=True)
    assert kept(regulator, name) is None
    assert left_over(regulator) == []
    assert put(regulator, name, pieces).status == 201


def test_a_report_that_breaks_off_is_not_read(regulator: Regulator) -> None:
    """Half a report is none."""
    messages = [
        {"type": "http.request", "body": b'{"kind": "ended"', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(key.lower().encode(), value.encode()) for key, value in bearer(regulator.token).items()]
    scope = {**SCOPE, "method": "POST", "path": "/api/v1/reports", "headers": headers}
    asyncio.run(regulator.app(scope, receive, send))  # type: ignore[arg-type]
    assert not any(message.get("status", 0) in (200, 201) for message in sent)
