"""What is done at the desk: decisions on one or many, second looks, claims, splits, merges, saved views."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from kitchenvision.regulator import claims, history, incident_edits, saved_views, second_reviews, store
from kitchenvision.regulator.auth import Decider
from kitchenvision.regulator.claims import ClaimedByOther
from kitchenvision.regulator.decisions import Step, StepOutOfTurn, StepRefused, Verdict
from kitchenvision.regulator.history import DecidedMeanwhile, NoSuchViolation
from kitchenvision.regulator.incident_edits import IncidentRefused
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused, bad_fields
from kitchenvision.regulator.rendering import Words, words_of
from kitchenvision.regulator.saved_views import ViewRefused
from kitchenvision.regulator.second_reviews import NoSecondLook

router = APIRouter()
MOST_AT_ONCE = 200
Seen = tuple[tuple[str, int], ...]  # violation, the newest decision that was seen of it


def asked_step(
    verdict: Annotated[str, Form(max_length=20)],
    reason: Annotated[int | None, Form()] = None,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Step:
    """The step that a form asks for.

    Raises:
        Refused: 422, not a verdict.
    """
    try:
        return Step(Verdict(verdict), reason if verdict == "rejected" else None, note)
    except ValueError as error:
        problem = f"got '{verdict}', allowed are {', '.join(Verdict)}"
        raise bad_fields("not a verdict", [{"field": "verdict", "problem": problem}]) from error


def asked_pairs(
    violation_id: str,
    follows: Annotated[int, Form(ge=0)],
    also: Annotated[str, Form(max_length=20_000)] = "",
) -> Seen:
    """The violation of the path and those that are decided together with it.

    Args:
        follows: the newest decision that was seen of it, 0 for none. also: the others, ``id:17 id:0``.

    Raises:
        Refused: 422, the list cannot be read.
    """
    others = _seen(also) if also.strip() else ()
    return ((violation_id, follows), *(pair for pair in others if pair[0] != violation_id))


AskedStep = Annotated[Step, Depends(asked_step)]
AskedPairs = Annotated[Seen, Depends(asked_pairs)]


@router.post("/review/decisions", response_model=None)
def decide_many(
    request: Request,
    visitor: Decider,
    parts: NeedsParts,
    step: AskedStep,
    incident: Annotated[list[str], Form(max_length=MOST_AT_ONCE)],
) -> Response:
    """The same verdict and reason on several incidents, each recorded by itself; JSON says what became of each.

    Args:
        incident: of each its violations, ``id:17 id:0``, with the newest decision that was seen.

    Raises:
        Refused: 422 when the step is not complete, or a list cannot be read.
    """
    asked = [_seen(text) for text in incident]
    words = words_of(request)
    told: list[dict[str, Any]] = []
    for seen in asked:
        try:
            made = _decide(parts, visitor, words, seen, step)
            told.append({"violation_id": seen[0][0], "state": _state(step), "decisions": made})
        except Refused as error:
            if error.problem.status == 422:
                raise
            problem = error.problem.detail or error.problem.title
            told.append({"violation_id": seen[0][0], "problem": problem})
    return JSONResponse({"results": told})


@router.post("/review/{violation_id}/decision", response_model=None)
def decide(
    violation_id: str,
    request: Request,
    visitor: Decider,
    parts: NeedsParts,
    step: AskedStep,
    pairs: AskedPairs,
) -> Response:
    """Add a decision, or withdraw the newest; a script gets JSON, a plain form the next page.

    Raises:
        Refused: 404, 409 when somebody decided meanwhile or has it on the desk, 422 when the step is not complete.
    """
    made = _decide(parts, visitor, words_of(request), pairs, step)
    if "application/json" not in request.headers.get("accept", ""):
        to = f"/review/{violation_id}" if step.verdict is Verdict.WITHDRAWN else "/review"
        return _back(request, to)
    told = {"violation_id": violation_id, "state": _state(step), "decision_id": made[violation_id]}
    return JSONResponse({**told, "decisions": made})


@router.post("/review/{violation_id}/second", response_model=None)
def look_again(
    violation_id: str,
    request: Request,
    visitor: Decider,
    parts: NeedsParts,
    step: AskedStep,
    pairs: AskedPairs,
) -> Response:
    """What a second person makes of an incident that somebody else decided.

    Raises:
        Refused: 404 when it is not theirs to look at again, 422 when the step is not complete.
    """
    try:
        # What is decided together is of one canteen; the other canteens' boxes need not wait for it.
        with parts.database.writing(lane=store.lane_of(violation_id)) as session:
            for pair in pairs:
                second_reviews.look_again(session, visitor.scope, pair, step, visitor.person_id, now())
    except StepRefused as error:
        raise bad_fields("not complete", [{"field": error.field, "problem": error.problem}]) from error
    except NoSecondLook as error:
        raise Refused(404, "not-there", words_of(request)("second.gone"), field="violation_id") from error
    if "application/json" not in request.headers.get("accept", ""):
        return _back(request, "/review")
    return JSONResponse({"violation_id": violation_id, "state": _state(step)})


@router.post("/review/{violation_id}/claim", response_model=None)
def claim(
    violation_id: str,
    request: Request,
    visitor: Decider,
    parts: NeedsParts,
    take_over: Annotated[bool, Form()] = False,
) -> Response:
    """Claim what is on the desk, or renew it: JSON with whose it is, and what others look at.

    Raises:
        Refused: 404.
    """
    at = now()
    with parts.database.writing(lane=store.lane_of(violation_id)) as session:
        made = claims.claim(session, visitor.scope, violation_id, visitor.person_id, at, take_over)
        others = claims.of_others(session, visitor.scope, visitor.person_id, at)
    if made is None:
        raise _not_there()
    words = words_of(request)
    told = "" if made.mine else words("claim.by", who=made.username)
    marks = {incident: words("claim.mark", who=username) for incident, username in others.items()}
    return JSONResponse({"mine": made.mine, "told": told, "others": marks, "renew_s": claims.LEASE_S / 3})


@router.post("/review/{violation_id}/split", response_model=None)
def split(
    violation_id: str,
    request: Request,
    visitor: Decider,
    parts: NeedsParts,
    words: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take this violation out of its incident.

    Raises:
        Refused: 404, 409 when it cannot be.
    """
    return _edited(
        request,
        parts,
        violation_id,
        lambda session: incident_edits.split(session, visitor.scope, violation_id, visitor.person_id, now(), words),
    )


@router.post("/review/{violation_id}/merge", response_model=None)
def merge(
    violation_id: str,
    request: Request,
    visitor: Decider,
    parts: NeedsParts,
    other: Annotated[str, Form(max_length=64)],
    words: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Unite its incident with that of another violation.

    Raises:
        Refused: 404, 409 when they cannot be one.
    """
    pair = violation_id, other
    return _edited(
        request,
        parts,
        violation_id,
        lambda session: incident_edits.merge(session, visitor.scope, pair, visitor.person_id, now(), words),
    )


@router.post("/review/views", response_model=None)
def save_view(
    request: Request, visitor: Decider, parts: NeedsParts, name: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Keep the filters of this address under a name.

    Raises:
        Refused: 409, without a name or too many.
    """
    try:
        with parts.database.writing() as session:
            saved_views.save(session, visitor.person_id, name, request.url.query)
    except ViewRefused as error:
        raise Refused(409, "view-refused", words_of(request)(f"view.refused.{error.why}"), field="name") from error
    return _back(request, "/review")


@router.post("/review/views/{view_id}/forget", response_model=None)
def forget_view(view_id: int, request: Request, visitor: Decider, parts: NeedsParts) -> Response:
    """Drop one's own saved view.

    Raises:
        Refused: 404.
    """
    with parts.database.writing() as session:
        if not saved_views.forget(session, visitor.person_id, view_id):
            raise _not_there()
    return _back(request, "/review")


def _decide(parts: Parts, visitor: Visitor, words: Words, seen: Seen, step: Step) -> dict[str, int]:
    try:
        with parts.database.writing(lane=store.lane_of(seen[0][0])) as session:
            at = now()
            claims.check(session, [violation_id for violation_id, _ in seen], visitor.person_id, at)
            return {
                pair[0]: history.decide(session, visitor.scope, pair, step, visitor.person_id, at) for pair in seen
            }
    except NoSuchViolation as error:
        raise _not_there() from error
    except StepRefused as error:
        raise bad_fields("not complete", [{"field": error.field, "problem": error.problem}]) from error
    except StepOutOfTurn as error:
        raise Refused(409, "out-of-turn", str(error)) from error
    except ClaimedByOther as error:
        told = words("claim.by", who=error.claim.username)
        raise Refused(409, "claimed", words("claim.title"), told, field="seen") from error
    except DecidedMeanwhile as error:
        raise _meanwhile(words, error) from error


def _meanwhile(words: Words, error: DecidedMeanwhile) -> Refused:
    newest = error.newest
    if newest is None:
        told = words("conflict.somebody")
    else:
        verdict, at = words.named("verdict", newest.verdict), words.instant(newest.decided_at)
        told = words("conflict.who", who=newest.username, verdict=verdict, at=at)
    return Refused(409, "decided-meanwhile", words("conflict.title"), told, field="seen")


def _edited(request: Request, parts: Parts, violation_id: str, deed: Any) -> Response:
    try:
        with parts.database.writing() as session:
            deed(session)
    except IncidentRefused as error:
        if error.why == "not_there":
            raise _not_there() from error
        words = words_of(request)
        told = words(f"incident.refused.{error.why}")
        raise Refused(409, "incident-refused", told, field="violation_id") from error
    return _back(request, f"/review/{violation_id}")


def _seen(text: str) -> Seen:
    pairs: dict[str, int] = {}
    for word in text.split():
        violation_id, _, decision_id = word.partition(":")
        if not violation_id or not decision_id.isascii() or not decision_id.isdigit() or len(decision_id) > 12:
            pairs.clear()
            break
        pairs[violation_id] = int(decision_id)
    if not pairs:
        problem = "a list of 'violation:decision' is expected, with 0 where nobody decided"
        raise bad_fields("cannot be read", [{"field": "seen", "problem": problem}])
    return tuple(pairs.items())


def _state(step: Step) -> str:
    return "open" if step.verdict is Verdict.WITHDRAWN else step.verdict.value


def _back(request: Request, to: str) -> Response:
    query = request.url.query
    return RedirectResponse(f"{to}?{query}" if query else to, 303)


def _not_there() -> Refused:
    return Refused(404, "not-there", "there is no such violation", field="violation_id")
