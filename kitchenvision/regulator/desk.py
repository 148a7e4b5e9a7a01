"""What the review page shows of the queue and of one violation: values for the templates."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from kitchenvision.regulator import canteens, case_store, claims, history, incident_edits, queue_store, store
from kitchenvision.regulator.blobs import BlobStore
from kitchenvision.regulator.case_tables import CaseRow
from kitchenvision.regulator.claims import Claim
from kitchenvision.regulator.history import Decision
from kitchenvision.regulator.incident_edits import Move, Near
from kitchenvision.regulator.listing import Cursor, Filters
from kitchenvision.regulator.queue_store import CameraRecord, Entry, Looker
from kitchenvision.regulator.store import Kept
from kitchenvision.regulator.tables import Canteen, ViolationRow
from kitchenvision.regulator.trace import TraceView, read_trace
from kitchenvision.wire import Box, ClipReport, ConfirmedReport, EndedReport

QUEUE_ROWS = 50
EARLIER_ROWS = 5
MERGE_ROWS = 8
_LARGEST_TRACE_BYTES = 4_000_000
_LABEL_SHARE = 0.026  # of the picture's height


@dataclass(frozen=True)
class Item:
    """One violation in a list; `picture` is the address of its thumbnail, empty without one."""

    row: ViolationRow
    canteen_name: str
    picture: str


@dataclass(frozen=True)
class Listed:
    """One incident of the queue, shown by one of its violations. `claimed_by`: somebody else, empty when nobody."""

    item: Item
    entry: Entry
    claimed_by: str

    @property
    def seen(self) -> str:
        """The violations that a decision is about, with the decision that each has: ``id:0 id:17``."""
        return seen_words(self.entry)

    @property
    def cameras(self) -> int:
        """How many cameras saw it."""
        return len({row.camera_id for row in self.entry.members})


@dataclass(frozen=True)
class Queue:
    """A part of the list: `items` from position `first` (1, 2, ...) of `total`; `cursor` leads to more."""

    items: tuple[Listed, ...]
    first: int
    total: int
    cursor: str
    newest_at: datetime | None


@dataclass(frozen=True)
class Rectangle:
    """A box on the picture, in its pixels; `kind` is person, head, cigarette or other."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Marks:
    """Where on the clip (0..100 %) the violation starts, was confirmed and ended; None = not in the clip."""

    seconds: float
    started: float | None
    confirmed: float | None
    ended: float | None


@dataclass(frozen=True)
class Desk:
    """Everything that is shown of one violation.

    Attributes:
        entry: its incident. members: all violations of that, by start.
        mergeable: other incidents that a person may unite it with. moves: what was done by hand.
        claim: who has it on the desk. second: this person is to look again, without seeing the first decision.
    """

    row: ViolationRow
    canteen: Canteen
    report: ConfirmedReport
    roles: frozenset[str]
    rectangles: tuple[Rectangle, ...]
    label_px: float
    marks: Marks | None
    clip_from_s: float
    trace: TraceView | None
    decisions: tuple[Decision, ...]
    end_reason: str
    earlier: tuple[Item, ...]
    case: CaseRow | None
    entry: Entry
    members: tuple[Item, ...]
    mergeable: tuple[Near, ...]
    moves: tuple[Move, ...]
    record: CameraRecord
    claim: Claim | None
    second: bool

    @property
    def seen(self) -> str:
        """As `Listed.seen`."""
        return seen_words(self.entry)

    @property
    def newest(self) -> Decision | None:
        """The decision that holds, or None while it is open."""
        return self.decisions[-1] if self.row.state != "open" and self.decisions else None


def seen_words(entry: Entry) -> str:
    """As `Listed.seen`, the one that is shown first."""
    ordered = sorted(entry.asked, key=lambda row: row.violation_id != entry.row.violation_id)
    return " ".join(f"{row.violation_id}:{row.decision_id}" for row in ordered)


def queue(
    session: Session, looker: Looker, filters: Filters, cursor: Cursor | None = None, first: int = 1
) -> Queue:
    """The list, or the part of it after `cursor`."""
    entries = queue_store.page(session, looker, filters, QUEUE_ROWS + 1, cursor)
    more = len(entries) > QUEUE_ROWS
    entries = entries[:QUEUE_ROWS]
    claimed = claims.of_others(session, looker.scope, looker.person_id, looker.now)
    rows = [entry.row for entry in entries]
    names = canteens.names(session, looker.scope) if rows else {}
    roles = store.roles(session, looker.scope, [row.violation_id for row in rows])
    items = [_item(row, names.get(row.canteen_id, row.canteen_id), roles) for row in rows]
    last = entries[-1].row if entries else None
    return Queue(
        items=tuple(
            Listed(item, entry, claimed.get(entry.row.incident_id, ""))
            for item, entry in zip(items, entries, strict=True)
        ),
        first=first,
        total=queue_store.count(session, looker, filters),
        cursor=Cursor(last.captured_at, last.violation_id).text() if more and last else "",
        newest_at=store.newest_received(session, looker.scope),
    )


def desk(session: Session, looker: Looker, blobs: BlobStore, violation_id: str, filters: Filters) -> Desk | None:
    """One violation, or None when there is none with that id."""
    found = store.violation(session, looker.scope, violation_id)
    if found is None:
        return None
    row, canteen = found
    scope = looker.scope.within(row.canteen_id)
    looker = replace(looker, scope=scope)
    reports = [report for report, _ in store.reports(session, scope, violation_id)]
    confirmed = next(report for report in reports if isinstance(report, ConfirmedReport))
    clips = [report for report in reports if isinstance(report, ClipReport)]
    ends = [report for report in reports if isinstance(report, EndedReport)]
    entry = queue_store.entry(session, looker, filters, row)
    # A case rests on what was decided; what was moved says so itself. Mostly there is neither.
    case = case_store.case_of(session, scope, violation_id) if row.decision_id else None
    moved = any(one.by_hand for one in entry.members)
    others = [] if case else incident_edits.mergeable(session, scope, row)[:MERGE_ROWS]
    lists = (store.earlier(session, scope, row, EARLIER_ROWS), entry.members)
    shown = {row.violation_id, *(one.violation_id for listed in lists for one in listed)}
    kept = store.blobs(session, scope, sorted(shown))
    own = kept.get(violation_id, {})
    earlier, members = (tuple(_item(one, canteen.name, kept) for one in listed) for listed in lists)
    return Desk(
        row=row,
        canteen=canteen,
        report=confirmed,
        roles=frozenset(own),
        rectangles=rectangles(confirmed),
        label_px=max(confirmed.snapshot.height * _LABEL_SHARE, 10.0),
        marks=_marks(confirmed, clips[-1], row.ended_s) if clips and "clip" in own else None,
        clip_from_s=clips[-1].from_s if clips else 0.0,
        trace=_trace(blobs, own.get("trace")),
        decisions=tuple(history.decisions(session, scope, violation_id)) if row.decision_id else (),
        end_reason=ends[-1].reason if ends else "",
        earlier=earlier,
        case=case,
        entry=entry,
        members=members,
        mergeable=tuple(others),
        moves=tuple(incident_edits.moves(session, scope, row.incident_id)) if moved else (),
        record=queue_store.camera_record(session, looker, row),
        claim=claims.holder(session, row.incident_id, looker.person_id, looker.now),
        second=filters.state == "second" and row in entry.asked,
    )


def _item(row: ViolationRow, canteen_name: str, roles: Mapping[str, Collection[str]]) -> Item:
    return Item(row, canteen_name, _thumbnail(row, roles.get(row.violation_id)))


def _thumbnail(row: ViolationRow, roles: Collection[str] | None) -> str:
    for role in ("head_crop", "snapshot"):
        if roles and role in roles:
            return f"/api/v1/violations/{row.violation_id}/{role}"
    return ""


def rectangles(report: ConfirmedReport) -> tuple[Rectangle, ...]:
    """The boxes of its snapshot, those of others first."""
    shown = report.snapshot
    boxes: list[tuple[str, Box]] = [("other", box) for box in shown.others_xyxy]
    boxes += [("person", shown.person_xyxy), ("head", shown.head_xyxy)]
    if shown.cigarette_xyxy is not None:
        boxes.append(("cigarette", shown.cigarette_xyxy))
    return tuple(
        Rectangle(kind, round(x0, 1), round(y0, 1), round(max(x1 - x0, 0), 1), round(max(y1 - y0, 0), 1))
        for kind, (x0, y0, x1, y1) in boxes
    )


def _marks(report: ConfirmedReport, clip: ClipReport, ended_s: float | None) -> Marks:
    seconds = clip.to_s - clip.from_s

    def share(media_s: float | None) -> float | None:
        if media_s is None or seconds <= 0 or not clip.from_s <= media_s <= clip.to_s:
            return None
        return round((media_s - clip.from_s) / seconds * 100, 2)

    return Marks(seconds, share(report.started_s), share(report.confirmed_s), share(ended_s))


def _trace(blobs: BlobStore, kept: Kept | None) -> TraceView | None:
    if kept is None or kept.size > _LARGEST_TRACE_BYTES:
        return None
    return read_trace(b"".join(blobs.chunks(kept.sha256)))
