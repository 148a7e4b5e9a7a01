"""Messages as signed JSON to an address of somebody's own."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from kitchenvision import __version__
from kitchenvision.delivery.client import is_loopback, parsed
from kitchenvision.delivery.message import Message
from kitchenvision.errors import DeliveryRetry, SettingsError

_TIMEOUT_S = 10.0
SIGNATURE, TIMESTAMP = "X-Kitchenvision-Signature", "X-Kitchenvision-Timestamp"


class Webhook:
    """POSTs each message; the receiver checks `signature_of` and drops a `message_id` that it knows.

    Args:
        url: shown nowhere but for its host, since many carry a token. secret: of the signature; empty: unsigned.

    Raises:
        SettingsError: no http(s) address, or plain http to another machine.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        try:
            address = parsed(url)
        except ValueError:
            raise SettingsError("webhook", "", "it is no address") from None
        if address.scheme not in ("http", "https") or not address.host or address.userinfo:
            raise SettingsError("webhook", "", "expected https://HOST/PATH without a user")
        local = is_loopback(address.host)
        if address.scheme == "http" and not local:
            raise SettingsError("webhook", "", "http would be readable for all on the way: use https")
        self._url, self._secret, self._clock = url, secret.encode(), clock
        self._shown = f"{address.scheme}://{address.host}"
        self._client = httpx.Client(
            headers={"User-Agent": f"kitchenvision/{__version__}"},
            timeout=_TIMEOUT_S,
            follow_redirects=False,
            trust_env=not local,
            transport=transport,
        )

    def send(self, message: Message) -> None:
        """See `Way`. Any 2xx answer is a receipt."""
        content: dict[str, object] = {
            "message_id": message.message_id,
            "title": message.title,
            "text": message.text,
            "events": list(message.events),
        }
        if message.picture is not None:
            content["picture_jpeg"] = b64encode(message.picture).decode()
        body = json.dumps(content, ensure_ascii=False).encode()
        stamp = str(int(self._clock().timestamp()))
        headers = {"Content-Type": "application/json; charset=utf-8", TIMESTAMP: stamp}
        if self._secret:
            headers[SIGNATURE] = f"sha256={signature_of(self._secret, stamp, body)}"
        try:
            answer = self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise DeliveryRetry(f"{self._shown} cannot be reached: {type(error).__name__}") from None
        if not answer.is_success:
            raise DeliveryRetry(f"{self._shown} answers HTTP {answer.status_code}")

    def close(self) -> None:
        """See `Way`."""
        self._client.close()


def signature_of(secret: bytes, stamp: str, body: bytes) -> str:
    """HMAC-SHA256, hex, of timestamp, a full stop and the body."""
    return hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
