"""How long a failed delivery waits: pure numbers, no clock."""

import random

FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 600.0
# While the regulator is away a report's failures say nothing of the report; it shall go soon after it is back.
LONGEST_AWAY_DELAY_S = 60.0
LEAST_DELAY_S = 0.5  # full jitter may draw zero, and a regulator in trouble must not be hammered
# No lease and no back-off is longer than this. A time further away comes from a clock that has jumped
# (a box without a battery starts in 1970), and counts as due.
FARTHEST_S = 3600.0


def delay_s(failures: int, rng: random.Random, longest_s: float = LONGEST_DELAY_S) -> float:
    """Seconds until the next attempt: full jitter over 2 s doubled by each failure, at most `longest_s`.

    Args:
        failures: failed attempts so far, at least 1.
        rng: draws the jitter.
        longest_s: at most `LONGEST_DELAY_S`.

    Source: "full jitter" of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    longest = min(longest_s, LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 32))
    return max(LEAST_DELAY_S, rng.uniform(0.0, longest))
