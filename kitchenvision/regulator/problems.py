"""Refusals as the wire says them: application/problem+json that names the field."""

from typing import Any

from fastapi.responses import Response
from pydantic import ValidationError

from kitchenvision.errors import KitchenvisionError
from kitchenvision.wire import Problem


class Refused(KitchenvisionError):
    """A request is answered with a problem.

    Args:
        status: HTTP status. kind: the problem's type, such as ``sequence-gap``.
        title: what it is, the same for each of its kind. detail: what came and what to do.
        more: further members, such as `field`, `errors`, `missing_blobs`.
    """

    def __init__(self, status: int, kind: str, title: str, detail: str = "", **more: Any) -> None:
        super().__init__(detail or title)
        self.problem = Problem(type=kind, title=title, status=status, detail=detail, **more)


def response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The problem as an answer."""
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=headers,
    )


def bad_fields(title: str, errors: list[dict[str, Any]]) -> Refused:
    """422 that names the first wrong field and all of them.

    Args:
        errors: each with `field` (dotted path) and `problem`.
    """
    first = errors[0] if errors else {"field": "", "problem": ""}
    return Refused(
        422,
        "bad-field",
        title,
        f"{first['field']}: {first['problem']}" if first["field"] else str(first["problem"]),
        field=first["field"] or None,
        errors=errors,
    )


def bad_report(error: ValidationError) -> Refused:
    """What is wrong with a report's fields; without their values, which may be long."""
    errors = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        path = [str(part) for part in item["loc"]]
        # The first part is the kind of report that was tried, which is no field.
        field = ".".join(path[1:]) if path[:1] in (["confirmed"], ["clip"], ["ended"]) else ".".join(path)
        if item["type"] in ("union_tag_not_found", "union_tag_invalid"):
            field = "kind"
        errors.append({"field": field, "problem": item["msg"], "code": item["type"]})
    return bad_fields("the report cannot be read", errors)
