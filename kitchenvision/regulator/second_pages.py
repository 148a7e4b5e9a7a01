"""The page that says how often two people agree on the same evidence."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from kitchenvision.regulator import second_reviews
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.auth import Reviewer
from kitchenvision.regulator.parts import NeedsParts, now
from kitchenvision.regulator.rendering import render
from kitchenvision.regulator.second_reviews import LISTED, VERDICTS, Agreement, Pair, agreement

router = APIRouter()
DAYS = (30, 90, 365)


@dataclass(frozen=True)
class Line:
    """One row of a table: a rule or a person, and how often there was agreement."""

    name: str
    counted: Agreement


@router.get("/agreement", response_model=None)
def agreement_page(
    request: Request, visitor: Reviewer, parts: NeedsParts, days: Annotated[int, Query(ge=1, le=3650)] = 90
) -> Response:
    """Agreement by rule, by verdict, and for whoever sets the policy or audits also by person."""
    with parts.database.reading() as session:
        found = second_reviews.pairs(session, visitor.scope, now() - timedelta(days=days))
    names = visitor.scope.may(Right.POLICY) or visitor.scope.may(Right.AUDIT)
    return render(
        request,
        "agreement.html",
        visitor=visitor,
        days=days,
        choices=DAYS,
        all=agreement(found),
        rules=_lines(found, "rule_id"),
        people=_lines(found, "first_name") if names else [],
        verdicts=VERDICTS,
        differ=[one for one in found if one.first != one.second][:LISTED],
        names=names,
    )


def _lines(found: list[Pair], key: str) -> list[Line]:
    by_name: dict[str, list[Pair]] = {}
    for one in found:
        by_name.setdefault(getattr(one, key), []).append(one)
    return [Line(name, agreement(pairs)) for name, pairs in sorted(by_name.items())]
