"""Which canteen a token is of, remembered for a moment: an edge box shows it with every picture."""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock

from kitchenvision.regulator.canteens import canteen_of, note_seen, token_hash
from kitchenvision.regulator.db import Database

REMEMBERED_S = 2.0
_MOST_TOKENS = 10_000


class EdgeTokens:
    """Answers of the last `REMEMBERED_S` seconds; a token that was replaced ends after so long.

    What is not the token of a canteen is never remembered.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def remembered(self, token: str) -> str | None:
        """The canteen, or None when it must be asked."""
        canteen_id, until = self._known.get(token_hash(token), ("", 0.0))
        return canteen_id if self._clock() < until else None

    def ask(self, database: Database, token: str, now: datetime) -> str | None:
        """The canteen, out of the database, which keeps that it came; None when it is nobody's token.

        Raises:
            StorageError: the database cannot be read.
        """
        until = self._clock() + REMEMBERED_S  # from before the question: no answer is believed for longer
        with database.asking() as session:
            canteen = canteen_of(session, token)
        if canteen is None:
            return None
        note_seen(database, canteen, now)
        digest = token_hash(token)
        with self._lock:
            self._known[digest] = (canteen.canteen_id, until)
            self._known.move_to_end(digest)
            while len(self._known) > _MOST_TOKENS:
                self._known.popitem(last=False)
        return canteen.canteen_id
