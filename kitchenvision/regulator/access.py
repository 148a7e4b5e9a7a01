"""Who may see and do what. Every query on what belongs to a canteen takes a `Scope` and asks it here.

A district has towns, a town has canteens. A scope is a part of that tree, with what may be done there. What lies
outside of it answers as if it did not exist.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Executable, Select, bindparam, false, select, true
from sqlalchemy.orm import InstrumentedAttribute

from kitchenvision.regulator.tables import Canteen, Town

CanteenColumn = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
Statement = TypeVar("Statement", bound=Executable)


class Role(StrEnum):
    """What somebody is. `OWNER` is district and admin in one: the first person of an installation."""

    CANTEEN = "canteen"
    INSPECTOR = "inspector"
    DISTRICT = "district"
    ADMIN = "admin"
    AUDITOR = "auditor"
    OWNER = "owner"


class Right(StrEnum):
    """What may be done within a scope."""

    READ = "read"  # violations, pictures and cases
    REVIEW = "review"  # see the desk, where accusations are that nobody has looked at
    DECIDE = "decide"  # decide violations, order rectification, answer appeals
    ANSWER = "answer"  # rectify and appeal, for the canteen
    POLICY = "policy"
    PEOPLE = "people"
    AUDIT = "audit"  # who saw which picture


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.CANTEEN: frozenset({Right.READ, Right.ANSWER}),
    Role.INSPECTOR: frozenset({Right.READ, Right.REVIEW, Right.DECIDE}),
    Role.DISTRICT: frozenset({Right.READ, Right.REVIEW, Right.DECIDE, Right.POLICY}),
    # Whoever hands out rights does not look at pictures of people, and decides nothing.
    Role.ADMIN: frozenset({Right.PEOPLE}),
    Role.AUDITOR: frozenset({Right.READ, Right.REVIEW, Right.AUDIT}),
    Role.OWNER: frozenset({Right.READ, Right.REVIEW, Right.DECIDE, Right.POLICY, Right.PEOPLE, Right.AUDIT}),
}


class Shape(StrEnum):
    """The form of a scope's condition without its values: for each form a statement is put together once."""

    NOTHING = "nothing"
    CANTEEN = "canteen"
    EVERYTHING = "everything"
    DISTRICT = "district"
    TOWNS = "towns"

    def covers(self, canteen_id: CanteenColumn) -> ColumnElement[bool]:
        """As `Scope.covers`; `Scope.asks` gives the values."""
        return _covers(
            self,
            canteen_id,
            bindparam("scope_canteen"),
            bindparam("scope_district"),
            bindparam("scope_towns", expanding=True),
        )


@dataclass(frozen=True)
class Scope:
    """A part of the tree.

    Attributes:
        rights: what may be done there.
        district_id: of which district; None = of every one, which only the service itself has.
        towns: ids within the district; None = all of them.
        canteen_id: this canteen alone, whatever the rest says.
    """

    rights: frozenset[Right]
    district_id: str | None = None
    towns: frozenset[str] | None = None
    canteen_id: str | None = None

    def may(self, right: Right) -> bool:
        """Whether that may be done here."""
        return right in self.rights

    def within(self, canteen_id: str) -> "Scope":
        """This scope, narrowed to one canteen that it covers: its queries then need not find that out again."""
        return replace(self, canteen_id=canteen_id)

    def covers(self, canteen_id: CanteenColumn) -> ColumnElement[bool]:
        """The condition on a column of canteen ids that lets only rows of this scope through."""
        return _covers(self._shape, canteen_id, self.canteen_id, self.district_id, self.towns)

    def asks(self, made: Callable[[Shape], Statement], **values: Any) -> tuple[Statement, dict[str, Any]]:
        """A statement and its values, as a session executes them.

        Args:
            made: puts the statement together, and keeps it: what is asked with every request is built once.
            values: of the statement's own parameters.
        """
        shape = self._shape
        own: dict[str, Any] = {}
        if shape is Shape.CANTEEN:
            own["scope_canteen"] = self.canteen_id
        elif shape in (Shape.DISTRICT, Shape.TOWNS):
            own["scope_district"] = self.district_id
        if shape is Shape.TOWNS:
            own["scope_towns"] = list(self.towns or ())
        return made(shape), {**values, **own}

    def reads(self, canteen_id: CanteenColumn) -> ColumnElement[bool]:
        """The same, and nothing at all without the right to read."""
        return self.covers(canteen_id) if self.may(Right.READ) else false()

    def covers_town(self, town_id: CanteenColumn) -> ColumnElement[bool]:
        """The same for a column of town ids; a single canteen covers no town."""
        if self.canteen_id is not None or not self.rights:
            return false()
        if self.district_id is None:
            return true()
        return town_id.in_(_towns(self.district_id, self.towns))

    @property
    def _shape(self) -> Shape:
        if not self.rights:
            return Shape.NOTHING
        if self.canteen_id is not None:
            return Shape.CANTEEN
        if self.district_id is None:
            return Shape.EVERYTHING
        return Shape.DISTRICT if self.towns is None else Shape.TOWNS


def _covers(
    shape: Shape, canteen_id: CanteenColumn, canteen: Any, district_id: Any, towns: Any
) -> ColumnElement[bool]:
    # The one place that says which canteens a scope covers; the last three are values or parameters for them.
    if shape is Shape.NOTHING:
        return false()
    if shape is Shape.CANTEEN:
        equal: ColumnElement[bool] = canteen_id == canteen
        return equal
    if shape is Shape.EVERYTHING:
        return true()
    within = _towns(district_id, None if shape is Shape.DISTRICT else towns)
    return canteen_id.in_(select(Canteen.canteen_id).where(Canteen.town_id.in_(within)))


def _towns(district_id: Any, towns: Any) -> Select[Any]:
    query = select(Town.town_id).where(Town.district_id == district_id)
    return query if towns is None else query.where(Town.town_id.in_(towns))


EVERYTHING = Scope(frozenset(Right))


def scope_of(role: Role, district_id: str, towns: Collection[str], canteen_id: str | None) -> Scope:
    """The scope of somebody of that role. An inspector without a town, a canteen's person without one: nothing."""
    if role is Role.CANTEEN:
        return Scope(RIGHTS[role] if canteen_id else frozenset(), district_id, canteen_id=canteen_id)
    if role is Role.INSPECTOR:
        return Scope(RIGHTS[role], district_id, frozenset(towns))
    return Scope(RIGHTS[role], district_id)


def scope_of_edge(canteen_id: str) -> Scope:
    """What an edge box may read back: what it sent."""
    return Scope(frozenset({Right.READ}), canteen_id=canteen_id)
