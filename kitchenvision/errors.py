"""Every error that the package raises on purpose.

    KitchenvisionError
    ├── SettingsError            fix the settings: file, key, value and what is allowed
    ├── SourceError              a frame source
    │   ├── SourceNotFound       no such file or address
    │   ├── SourceUnreadable     nothing could be decoded: say what was expected and what came
    │   └── SourceBroken         it could be read up to a moment (`.media_s`), then no more
    ├── ModelError               a model folder is missing, incomplete, or its hash differs
    ├── MissingExtra             an optional dependency is not installed: says what to type
    ├── StorageError             disk full, folder not writable, database locked for good
    ├── DeliveryError            the regulator did not take a report
    │   ├── DeliveryRetry        try again later (network, 5xx, 429)
    │   └── DeliveryRefused      never the same again (4xx): a dead letter with its reason
    └── PortInUse                a server cannot listen where it was asked to

A leaf says what a caller can do. Third-party errors are converted where they come in.
Messages never carry credentials: pass addresses through `without_credentials`.
"""

import re


class KitchenvisionError(Exception):
    """Base of all; the text is for a person and says what was expected, what came and what to do."""


class SettingsError(KitchenvisionError):
    """A setting is wrong.

    Args:
        where: file (or environment variable, or option) that holds it.
        key: dotted key, such as ``rules.no_hat.window_s``.
        problem: what came and what is allowed.
    """

    def __init__(self, where: str, key: str, problem: str) -> None:
        super().__init__(f"{where}: {key}: {problem}" if key else f"{where}: {problem}")
        self.where, self.key, self.problem = where, key, problem


class SourceError(KitchenvisionError):
    """A frame source cannot be used."""


class SourceNotFound(SourceError):
    """No such file, folder or address."""


class SourceUnreadable(SourceError):
    """The source exists but nothing in it could be decoded."""


class SourceBroken(SourceError):
    """The source could be read up to `media_s` seconds, and not further."""

    def __init__(self, message: str, media_s: float) -> None:
        super().__init__(message)
        self.media_s = media_s


class ModelError(KitchenvisionError):
    """A model folder is missing, incomplete, or not what its hashes say."""


class MissingExtra(KitchenvisionError):
    """An optional part of the package is not installed."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the extra '{extra}': pip install 'kitchenvision[{extra}]'")
        self.extra = extra


class StorageError(KitchenvisionError):
    """Something could not be written: disk full, not writable, locked."""


class DeliveryError(KitchenvisionError):
    """The regulator did not take a report."""


class DeliveryRetry(DeliveryError):
    """It may take it later."""


class DeliveryRefused(DeliveryError):
    """It will never take this report as it is."""


class PortInUse(KitchenvisionError):
    """A server cannot listen on the port that it was asked to."""


# A password may hold a slash, so what follows a colon goes up to the last @: rather too much than a secret.
_CREDENTIALS = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/\s:@]*:\S*|[^/\s]*)@")


def without_credentials(text: str) -> str:
    """`text` with the user and password of every URL in it replaced by ``***``."""
    return _CREDENTIALS.sub(r"\g<scheme>***@", text)


def printable(name: str) -> str:
    """A file's name as text that can be written: bytes that are not UTF-8 (GBK names on Linux) become marks."""
    return name.encode("utf-8", "replace").decode("utf-8")
