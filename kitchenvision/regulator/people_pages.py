"""The people of a district, for whoever administers them: added, given a role, kept out, helped back in."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import admin_log, canteens, oidc_accounts, people, second_factor
from kitchenvision.regulator.access import Right, Role
from kitchenvision.regulator.auth import form_with, page_with
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Place, Visitor
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import render
from kitchenvision.regulator.tables import Person

router = APIRouter()
Admin = Annotated[Visitor, Depends(page_with(Right.PEOPLE))]
AdminForm = Annotated[Visitor, Depends(form_with(Right.PEOPLE))]
Word = Annotated[str, Form(max_length=200)]
Towns = Annotated[list[str] | None, Form()]


@dataclass(frozen=True)
class Told:
    """What a step led to: key of a message, why not, and a password that is shown this once."""

    done: str = ""
    problem: str = ""
    password: str = ""


@dataclass(frozen=True)
class RoleWish:
    """Role and places as a form says them."""

    role: str
    towns: tuple[str, ...]
    canteen_id: str


def _role_wish(role: Word = "", town: Towns = None, canteen_id: Word = "") -> RoleWish:
    return RoleWish(role, tuple(town or ()), canteen_id)


RoleForm = Annotated[RoleWish, Depends(_role_wish)]


@router.get("/people", response_model=None)
def people_page(request: Request, visitor: Admin, parts: NeedsParts) -> Response:
    """Everybody of the district, a form to add somebody, and who administered what."""
    return _everybody(request, visitor, parts, Told())


@router.post("/people", response_model=None)
def add_person(
    request: Request,
    visitor: AdminForm,
    parts: NeedsParts,
    wish: RoleForm,
    username: Word = "",
) -> Response:
    """Add somebody; their password is shown this once."""
    try:
        with parts.database.writing() as session:
            role, place = _checked(visitor, wish)
            password = people.add_person(session, username.strip(), role, now(), place)
            admin_log.note(session, visitor, now(), "person_added", username)
    except SettingsError as error:
        return _everybody(request, visitor, parts, Told(problem=str(error)))
    return _everybody(request, visitor, parts, Told(done=username.strip(), password=password))


@router.get("/people/{person_id}", response_model=None)
def person_page(person_id: int, request: Request, visitor: Admin, parts: NeedsParts) -> Response:
    """One person: role, places, and how to help them back in or keep them out.

    Raises:
        Refused: 404 for somebody of another district.
    """
    return _one(request, visitor, parts, person_id, Told())


@router.post("/people/{person_id}/place", response_model=None)
def set_place(
    person_id: int,
    request: Request,
    visitor: AdminForm,
    parts: NeedsParts,
    wish: RoleForm,
) -> Response:
    """Another role or other places; the person's sessions end."""
    try:
        with parts.database.writing() as session:
            person = _another(session, visitor, person_id)
            people.set_place(session, person, *_checked(visitor, wish))
            admin_log.note(session, visitor, now(), "role_changed", person.username)
    except SettingsError as error:
        return _one(request, visitor, parts, person_id, Told(problem=str(error)))
    return _one(request, visitor, parts, person_id, Told(done="people.placed"))


@router.post("/people/{person_id}/password", response_model=None)
def reset_password(person_id: int, request: Request, visitor: AdminForm, parts: NeedsParts) -> Response:
    """A new password, shown this once; the person's sessions and tokens end."""
    with parts.database.writing() as session:
        person = _another(session, visitor, person_id)
        password = people.reset_password(session, person.username)
        admin_log.note(session, visitor, now(), "password_reset", person.username)
    return _one(request, visitor, parts, person_id, Told(password=password))


@router.post("/people/{person_id}/second-factor", response_model=None)
def reset_factor(person_id: int, request: Request, visitor: AdminForm, parts: NeedsParts) -> Response:
    """Ask for no code any more, for somebody who lost phone and recovery codes; their sessions end."""
    with parts.database.writing() as session:
        person = _another(session, visitor, person_id)
        second_factor.remove(session, person_id)
        people.end_sessions(session, person_id)
        admin_log.note(session, visitor, now(), "factor_reset", person.username)
    return _one(request, visitor, parts, person_id, Told(done="people.factor_off"))


@router.post("/people/{person_id}/provider", response_model=None)
def unbind_provider(person_id: int, request: Request, visitor: AdminForm, parts: NeedsParts) -> Response:
    """End the bond with one of the provider's people, so that another one can come in by this name."""
    with parts.database.writing() as session:
        person = _another(session, visitor, person_id)
        oidc_accounts.unbind(session, person_id)
        people.end_sessions(session, person_id)
        admin_log.note(session, visitor, now(), "provider_unbound", person.username)
    return _one(request, visitor, parts, person_id, Told(done="oidc.unbound"))


@router.post("/people/{person_id}/sessions", response_model=None)
def end_sessions(person_id: int, request: Request, visitor: AdminForm, parts: NeedsParts) -> Response:
    """Log somebody out everywhere."""
    with parts.database.writing() as session:
        person = _another(session, visitor, person_id)
        people.end_sessions(session, person_id)
        admin_log.note(session, visitor, now(), "sessions_ended", person.username)
    return _one(request, visitor, parts, person_id, Told(done="people.ended"))


@router.post("/people/{person_id}/disabled", response_model=None)
def set_disabled(
    person_id: int, visitor: AdminForm, parts: NeedsParts, disabled: Annotated[bool, Form()]
) -> Response:
    """Keep somebody out, at once, or let them in again."""
    with parts.database.writing() as session:
        person = _another(session, visitor, person_id)
        people.set_disabled(session, visitor.scope, person.username, now() if disabled else None)
        admin_log.note(session, visitor, now(), "disabled" if disabled else "enabled", person.username)
    return RedirectResponse("/people", 303)


def _person(session: Session, visitor: Visitor, person_id: int) -> Person:
    person = session.get(Person, person_id)
    if person is None or visitor.scope.district_id not in (None, person.district_id):
        raise Refused(404, "not-there", "there is no such person", field="person_id")
    return person


def _another(session: Session, visitor: Visitor, person_id: int) -> Person:
    """Somebody whom this visitor may change."""
    person = _person(session, visitor, person_id)
    if person_id == visitor.person_id:
        raise Refused(422, "bad-field", "not yourself", "another administrator must do this", field="person_id")
    if person.role == Role.OWNER and visitor.role is not Role.OWNER:
        raise Refused(403, "not-allowed", "only an owner changes an owner")
    return person


def _checked(visitor: Visitor, wish: RoleWish) -> tuple[Role, Place]:
    """What of the form belongs to its role: a browser sends the fields of the others too.

    Raises:
        SettingsError: no such role, not this visitor's to give, or an inspector without a town.
    """
    if wish.role not in set(_roles(visitor)):
        raise SettingsError("person", "role", f"got '{wish.role}', allowed are {', '.join(_roles(visitor))}")
    role = Role(wish.role)
    if role is Role.INSPECTOR and not wish.towns:
        raise SettingsError("person", "town", "an inspector needs a town")
    towns = wish.towns if role is Role.INSPECTOR else ()
    canteen_id = (wish.canteen_id or None) if role is Role.CANTEEN else None
    return role, Place(towns, canteen_id, visitor.scope.district_id)


def _everybody(request: Request, visitor: Visitor, parts: Parts, told: Told) -> Response:
    with parts.database.reading() as session:
        listed = people.listed(session, visitor.scope)
        towns, places = canteens.towns(session, visitor.scope), canteens.canteens(session, visitor.scope)
        log = admin_log.newest(session, visitor)
    names = {town.town_id: town.name for town in towns} | {one.canteen_id: one.name for one in places}
    return render(
        request,
        "people.html",
        422 if told.problem else 200,
        visitor=visitor,
        listed=listed,
        names=names,
        towns=towns,
        places=places,
        roles=_roles(visitor),
        told=told,
        log=log,
    )


def _one(request: Request, visitor: Visitor, parts: Parts, person_id: int, told: Told) -> Response:
    with parts.database.reading() as session:
        person = _person(session, visitor, person_id)
        listed = next(one for one in people.listed(session, visitor.scope) if one.person_id == person_id)
        factor = second_factor.standing(session, person_id)
        bound = oidc_accounts.bound_since(session, person_id)
        towns, places = canteens.towns(session, visitor.scope), canteens.canteens(session, visitor.scope)
    return render(
        request,
        "person.html",
        422 if told.problem else 200,
        visitor=visitor,
        one=listed,
        created_at=person.created_at,
        factor=factor,
        bound=bound,
        towns=towns,
        places=places,
        roles=_roles(visitor),
        changeable=person_id != visitor.person_id and (person.role != Role.OWNER or visitor.role is Role.OWNER),
        told=told,
    )


def _roles(visitor: Visitor) -> list[Role]:
    return [role for role in Role if role is not Role.OWNER or visitor.role is Role.OWNER]
