"""What decisions teach: which picture, which box, what it is. `kitchenvision feedback export` writes it down.

A decision says something certain of one box, and nothing of the rest of the picture. Where it leaves open what the
box is (a confirmed missing mask may be none or one on the chin; "other" says nothing), a person is to label it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.regulator import history, store
from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.decisions import Verdict
from kitchenvision.regulator.tables import ViolationRow
from kitchenvision.wire import Box, ConfirmedReport


class Meaning(IntEnum):
    """What a box is: the class numbers of the label files, see `MAPPING`."""

    COVERED = 0
    BARE = 1
    HAT_UNSEEN = 2
    MASK_WORN = 3
    MASK_UNSEEN = 4
    NOT_HEAD = 5
    CIGARETTE = 6


# As training/own_footage.py reads it; absence is certain of no class.
MAPPING = """split = "train"
exhaustive = []
[classes]
0 = { kind = "head", hat = "covered" }
1 = { kind = "head", hat = "bare" }
2 = { kind = "head", hat = "cannot_judge" }
3 = { kind = "head", mask = "worn" }
4 = { kind = "head", mask = "cannot_judge" }
5 = { kind = "not_head" }
6 = { kind = "cigarette" }
"""
# Pictures cut to one person who does not smoke.
MAPPING_NO_CIGARETTE = """split = "train"
exhaustive = ["cigarette"]
[classes]
"""


class Group(StrEnum):
    """Where a picture goes: with boxes, cut to a person without a cigarette, or to somebody who labels it."""

    OWN = "own"
    NO_CIGARETTE = "own-no-cigarette"
    TO_LABEL = "to-label"


@dataclass(frozen=True)
class Example:
    """One picture. Boxes are pixels of it; `box` is what `meaning` speaks of, or the person to cut out.

    `reason` is 1..6 of a rejection, None of a confirmation.
    """

    violation_id: str
    canteen_id: str
    camera_id: str
    rule_id: str
    captured_at: datetime
    decided_at: datetime
    reason: int | None
    group: Group
    meaning: Meaning | None
    box: Box
    size: tuple[int, int]
    picture_sha256: str
    media_type: str

    @property
    def label(self) -> str:
        """One line of a label file: class, centre and size relative to the picture; empty without a meaning."""
        if self.meaning is None:
            return ""
        width, height = self.size
        x0, x1 = (min(max(x, 0.0), width) / width for x in (self.box[0], self.box[2]))
        y0, y1 = (min(max(y, 0.0), height) / height for y in (self.box[1], self.box[3]))
        return f"{int(self.meaning)} {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}"


_WRONG_BOX: dict[int | None, Meaning] = {2: Meaning.NOT_HEAD}
# rule -> reason (None: confirmed) -> what the box is
_HEADS: dict[str, dict[int | None, Meaning]] = {
    "no_hat": {
        None: Meaning.BARE,
        1: Meaning.COVERED,
        3: Meaning.BARE,  # somebody from outside: the head is bare all the same
        5: Meaning.HAT_UNSEEN,
        **_WRONG_BOX,
    },
    "no_mask": {1: Meaning.MASK_WORN, 5: Meaning.MASK_UNSEEN, **_WRONG_BOX},
    "smoking": {**_WRONG_BOX},
}


def meaning_of(rule_id: str, reason: int | None, cigarette: bool) -> tuple[Group, Meaning | None]:
    """What a decision says of the picture.

    Args:
        reason: of the rejection, None for a confirmation. cigarette: whether the report has the box of one.
    """
    if rule_id == "smoking" and reason == 4:
        return Group.NO_CIGARETTE, None
    if rule_id == "smoking" and reason in (None, 3) and cigarette:
        return Group.OWN, Meaning.CIGARETTE
    meaning = _HEADS.get(rule_id, {}).get(reason)
    return (Group.TO_LABEL, None) if meaning is None else (Group.OWN, meaning)


def examples(session: Session, scope: Scope, confirmed_share: float, after: str = "") -> Iterator[Example]:
    """Every rejected violation of the scope that has a picture, and a share (0..1) of the confirmed ones, by id.

    The share is chosen by the id: the same violations each time, and a larger share holds the smaller one.

    Args:
        after: only those with greater ids.
    """
    query = select(ViolationRow).where(
        scope.covers(ViolationRow.canteen_id),
        ViolationRow.state.in_(("confirmed", "rejected")),
        ViolationRow.violation_id > after,
    )
    for row in session.scalars(query.order_by(ViolationRow.violation_id)):
        if row.state == "confirmed" and _draw(row.violation_id) >= confirmed_share:
            continue
        example = _example(session, scope, row)
        if example is not None:
            yield example


def _draw(violation_id: str) -> float:
    return int.from_bytes(sha256(violation_id.encode()).digest()[:4], "big") / 2**32


def _example(session: Session, scope: Scope, row: ViolationRow) -> Example | None:
    kept = store.blob(session, scope, row.violation_id, "snapshot")
    decided = history.decisions(session, scope, row.violation_id)[-1]
    if kept is None:
        return None
    reports = (report for report, _ in store.reports(session, scope, row.violation_id))
    shown = next(one for one in reports if isinstance(one, ConfirmedReport)).snapshot
    reason = decided.reason if decided.verdict is Verdict.REJECTED else None
    group, meaning = meaning_of(row.rule_id, reason, shown.cigarette_xyxy is not None)
    box = shown.person_xyxy if group is Group.NO_CIGARETTE else shown.head_xyxy
    if meaning is Meaning.CIGARETTE and shown.cigarette_xyxy is not None:
        box = shown.cigarette_xyxy
    return Example(
        violation_id=row.violation_id,
        canteen_id=row.canteen_id,
        camera_id=row.camera_id,
        rule_id=row.rule_id,
        captured_at=row.captured_at,
        decided_at=decided.decided_at,
        reason=reason,
        group=group,
        meaning=meaning,
        box=box,
        size=(shown.width, shown.height),
        picture_sha256=kept.sha256,
        media_type=kept.media_type,
    )
