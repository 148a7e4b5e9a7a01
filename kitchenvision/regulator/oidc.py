"""Speaks OpenID Connect with one provider: authorization code flow with PKCE, state and nonce. Knows no account.

What is written here follows OpenID Connect Core 1.0, RFC 7636 (PKCE), RFC 9207 (issuer of an answer) and the advice
of RFC 9700. Signatures and claims are checked by joserfc and Authlib.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import quote_plus

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.oidc_settings import OidcSettings, is_safe

TIMEOUT_S = 5.0
DISCOVERY = "/.well-known/openid-configuration"
_KEPT_S = 3600.0
_LEEWAY_S = 60  # by which the provider's clock may be off
# Signatures that anybody can check and only the provider can make.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_Kept = TypeVar("_Kept")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderDown(KitchenvisionError):
    """The provider does not answer, or not as a provider does: try again later, or log in by password."""


class ProviderRefused(KitchenvisionError):
    """The provider's answer is no log-in: it refused, or what it sent is not for us, not now or not its own."""


@dataclass(frozen=True)
class Begun:
    """A log-in that was begun: where the browser goes, and what must be remembered until it comes back."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Known:
    """Whom the provider names: its own id for them; the value of the claim, empty without one to trust."""

    issuer: str
    subject: str
    name: str


class Provider:
    """One provider; its metadata and keys are remembered for an hour.

    Args:
        client: follows no redirects; closed by whoever made it.
        clock: seconds since 1970.
    """

    def __init__(
        self, settings: OidcSettings, client: httpx.Client, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._client, self._clock = settings, client, clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def begin(self) -> Begun:
        """A new log-in.

        Raises:
            ProviderDown: its metadata cannot be had.
        """
        begun = {key: secrets.token_urlsafe(32) for key in ("state", "nonce", "verifier")}
        asked = {
            "redirect_uri": self._settings.back,
            "scope": " ".join(("openid", *self._settings.scopes)),
            "state": begun["state"],
            "nonce": begun["nonce"],
            "code_challenge": create_s256_code_challenge(begun["verifier"]),
            "code_challenge_method": "S256",
        }
        endpoint = self._metadata()["authorization_endpoint"]
        url = prepare_grant_uri(endpoint, self._settings.client_id, "code", **asked)
        return Begun(str(url), **begun)

    def finish(self, code: str, nonce: str, verifier: str) -> Known:
        """Whom the code stands for.

        Raises:
            ProviderDown: it does not answer. ProviderRefused: it does not take the code, or its token is not valid.
        """
        metadata = self._metadata()
        # RFC 6749, 2.3.1: both halves of Basic are form-encoded first.
        basic = httpx.BasicAuth(quote_plus(self._settings.client_id), quote_plus(self._settings.client_secret))
        told = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.back,
            "code_verifier": verifier,
        }
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" not in methods:
            told |= {"client_id": self._settings.client_id, "client_secret": self._settings.client_secret}
        answer = self._asked(
            "POST",
            metadata["token_endpoint"],
            data=told,
            auth=basic if "client_secret_basic" in methods else None,
            headers={"accept": "application/json"},
        )
        if answer.status_code in (400, 401, 403):
            raise ProviderRefused(f"the provider does not take the code: status {answer.status_code}")
        tokens = _object(answer, "tokens")
        if not isinstance(tokens.get("id_token"), str):
            raise ProviderRefused("the provider sent no ID token")
        claims: dict[str, Any] = dict(self._checked(tokens, nonce))
        if self._settings.claim not in claims:
            claims = self._more_of(claims["sub"], tokens) | claims
        return self._known(claims)

    def check_issuer(self, said: str) -> None:
        """Look at the issuer that an answer names (RFC 9207); empty = it names none.

        Raises:
            ProviderRefused: another provider's answer.
        """
        if said and said != self._settings.issuer:
            raise ProviderRefused("the answer is of another issuer")

    def _checked(self, tokens: Mapping[str, Any], nonce: str) -> CodeIDToken:
        try:
            token = self._decoded(tokens["id_token"])
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": self._settings.issuer},
                    "aud": {"essential": True, "value": self._settings.client_id},
                    "sub": {"essential": True},
                    "exp": {"essential": True},
                    "iat": {"essential": True},
                    "nonce": {"essential": True, "value": nonce},
                },
                params={
                    "client_id": self._settings.client_id,
                    "nonce": nonce,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(int(self._clock()), _LEEWAY_S)
        except ClaimError as error:
            raise ProviderRefused(f"the ID token is not for this log-in: {error.claim}") from error
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderRefused(f"the ID token is not valid: {type(error).__name__}") from error
        return claims

    def _decoded(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._keys(), algorithms=_ALGORITHMS)
        except InvalidKeyIdError:
            # The provider may have changed its keys since.
            with self._lock:
                self._kept.pop("keys", None)
            return jwt.decode(token, self._keys(), algorithms=_ALGORITHMS)

    def _more_of(self, subject: str, tokens: Mapping[str, Any]) -> dict[str, Any]:
        """What the provider tells beside the ID token; many keep names out of it."""
        endpoint = self._metadata().get("userinfo_endpoint")
        access = tokens.get("access_token")
        if not isinstance(endpoint, str) or not is_safe(endpoint) or not isinstance(access, str):
            return {}
        told = _object(self._asked("GET", endpoint, headers={"authorization": f"Bearer {access}"}), "user info")
        if told.get("sub") != subject:
            raise ProviderRefused("the user info is of somebody else")
        return told

    def _known(self, claims: Mapping[str, Any]) -> Known:
        subject, name = claims["sub"], claims.get(self._settings.claim)
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            raise ProviderRefused("the ID token names nobody")
        unproved = self._settings.claim == "email" and claims.get("email_verified") is not True
        fine = isinstance(name, str) and not unproved
        return Known(self._settings.issuer, subject, str(name).strip() if fine else "")

    def _metadata(self) -> dict[str, Any]:
        return self._remembered("metadata", self._fetch_metadata)

    def _keys(self) -> KeySet:
        return self._remembered("keys", self._fetch_keys)

    def _remembered(self, what: str, fetch: Callable[[], _Kept]) -> _Kept:
        with self._lock:
            at, value = self._kept.get(what, (-_KEPT_S, None))
        if value is not None and self._clock() - at < _KEPT_S:
            return cast(_Kept, value)
        fresh = fetch()
        with self._lock:
            self._kept[what] = (self._clock(), fresh)
        return fresh

    def _fetch_metadata(self) -> dict[str, Any]:
        told = _object(self._asked("GET", self._settings.issuer.rstrip("/") + DISCOVERY), "metadata")
        if told.get("issuer") != self._settings.issuer:
            raise ProviderDown("the provider calls itself otherwise than `issuer` in oidc.toml does")
        for key in _ENDPOINTS:
            if not isinstance(told.get(key), str) or not is_safe(told[key]):
                raise ProviderDown(f"the provider names no safe {key}")
        return told

    def _fetch_keys(self) -> KeySet:
        told = _object(self._asked("GET", self._metadata()["jwks_uri"]), "keys")
        try:
            return KeySet.import_key_set(told)  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderDown(f"the provider's keys cannot be read: {type(error).__name__}") from error

    def _asked(self, method: str, url: str, **more: Any) -> httpx.Response:
        try:
            return self._client.request(method, url, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderDown(f"the provider does not answer: {type(error).__name__}") from error


def _object(answer: httpx.Response, what: str) -> dict[str, Any]:
    try:
        told = answer.json() if answer.status_code == 200 else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise ProviderDown(f"the provider sends no {what}: status {answer.status_code}")
    return told
