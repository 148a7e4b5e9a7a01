"""A regulator in memory that keeps the contract of `kitchenvision.wire`, and breaks it where a test says so."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pydantic
from outbox.reports import START

from kitchenvision.wire import Receipt, content_hash, parse_observed, parse_report

TOKEN = "canteen-token-1"
BASE = "https://regulator.example"
Fault = Callable[[httpx.Request], httpx.Response | None]


class FakeRegulator:
    """Answers as the contract says.

    Attributes:
        observed: observed times by idempotency key.
        blobs, reports: what it has, by hash and by idempotency key. requests: "METHOD path", in order.
        accepted: keys in the order of their first acceptance.
        fault: asked before each answer; None lets the request through.
        after: asked after a request was carried out, in place of its answer (the answer is lost on the way).
    """

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.reports: dict[str, bytes] = {}
        self.observed: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.accepted: list[str] = []
        self.fault: Fault = lambda _: None
        self.after: Fault = lambda _: None

    def transport(self) -> httpx.MockTransport:
        """To be given to `make_client`."""
        return httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        body = request.read()
        self.requests.append(f"{request.method} {request.url.path}")
        return self.fault(request) or self._through(request, body)

    def _through(self, request: httpx.Request, body: bytes) -> httpx.Response:
        answer = self._answer(request, body)
        return self.after(request) or answer

    def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return problem(401, "Unauthorized", "the token is not known here")
        parts = request.url.path.removeprefix("/api/v1/").split("/")
        if parts[0] == "blobs":
            return self._blob(request.method, parts[1], body)
        if parts == ["reports"] and request.method == "POST":
            return self._report(body)
        if parts == ["observed-times"] and request.method == "POST":
            key = parse_observed(body).idempotency_key
            known = self.observed.setdefault(key, body)
            if known != body:
                return problem(409, "Conflict", "other content is there under this key")
            return self._receipt(201, key, body)
        return problem(404, "Not Found", "no such page")

    def _blob(self, method: str, sha256: str, body: bytes) -> httpx.Response:
        if method == "HEAD":
            return httpx.Response(200 if sha256 in self.blobs else 404)
        if hashlib.sha256(body).hexdigest() != sha256:
            return problem(422, "Unprocessable Content", "the bytes do not have this hash")
        known = sha256 in self.blobs
        self.blobs[sha256] = body
        return httpx.Response(200 if known else 201)

    def _report(self, body: bytes) -> httpx.Response:
        try:
            report = parse_report(body)
        except pydantic.ValidationError as error:
            field = ".".join(str(part) for part in error.errors()[0]["loc"])
            return problem(422, "Unprocessable Content", error.errors()[0]["msg"], field=field)
        key = report.idempotency_key
        if key in self.reports:
            if self.reports[key] != body:
                return problem(409, "Conflict", "other content is there under this key")
            return self._receipt(200, key, body)
        last = max((int(k.split("/")[1]) for k in self.reports if k.startswith(report.violation_id)), default=0)
        if report.seq != last + 1:
            return problem(409, "Conflict", f"expected seq {last + 1}", expected_seq=last + 1)
        missing = [ref.sha256 for ref in report.blobs if ref.sha256 not in self.blobs]
        if missing:
            return problem(422, "Unprocessable Content", "blobs are missing", missing_blobs=missing)
        self.reports[key] = body
        self.accepted.append(key)
        return self._receipt(201, key, body)

    def _receipt(self, status: int, key: str, body: bytes) -> httpx.Response:
        receipt = Receipt(
            idempotency_key=key,
            report_sha256=content_hash(body),
            received_at=START,
            status="accepted" if status == 201 else "duplicate",
        )
        return httpx.Response(status, text=receipt.model_dump_json())


def problem(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    """A problem+json answer."""
    return httpx.Response(
        status,
        content=json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail, **more}),
        headers={"Content-Type": "application/problem+json", **(headers or {})},
    )
