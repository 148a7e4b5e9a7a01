"""Log-in by an office's own provider: the way there and back. The session that follows is as any other."""

import logging
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import oidc_accounts
from kitchenvision.regulator.login import START, local, logged_in, refused
from kitchenvision.regulator.oidc import Provider, ProviderDown, ProviderRefused
from kitchenvision.regulator.oidc_accounts import Found, Waiting
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.problems import Refused

router = APIRouter()
LOG = logging.getLogger(__name__)
COOKIE = "kitchenvision_provider"  # between leaving for the provider and coming back
_PATH = "/login/oidc"
Answer = Annotated[str, Query(max_length=4000)]


@router.get("/login/oidc", response_model=None)
def leave(request: Request, parts: NeedsParts, next: Annotated[str, Query(max_length=2000)] = START) -> Response:
    """To the provider.

    Raises:
        Refused: 404, none is set up.
    """
    wanted = local(next)
    try:
        begun = _provider(parts).begin()
    except ProviderDown as error:
        return _down(request, wanted, error)
    with parts.database.writing(oidc_accounts.LANE) as session:
        token = oidc_accounts.remember(session, begun, wanted, now())
    answer = RedirectResponse(begun.url, 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(oidc_accounts.LASTS_S),
        path=_PATH,
        httponly=True,
        samesite="lax",  # a strict one would not come back from the provider's site
        secure=_secure(parts),
    )
    return answer


@router.get("/login/oidc/back", response_model=None)
def come_back(
    request: Request,
    parts: NeedsParts,
    state: Answer = "",
    code: Answer = "",
    error: Answer = "",
    iss: Answer = "",
) -> Response:
    """From the provider, with a code or a word why not.

    Raises:
        Refused: 404, none is set up.
    """
    provider = _provider(parts)
    with parts.database.writing(oidc_accounts.LANE) as session:
        waiting = oidc_accounts.take(session, state, request.cookies.get(COOKIE, ""), now())
    if waiting is None:
        return refused(request, 401, (START, "", "oidc.late"))
    try:
        provider.check_issuer(iss)
        if error or not code:
            raise ProviderRefused(f"the provider answers {error[:40]!r} and sends no code")
        found = _found(parts, provider, waiting, code)
    except ProviderDown as problem:
        return _down(request, waiting.wanted, problem)
    except ProviderRefused as problem:
        LOG.warning("a log-in by the provider failed: %s", problem)
        return refused(request, 401, (waiting.wanted, "", "oidc.refused"))
    except SettingsError as problem:
        LOG.error("oidc.toml cannot be followed: %s", problem)
        found = Found(None, "oidc.unknown")
    if found.person_id is None:
        LOG.warning("a log-in by the provider was turned away: %s", found.problem)
        return refused(request, 403, (waiting.wanted, "", found.problem))
    answer = logged_in(request, parts, found.person_id, local(waiting.wanted))
    answer.delete_cookie(COOKIE, path=_PATH)
    return answer


def _found(parts: Parts, provider: Provider, waiting: Waiting, code: str) -> Found:
    known = provider.finish(code, waiting.nonce, waiting.verifier)
    newcomers = None if parts.settings.oidc is None else parts.settings.oidc.newcomers
    with parts.database.writing() as session:
        return oidc_accounts.account_of(session, known, newcomers, now())


def _provider(parts: Parts) -> Provider:
    if parts.provider is None:
        raise Refused(404, "not-there", "no provider is set up here", "log in with your password")
    return parts.provider


def _secure(parts: Parts) -> bool:
    return parts.settings.oidc is not None and parts.settings.oidc.address.startswith("https:")


def _down(request: Request, wanted: str, problem: ProviderDown) -> Response:
    LOG.warning("log-in by the provider is not possible: %s", problem)
    return refused(request, 502, (wanted, "", "oidc.down"))
