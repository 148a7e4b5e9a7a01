"""What is done from a shell before and beside the running service. Secrets are returned once, never logged."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.regulator import canteens, people, sealed, table_import
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.messages import text
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Listed, Place
from kitchenvision.regulator.sealed import Forgotten
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.table_import import Kind
from kitchenvision.regulator.tables import DEFAULT_DISTRICT, DEFAULT_TOWN
from kitchenvision.regulator.vault import Vault

ADMIN = "admin"


@dataclass(frozen=True)
class Prepared:
    """What the first start made: the password of `ADMIN`, or None when there are people already."""

    first_admin_password: str | None


def open_database(settings: RegulatorSettings) -> Database:
    """The database, made or brought to this version.

    Raises:
        StorageError: the folder or file cannot be written, or is of a newer version.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{settings.data_dir} cannot be made: {error.strerror}; choose another folder"
        ) from error
    database = Database(settings.url)
    try:
        database.migrate()
    except StorageError:
        database.close()
        raise
    return database


def prepare_database(settings: RegulatorSettings) -> None:
    """Make the folder, the tables and the key of secrets, or bring them to this version; makes nobody.

    Raises:
        SettingsError: the key of secrets is not the right one. StorageError: not writable, or of a newer version.
    """
    with opened(settings) as database:
        sealed.open_vault(Vault(settings.data_dir), database)


def prepare(settings: RegulatorSettings) -> Prepared:
    """Make everything ready to serve; the first time also a first admin.

    Raises:
        SettingsError: the key of secrets is not the right one. StorageError: not writable, or of a newer version.
    """
    prepare_database(settings)
    with opened(settings) as database, database.writing() as session:
        if people.anybody(session):
            return Prepared(None)
        return Prepared(people.add_person(session, ADMIN, Role.OWNER, now()))


def add_canteen(settings: RegulatorSettings, canteen_id: str, name: str = "", town_id: str = DEFAULT_TOWN) -> str:
    """Register a canteen; returns the token of its edge box, which cannot be read again.

    Args:
        name: shown to people; the id when empty.

    Raises:
        SettingsError: the id is taken or empty, or there is no such town.
    """
    with opened(settings) as database, database.writing() as session:
        return canteens.add_canteen(session, canteen_id, name or canteen_id, now(), town_id)


def rotate_token(settings: RegulatorSettings, canteen_id: str) -> str:
    """A new token for a canteen; the old one ends at once.

    Raises:
        SettingsError: no such canteen.
    """
    with opened(settings) as database, database.writing() as session:
        return canteens.rotate_token(session, canteen_id)


def add_town(
    settings: RegulatorSettings, town_id: str, name: str = "", district_id: str = DEFAULT_DISTRICT
) -> None:
    """Add a town, to which canteens belong and inspectors are assigned.

    Raises:
        SettingsError: the id is taken or empty.
    """
    with opened(settings) as database, database.writing() as session:
        canteens.add_town(session, town_id, name or town_id, district_id)


def move_canteen(settings: RegulatorSettings, canteen_id: str, town_id: str) -> None:
    """Put a canteen into another town.

    Raises:
        SettingsError: no such canteen or town.
    """
    with opened(settings) as database, database.writing() as session:
        canteens.move_canteen(session, canteen_id, town_id)


def import_canteens(settings: RegulatorSettings, table: bytes) -> dict[str, str]:
    """Add every canteen of a CSV or XLSX file, or none when a line is wrong; returns ids with their tokens.

    Raises:
        SettingsError: names the line.
    """
    cells = table_import.read_cells(table)
    with opened(settings) as database, database.writing() as session:
        rows = table_import.check(session, EVERYTHING, Kind.CANTEENS, cells)
        for row in rows:
            for flaw in row.flaws:
                problem = text("en", f"flaw.{flaw.kind}", what=flaw.what)
                raise SettingsError("the table", f"line {row.line}", problem)
        return table_import.keep(session, EVERYTHING, Kind.CANTEENS, rows, now())


def add_person(
    settings: RegulatorSettings, username: str, role: str = Role.INSPECTOR, place: Place | None = None
) -> str:
    """Add a person; returns their password, which cannot be read again.

    Args:
        role: an `access.Role`. place: the towns of an inspector, the canteen of its people.

    Raises:
        SettingsError: the name is taken, no such role, or the place does not fit it.
    """
    with opened(settings) as database, database.writing() as session:
        return people.add_person(session, username, role, now(), place)


def set_disabled(settings: RegulatorSettings, username: str, disabled: bool) -> None:
    """Keep a person out, at once, or let them in again.

    Raises:
        SettingsError: no such person.
    """
    with opened(settings) as database, database.writing() as session:
        people.set_disabled(session, EVERYTHING, username, now() if disabled else None)


def listed_people(settings: RegulatorSettings) -> list[Listed]:
    """Everybody, by name."""
    with opened(settings) as database, database.reading() as session:
        return people.listed(session, EVERYTHING)


def reset_password(settings: RegulatorSettings, username: str = ADMIN) -> str:
    """A new password for a person, whose sessions end; it cannot be read again.

    Raises:
        SettingsError: no such person.
    """
    with opened(settings) as database, database.writing() as session:
        return people.reset_password(session, username)


def seal_anew(settings: RegulatorSettings) -> int:
    """Seal every secret of the database under a new key; returns how many there are.

    Raises:
        SettingsError: the keys cannot be read. StorageError: a secret cannot be opened, the key cannot be written.
    """
    with opened(settings) as database:
        return sealed.seal_anew(sealed.open_vault(Vault(settings.data_dir), database), database)


def forget_secrets(settings: RegulatorSettings) -> Forgotten:
    """Remove the secrets that cannot be opened, since their key is lost.

    Raises:
        SettingsError: the key cannot be read. StorageError: it cannot be written.
    """
    with opened(settings) as database:
        return sealed.forget_lost(Vault(settings.data_dir), database)


def one_time_link(settings: RegulatorSettings, username: str = ADMIN) -> str:
    """An address that logs `username` in once, within ten minutes, from this machine only.

    `settings.port` must be the port on which the service listens.

    Raises:
        SettingsError: no such person.
    """
    with opened(settings) as database, database.writing() as session:
        token = people.make_once_link(session, username, now())
    return f"{address(settings.host, settings.port)}/login/once/{token}"


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds a service that listens there."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}"


@contextmanager
def opened(settings: RegulatorSettings) -> Iterator[Database]:
    """The database for the length of a block.

    Raises:
        StorageError: not writable, or of a newer version.
    """
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()
