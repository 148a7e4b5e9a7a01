"""JSON that a program need not fetch twice: with an ETag, and 304 when it has it already (RFC 9110, 13.1.2)."""

import json
from hashlib import sha256
from typing import Any

from fastapi import Request
from fastapi.responses import Response


def json_answer(request: Request, told: Any) -> Response:
    """The answer, or 304 without a body when the request's `If-None-Match` names it."""
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if etag in asked or asked == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
