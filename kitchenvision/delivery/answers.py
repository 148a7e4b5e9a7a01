"""What the regulator's answers mean for a report: given up, tried again, or delivered.

A report is given up only when the regulator itself says that this very report can never be taken. Everything
else is tried again, since a server comes back, an address is corrected and a token is renewed.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import pydantic

from kitchenvision.errors import DeliveryRefused, DeliveryRetry
from kitchenvision.outbox.item import Item
from kitchenvision.wire import Problem, Receipt

_LONGEST_WAIT_S = 3600.0


class RegulatorAway(DeliveryRetry):
    """No report can be delivered now: it is down, refuses the token, or is not a regulator.

    Attributes:
        retry_after_s: as the server asked, 0 when it did not.
    """

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Answer:
    """What of an HTTP answer matters here; `body` may be cut after 64 KiB."""

    status: int
    body: bytes
    url: str
    retry_after: str
    location: str

    def problem(self) -> Problem | None:
        """The problem that it tells, or None when this is no answer of a regulator."""
        try:
            return Problem.model_validate_json(self.body)
        except pydantic.ValidationError:
            return None


def check_usable(answer: Answer, now: datetime) -> None:
    """Let pass what is said of one report.

    Raises:
        RegulatorAway: for the answers that would meet every report.
    """
    words = words_of(answer)
    if answer.status in (401, 403):
        raise RegulatorAway(
            f"the regulator REFUSES THE TOKEN ({words}): set the canteen's token, "
            "KITCHENVISION_TOKEN or --token-file; the reports wait"
        )
    if answer.status == 404:
        raise RegulatorAway(f"there is no regulator's API at {answer.url} ({words}): check the address")
    if 300 <= answer.status < 400:
        raise RegulatorAway(f"the regulator sends on to {answer.location} ({words}): name that address")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        after_s = retry_after_s(answer.retry_after, now)
        raise RegulatorAway(f"the regulator cannot take reports now ({words})", after_s)


def judge(item: Item, answer: Answer, now: datetime) -> Receipt:
    """What the answer to a report means: its receipt, or the error that tells what to do.

    Raises:
        RegulatorAway: no report can be delivered now.
        DeliveryRetry: this one may be taken later.
        DeliveryRefused: this one will never be taken.
    """
    check_usable(answer, now)
    words = words_of(answer)
    if answer.status < 300:
        try:
            receipt = Receipt.model_validate_json(answer.body)
        except pydantic.ValidationError:
            raise RegulatorAway(
                f"{answer.url} answers {answer.status} without a receipt: is it a regulator?"
            ) from None
        if (receipt.idempotency_key, receipt.report_sha256) != (item.idempotency_key, item.sha256):
            raise DeliveryRetry(
                f"the receipt is for {receipt.idempotency_key} with SHA-256 {receipt.report_sha256}, "
                f"expected {item.idempotency_key} with {item.sha256}"
            )
        return receipt
    if says(answer, "expected_seq", "gap"):
        raise DeliveryRetry(f"the regulator lacks an earlier report of this violation: {words}")
    if says(answer, "missing_blobs", "missing-blob"):
        raise DeliveryRetry(f"the regulator lacks blobs that were just sent: {words}")
    if answer.status == 413 or (answer.status in (400, 409, 415, 422) and answer.problem()):
        raise DeliveryRefused(f"the regulator will never take this report: {words}")
    raise DeliveryRetry(f"the answer is not one of a regulator: {words}")


def retry_after_s(header: str, now: datetime) -> float:
    """Seconds that a ``Retry-After`` header asks for, 0 to 3600; 0 when it cannot be read (RFC 9110, 10.2.3)."""
    try:
        seconds = float(header) if header.isdigit() else (parsedate_to_datetime(header) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)


def says(answer: Answer, extension: str, type_part: str) -> bool:
    """Whether the answer is a problem of that sort: by an extension member, or by a part of its type."""
    problem = answer.problem() if answer.status in (409, 422) else None
    if problem is None:
        return False
    return bool((problem.model_extra or {}).get(extension)) or type_part in problem.type.replace("_", "-")


def words_of(answer: Answer) -> str:
    """The answer in words for a person."""
    problem = answer.problem()
    if problem is None:
        return f"HTTP {answer.status}"
    field = f" (field {problem.field})" if problem.field else ""
    return f"HTTP {answer.status} {problem.title}: {problem.detail}{field}".rstrip(": ")
