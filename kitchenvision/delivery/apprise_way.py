"""Messages through apprise: e-mail, DingTalk, WeCom, Feishu and what else it knows."""

import logging
from collections.abc import Callable
from typing import Any

from apprise import Apprise, AppriseAsset, AppriseAttachment
from apprise.attachment.memory import AttachMemory

from kitchenvision.delivery.message import Message
from kitchenvision.errors import DeliveryRetry, SettingsError

# Its own words may hold the address, and with it a token.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
_in_memory: Callable[..., Any] = AttachMemory  # it ships no types


class AppriseWay:
    """One address of apprise's, such as ``wecombot://KEY``.

    Args:
        url: carries passwords or tokens; shown nowhere but for its scheme.

    Raises:
        SettingsError: apprise does not understand it.
    """

    def __init__(self, url: str) -> None:
        self._scheme = url.partition("://")[0]
        self._apprise = Apprise(asset=AppriseAsset(app_id="kitchenvision", app_desc="kitchenvision", app_url=""))
        if not self._apprise.add(url):
            raise SettingsError("apprise", "", "it does not understand this address")

    def send(self, message: Message) -> None:
        """See `Way`. Bots that take no file get the words alone."""
        attach = None
        if message.picture is not None:
            attach = AppriseAttachment()
            attach.add(_in_memory(content=message.picture, name="picture.jpg", mimetype="image/jpeg"))
        try:
            taken = self._apprise.notify(body=message.text, title=message.title, body_format="text", attach=attach)
        except (OSError, TypeError, ValueError) as error:
            raise DeliveryRetry(f"{self._scheme} failed: {type(error).__name__}") from None
        if not taken:
            raise DeliveryRetry(f"{self._scheme} did not take it")

    def close(self) -> None:
        """See `Way`."""
