"""Calls webhooks: signed, to addresses that may be called, without following anybody elsewhere.

Signed as the Standard Webhooks say (https://www.standardwebhooks.com): HMAC-SHA256 over id, timestamp and body, in
the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
"""

import base64
import hmac
import ipaddress
import logging
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx

from kitchenvision.regulator import webhook_store as queue
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.jobs import Job
from kitchenvision.regulator.parts import Parts, now
from kitchenvision.regulator.vault import Vault
from kitchenvision.regulator.webhook_events import Lookout
from kitchenvision.regulator.webhook_settings import WebhookSettings

LOG = logging.getLogger(__name__)
EVERY_S = 5.0
TIMEOUT_S = 10.0
_LONGEST_ANSWER = 2000
_AT_ONCE = 200
Resolve = Callable[[str, int], list[str]]
Answer = tuple[int | None, str]


def signature(secret: str, delivery: str, timestamp: int, body: str) -> str:
    """The value of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{delivery}.{timestamp}.{body}".encode(), "sha256").digest()
    return "v1," + base64.b64encode(signed).decode()


def resolved(host: str, port: int) -> list[str]:
    """Every address of a host.

    Raises:
        OSError: it is not known.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Caller:
    """Sends one delivery.

    Args:
        resolve: finds the addresses of a host.
    """

    def __init__(self, client: httpx.Client, settings: WebhookSettings, resolve: Resolve = resolved) -> None:
        self._client, self._settings, self._resolve = client, settings, resolve

    def call(self, sent: queue.Claimed, at: datetime) -> Answer:
        """Status and first words of the answer; None and why when there was none."""
        parts = urlsplit(sent.url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            addresses = [ipaddress.ip_address(one) for one in self._resolve(host, port)]
        except (OSError, ValueError) as error:
            return None, f"{host} is not known: {error}"
        if not addresses or not all(self._settings.may_call(one) for one in addresses):
            return None, f"{host} is an address that may not be called; see webhooks.toml"
        timestamp = int(at.timestamp())
        headers = {
            "host": parts.netloc,
            "content-type": "application/json",
            "user-agent": "kitchenvision",
            "webhook-id": f"msg_{sent.delivery_id}",
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(sent.secret, f"msg_{sent.delivery_id}", timestamp, sent.body),
        }
        # To the address that was looked at: a second look-up could give another one.
        url = httpx.URL(sent.url).copy_with(host=str(addresses[0]))
        request = self._client.build_request("POST", url, content=sent.body.encode(), headers=headers)
        request.extensions["sni_hostname"] = host
        try:
            answer = self._client.send(request, stream=True, follow_redirects=False)
            try:
                words = next(answer.iter_bytes(_LONGEST_ANSWER), b"")
            finally:
                answer.close()
        except httpx.HTTPError as error:
            return None, f"{type(error).__name__}: {error}"
        plain = "".join(letter for letter in words.decode("utf-8", "replace") if letter.isprintable())
        return answer.status_code, plain


def send_due(
    stores: tuple[Database, Vault], caller: Caller, settings: WebhookSettings, clock: Callable[[], datetime]
) -> int:
    """Send what is due; after a failure the rest of that webhook waits for the next round. Returns the tries."""
    database, vault = stores
    failed: set[int] = set()
    for tries in range(_AT_ONCE):
        with database.reading() as session:
            if not queue.anything_due(session, clock()):
                return tries
        with database.writing(queue.LANE) as session:
            sent = queue.claim(session, vault, clock(), failed)
        if sent is None:
            return tries
        answer = caller.call(sent, clock())
        with database.writing(queue.LANE) as session:
            queue.report(session, sent, answer, clock(), timedelta(days=settings.give_up_days))
        if answer[0] is None or not 200 <= answer[0] < 300:
            failed.add(sent.webhook_id)
            LOG.warning("webhook %s: try %s failed: %s", sent.webhook_id, sent.attempts, answer[0] or "no answer")
    return _AT_ONCE


class Courier:
    """Looks for what happened and sends it, until it is stopped."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._lookout = parts, Lookout(parts)
        self._client = httpx.Client(timeout=httpx.Timeout(TIMEOUT_S), trust_env=False)
        self._caller = Caller(self._client, parts.settings.webhooks)
        self._forgot: datetime | None = None
        self._job = Job(parts.database, "webhooks", self._round, EVERY_S, TIMEOUT_S + 5)

    def start(self) -> None:
        """Begin; the first look is after `EVERY_S` seconds."""
        self._job.start()

    def stop(self) -> None:
        """End, after the call that is under way."""
        self._job.stop()
        self._client.close()

    def _round(self) -> None:
        self._lookout.look(now())
        self._forget(now())
        send_due((self._parts.database, self._parts.vault), self._caller, self._parts.settings.webhooks, now)

    def _forget(self, at: datetime) -> None:
        if self._forgot is None or at - self._forgot >= timedelta(days=1):
            self._forgot = at
            with self._parts.database.writing(queue.LANE) as session:
                queue.forget_old(session, at)
