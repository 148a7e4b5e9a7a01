"""How the zoom look's answers serve the rules: judged heads, wrong ones among them, by threshold and head size.

As the rules see it (`kitchenvision.rules.rule.from_answers`): two opposite answers, bare against covered hair, no
proper mask against a worn one, and the doubt about both. A head counts as judged when the surer answer reaches the
threshold and the doubt is at most the rules' limit. Here both answers are asked the same threshold; the rules let a
look that speaks for somebody count from 65 % on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kitchenvision.rules.registry import all_rules
from training.settings import HAT, MASK

Array = np.ndarray[Any, np.dtype[Any]]
RULES = {"hat": "no_hat", "mask": "no_mask"}
LEAST_PX = 28.0  # from here on a head should be judged nearly always
MOST_WRONG = 0.03
BANDS_PX = ((18, 28), (28, 40), (40, 80), (80, 10_000))
_VIOLATING = {"hat": ("bare",), "mask": ("none", "incorrect")}
_NAMES = {"hat": HAT, "mask": MASK}


def opposed(question: str, chances: Array) -> tuple[Array, Array]:
    """(probability of violating given that it can be judged, doubt), each (N,), of calibrated (N, answers)."""
    names = _NAMES[question]
    violating = sum(chances[:, names.index(name)] for name in _VIOLATING[question])
    doubt = chances[:, names.index("cannot_judge")]
    return np.asarray(violating / np.maximum(1 - doubt, 1e-6)), doubt


def judged(question: str, chances: Array, threshold: float) -> Array:
    """(N,) of 1 violating, 0 compliant, -1 cannot be judged."""
    probability, doubt = opposed(question, chances)
    limit = all_rules()[RULES[question]].defaults.max_doubt
    sure = np.maximum(probability, 1 - probability) >= threshold
    return np.where(sure & (doubt <= limit), (probability > 0.5).astype(int), -1)


def violates(question: str, truth: Array) -> Array:
    """(N,) of 1 violating, 0 compliant, -1 where nobody can tell, from true answers as indices."""
    wrong = [_NAMES[question].index(name) for name in _VIOLATING[question]]
    unknown = _NAMES[question].index("cannot_judge")
    return np.where(truth == unknown, -1, np.isin(truth, wrong).astype(int))


def curve(question: str, chances: Array, truth: Array, head_px: Array) -> list[dict[str, float]]:
    """Coverage against error over thresholds, for heads of `LEAST_PX` and more of which somebody can tell."""
    known = violates(question, truth)
    keep = (head_px >= LEAST_PX) & (known >= 0)
    rows = []
    for threshold in (*np.arange(0.5, 0.96, 0.05), 0.97, 0.98, 0.99):
        said = judged(question, chances[keep], float(threshold))
        given = said >= 0
        wrong = said[given] != known[keep][given]
        rows.append(
            {
                "threshold": round(float(threshold), 2),
                "judged": round(float(given.mean()), 4) if len(given) else 0.0,
                "wrong": round(float(wrong.mean()), 4) if len(wrong) else 0.0,
            }
        )
    return rows


def best_point(rows: list[dict[str, float]]) -> dict[str, float] | None:
    """The point of the curve that judges most heads with at most `MOST_WRONG` of the answers wrong."""
    fitting = [row for row in rows if row["wrong"] <= MOST_WRONG and row["judged"] > 0]
    return max(fitting, key=lambda row: row["judged"], default=None)


def confusion(question: str, chances: Array, truth: Array, head_px: Array) -> dict[str, list[list[int]]]:
    """Per band of head height: rows are compliant and violating heads, columns compliant, violating, not judged.

    At the threshold that the rule ships with.
    """
    threshold = 0.5 + all_rules()[RULES[question]].defaults.min_margin
    known, said = violates(question, truth), judged(question, chances, threshold)
    out = {}
    for low, high in BANDS_PX:
        inside = (head_px >= low) & (head_px < high)
        table = [[int((inside & (known == k) & (said == s)).sum()) for s in (0, 1, -1)] for k in (0, 1)]
        if sum(map(sum, table)):
            out[f"{low}-{high}"] = table
    return out
