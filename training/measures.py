"""Precision, recall and what is read off their curve."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def precision_recall(scores: Array, hits: Array, positives: int) -> tuple[Array, Array]:
    """(recall, precision) over falling thresholds; hits: which of the scored are true, of `positives` there are."""
    hit = np.asarray(hits, float)[np.argsort(-np.asarray(scores), kind="stable")]
    true = np.cumsum(hit)
    return true / max(1, positives), true / np.arange(1, len(hit) + 1)


def average_precision(scores: Array, truth: Array) -> float:
    """Area under precision over recall, each true one counted at its rank."""
    recall, precision = precision_recall(scores, truth, int(truth.sum()))
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def precision_at(recall: float, scores: Array, truth: Array) -> float:
    """Precision at the highest threshold at which that share of the true ones is found."""
    hits = np.cumsum(truth[np.argsort(-scores, kind="stable")])
    if not len(hits) or not hits[-1]:
        return float("nan")
    place = int(np.searchsorted(hits, recall * hits[-1]))
    return float(hits[place] / (place + 1))
