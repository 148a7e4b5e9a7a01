"""OpenID providers on loopback: a real one in a process of its own, and one that lies as a test asks it to."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from regulator.servers import free_ports

CLIENT_ID, CLIENT_SECRET = "kitchenvision", "s3cret+of/the client:%"
_START_S = 60.0


@dataclass(frozen=True)
class RealProvider:
    """One that answers on loopback; who logs in is typed into its form."""

    issuer: str

    def knows(self, subject: str, **claims: object) -> None:
        """Tell it what to say of somebody."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims, trust_env=False).raise_for_status()

    def approve(self, url: str, subject: str, **fields: str) -> str:
        """Send its form as that person; where the browser is sent back to."""
        answer = httpx.post(url, data={"sub": subject, **fields}, trust_env=False)
        assert answer.status_code == 302, answer.text[:500]
        return answer.headers["location"]


@contextmanager
def real_provider(folder: Path) -> Iterator[RealProvider]:
    """`oidc-provider-mock` in a process of its own."""
    (port,) = free_ports(1)
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--require-nonce", "true"], stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        issuer, until = f"http://127.0.0.1:{port}", time.monotonic() + _START_S
        while not _answers(issuer):
            assert process.poll() is None, (folder / "provider.log").read_text()
            assert time.monotonic() < until, "the provider does not start"
            time.sleep(0.1)
        yield RealProvider(issuer)
    finally:
        process.terminate()
        process.wait(20)


def _answers(issuer: str) -> bool:
    try:
        return httpx.get(issuer + "/.well-known/openid-configuration", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@dataclass
class Liar:
    """A provider that checks secret, redirect and PKCE as it should, and says what a test tells it to.

    Attributes:
        claims: instead of those that would be right. told: more of its metadata.
        info: of the user info; None = there is none.
    """

    issuer: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    shown: list[RSAKey] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] | None = None
    algorithm: str = "RS256"
    token_status: int = 200
    asked: list[str] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)
    _begun: dict[str, dict[str, str]] = field(default_factory=dict)

    def approve(self, url: str, **more: str) -> str:
        """As if somebody had logged in there; where the browser is sent back to."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._begun)}"
        self._begun[code] = asked
        return str(httpx.URL(asked["redirect_uri"], params={"code": code, "state": asked["state"], **more}))

    def metadata(self) -> dict[str, Any]:
        """What it says of itself."""
        endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        own = {key: f"{self.issuer}/{path}" for key, path in endpoints.items()}
        more = {} if self.info is None else {"userinfo_endpoint": f"{self.issuer}/info"}
        return {"issuer": self.issuer, **own, **more, **self.told}

    def tokens(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """What the token endpoint answers."""
        self.sent.append(form)
        begun = self._begun.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        fits = begun is not None and begun["code_challenge"] == _coded(digest)
        if not fits or begun is None or form["redirect_uri"] != begun["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        pair = base64.b64encode(f"{CLIENT_ID}:s3cret%2Bof%2Fthe+client%3A%25".encode()).decode()
        posted = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if authorization != f"Basic {pair}" and not posted:
            return 401, {"error": "invalid_client"}
        if self.token_status != 200:
            return self.token_status, {"error": "server_error"}
        at = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "17",
            "nonce": begun["nonce"],
            "iat": at,
            "exp": at + 300,
            "preferred_username": "wang",
        }
        claims = {key: value for key, value in (claims | self.claims).items() if value is not None}
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self._signed(claims)}

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.algorithm, "kid": self.key.kid}
        if self.algorithm == "RS256":
            return jwt.encode(header, claims, self.key)
        # By hand, since the library refuses to: what somebody makes who knows the public key alone.
        told = ".".join(_coded(json.dumps(part).encode()) for part in (header, claims))
        public = self.key.as_pem(private=False)
        forged = hmac.new(public, told.encode(), "sha256").digest() if self.algorithm == "HS256" else b""
        return f"{told}.{_coded(forged)}"


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def lying_provider() -> Iterator[Liar]:
    """A real server on loopback."""
    liar = Liar("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Metadata, keys, user info."""
            liar.asked.append(self.path)
            keys = KeySet(liar.shown or [liar.key]).as_dict(private=False)
            known = {"/.well-known/openid-configuration": liar.metadata(), "/keys": keys}
            if liar.info is not None and self.headers["authorization"] == "Bearer access":
                known["/info"] = liar.info
            self._answer(200 if self.path in known else 404, known.get(self.path, {}))

        def do_POST(self) -> None:
            """The token endpoint."""
            liar.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {key: values[0] for key, values in parse_qs(body).items()}
            self._answer(*liar.tokens(form, self.headers["authorization"] or ""))

        def _answer(self, status: int, told: object) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    liar.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, name="provider", daemon=True)
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
