"""Where two models differ on the same pictures or clips. Pure: rows in, differences out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kitchenvision.geometry import as_xyxy, iou
from kitchenvision.types import Xyxy

LEAST_CONFIDENCE = 0.4  # below it a head is in neither model's answer; the rules ask for about as much
SAME_HEAD = 0.4  # IoU, as accuracy is scored
SAME_CIGARETTE = 0.2
SAME_VIOLATION_S = 10.0  # the rules' longest window: two models may confirm so far apart
SAME_PERSON = 0.2  # IoU of the accused, as `evaluate` matches them


@dataclass(frozen=True)
class Difference:
    """One thing that the models say differently.

    Attributes:
        what: ``head``, ``hat``, ``mask`` or ``cigarette``.
        xyxy: where, pixels of the picture.
        a, b: what each says; empty where it says nothing.
    """

    what: str
    xyxy: Xyxy
    a: str
    b: str


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    """Differences between two rows of `detect` on one picture, in the order of the rows."""
    heads_a, heads_b = _sure(a["heads"]), _sure(b["heads"])
    pairs, only_a, only_b = matched(heads_a, heads_b, SAME_HEAD)
    found = []
    for one, other in pairs:
        for what in ("hat", "mask"):
            said = _answer(one[what]), _answer(other[what])
            if said[0] != said[1]:
                found.append(Difference(what, as_xyxy(one["xyxy"]), *said))
    found += [Difference("head", as_xyxy(h["xyxy"]), "found", "") for h in only_a]
    found += [Difference("head", as_xyxy(h["xyxy"]), "", "found") for h in only_b]
    _, only_a, only_b = matched(_sure(a["cigarettes"]), _sure(b["cigarettes"]), SAME_CIGARETTE)
    found += [Difference("cigarette", as_xyxy(c["xyxy"]), "found", "") for c in only_a]
    found += [Difference("cigarette", as_xyxy(c["xyxy"]), "", "found") for c in only_b]
    return found


def matched(
    a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]], least: float
) -> tuple[list[tuple[Mapping[str, Any], Mapping[str, Any]]], list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Pairs of things with `xyxy` that overlap at least so much, the closest first; only in a; only in b."""
    overlaps = sorted(
        ((iou(as_xyxy(x["xyxy"]), as_xyxy(y["xyxy"])), i, j) for i, x in enumerate(a) for j, y in enumerate(b)),
        key=lambda entry: (-entry[0], entry[1], entry[2]),
    )
    left, right, pairs = set(range(len(a))), set(range(len(b))), []
    for overlap, i, j in overlaps:
        if overlap >= least and i in left and j in right:
            pairs.append((a[i], b[j]))
            left.remove(i)
            right.remove(j)
    return pairs, [a[i] for i in sorted(left)], [b[j] for j in sorted(right)]


def counted(found: Sequence[Difference]) -> dict[str, Counter[tuple[str, str]]]:
    """How often each pair of answers differs, per kind: {"hat": {("bare", "covered"): 3}}."""
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for one in found:
        counts.setdefault(one.what, Counter())[(one.a, one.b)] += 1
    return counts


def violations_apart(
    a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]]
) -> tuple[int, list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """How many rows of violations.jsonl two scans share, and those that only one has.

    The same: video, rule, nearly the same place, confirmed at most `SAME_VIOLATION_S` apart.
    """
    left, shared = list(b), 0
    only_a = []
    for row in a:
        twin = next((other for other in left if _same_violation(row, other)), None)
        if twin is None:
            only_a.append(row)
        else:
            left.remove(twin)
            shared += 1
    return shared, only_a, left


def _same_violation(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return (
        (a["video"], a["rule_id"]) == (b["video"], b["rule_id"])
        and abs(a["confirmed_s"] - b["confirmed_s"]) <= SAME_VIOLATION_S
        and iou(as_xyxy(a["person_xyxy"]), as_xyxy(b["person_xyxy"])) >= SAME_PERSON
    )


def _sure(things: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [thing for thing in things if thing["confidence"] >= LEAST_CONFIDENCE]


def _answer(chances: Mapping[str, float]) -> str:
    return max(chances, key=lambda name: chances[name])
