"""Events in the reader's words: a title that counts, a line each with local time and what to do. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo

from kitchenvision.delivery.message import Message
from kitchenvision.edge.causes import ADVICE, Cause
from kitchenvision.edge.health import ADVICE as TROUBLE_ADVICE
from kitchenvision.edge.health import Trouble
from kitchenvision.edge.notices import Event
from kitchenvision.edge.notify_settings import EVENTS
from kitchenvision.edge.words import Language, Words
from kitchenvision.wire import canonical_json, content_hash

_MOST_LINES = 30
_ID_LENGTH = 32


def message_of(events: Sequence[Event], left_out: int, canteen: str, zone: tzinfo, language: Language) -> Message:
    """One message of one or many events.

    Args:
        left_out: how many older ones could not be kept. zone: of the times.
    """
    words = Words(language)
    counts = Counter(event.kind for event in events)
    parts = [words(f"notice_{kind}_title", n=counts[kind]) for kind in EVENTS if counts[kind]]
    lines = [_line(event, words, zone) for event in events[:_MOST_LINES]]
    more = len(events) - len(lines) + left_out
    if more:
        lines.append(words("notice_more", n=more))
    rows = [event.row() for event in events]
    return Message(
        message_id=content_hash(canonical_json(rows))[:_ID_LENGTH],
        title=f"{canteen}: {words('notice_join').join(parts)}",
        text="\n".join(lines),
        events=rows,
    )


def _line(event: Event, words: Words, zone: tzinfo) -> str:
    at = f"{event.at.astimezone(zone):%m-%d %H:%M:%S}"
    text = words(
        f"notice_{event.kind}",
        camera=event.camera,
        rule=words(event.rule_id),
        zone=event.zone,
        why=_why(event.why, words),
    )
    return f"{at} {text}"


def _why(why: str, words: Words) -> str:
    if why in set(Trouble):
        return f"{words(why)}. {TROUBLE_ADVICE[Trouble(why)][words.language]}"
    if why in set(Cause):
        return ADVICE[Cause(why)][words.language]
    return why
