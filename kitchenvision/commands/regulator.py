"""`kitchenvision regulator`: the service where evidence arrives and people decide."""

import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console

from kitchenvision.errors import MissingExtra, SettingsError

if TYPE_CHECKING:
    from kitchenvision.regulator.settings import RegulatorSettings

app = typer.Typer(help="The regulator's service: evidence arrives, people decide. Without a command it serves.")

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the database and the pictures.")]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    data: DataOption = Path("regulator-data"),
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.", min=0, max=65535)] = 8600,
    workers: Annotated[
        int, typer.Option("--workers", help="Processes that answer; more than one needs PostgreSQL.", min=1, max=32)
    ] = 1,
) -> None:
    """Run the service. The first start makes an administrator and shows the password once."""
    if context.invoked_subcommand is not None:
        return
    settings = regulator_settings(data, host, port)
    from kitchenvision.regulator.serve import serve as run
    from kitchenvision.regulator.setup import prepare

    prepared = prepare(settings)
    console = Console()
    if prepared.first_admin_password:
        console.print("First start. Log in as [bold]admin[/] with this password; it is shown only now:")
        console.print(prepared.first_admin_password, highlight=False, markup=False)
    run(
        settings,
        on_ready=lambda address: console.print(f"Listening on {address}", highlight=False),
        processes=workers,
    )


@app.command("add-canteen")
def add_canteen(
    canteen_id: Annotated[str, typer.Argument(help="Identifier that its edge box sends.")],
    name: Annotated[str, typer.Option("--name", help="What people read.")] = "",
    rotate: Annotated[
        bool, typer.Option("--rotate", help="A new token for a canteen that there is already.")
    ] = False,
    town: Annotated[str, typer.Option("--town", help="Town that it belongs to; `add-town` makes one.")] = "default",
    data: DataOption = Path("regulator-data"),
) -> None:
    """Register a canteen and print its token, once; the edge box sends with it."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    if rotate:
        token = setup.rotate_token(settings, canteen_id)
    else:
        token = setup.add_canteen(settings, canteen_id, name, town)
    sys.stdout.write(token + "\n")


@app.command("import-canteens")
def import_canteens(
    table: Annotated[
        Path,
        typer.Argument(
            help="CSV or XLSX: canteen_id, name and, if wanted, town_id, town_name, latitude, longitude."
        ),
    ],
    tokens: Annotated[Path, typer.Option("--tokens", help="New file for the tokens; only you can read it.")],
    data: DataOption = Path("regulator-data"),
) -> None:
    """Register every canteen of a table, or none when a line is wrong."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    content = read_table(table)
    with secret_file(tokens) as file:
        made = setup.import_canteens(settings, content)
        writer = csv.writer(file)
        writer.writerow(("canteen_id", "token"))
        writer.writerows(made.items())
    sys.stdout.write(f"{len(made)} canteen(s) added; their tokens are in {tokens}\n")


@app.command("add-town")
def add_town(
    town_id: Annotated[str, typer.Argument(help="Identifier of the town.")],
    name: Annotated[str, typer.Option("--name", help="What people read.")] = "",
    district: Annotated[str, typer.Option("--district", help="District; made when there is none yet.")] = "default",
    data: DataOption = Path("regulator-data"),
) -> None:
    """Add a town: canteens belong to it and inspectors are assigned to it."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    setup.add_town(settings, town_id, name, district)


@app.command("move-canteen")
def move_canteen(
    canteen_id: Annotated[str, typer.Argument(help="Which canteen.")],
    town: Annotated[str, typer.Argument(help="Town that it belongs to from now on.")],
    data: DataOption = Path("regulator-data"),
) -> None:
    """Put a canteen into another town."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    setup.move_canteen(settings, canteen_id, town)


@app.command("add-person")
def add_person(
    username: Annotated[str, typer.Argument(help="Name to log in with.")],
    role: Annotated[
        str, typer.Option("--role", help="canteen, inspector, district, admin, auditor or owner.")
    ] = "inspector",
    town: Annotated[
        list[str] | None, typer.Option("--town", help="Town of an inspector; more than once for several.")
    ] = None,
    canteen: Annotated[str | None, typer.Option("--canteen", help="Canteen of its own people.")] = None,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Add a person and print the password, once."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup
    from kitchenvision.regulator.people import Place

    place = Place(tuple(town or ()), canteen)
    sys.stdout.write(setup.add_person(settings, username, role, place) + "\n")


@app.command("list-people")
def list_people(data: DataOption = Path("regulator-data")) -> None:
    """Print everybody, one a line: name, role, place, and whether they are disabled."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    for one in setup.listed_people(settings):
        place = one.canteen_id or ",".join(one.towns) or "-"
        state = "disabled" if one.disabled_at is not None else "active"
        sys.stdout.write(f"{one.username}\t{one.role}\t{place}\t{state}\n")


@app.command("disable-person")
def disable_person(
    username: Annotated[str, typer.Argument(help="Who may not log in any more.")],
    enable: Annotated[bool, typer.Option("--enable", help="Let them in again.")] = False,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Keep a person out, at once; what they did stays under their name."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    setup.set_disabled(settings, username, not enable)


@app.command("passwd")
def passwd(
    username: Annotated[str, typer.Argument(help="Whose password.")] = "admin",
    data: DataOption = Path("regulator-data"),
) -> None:
    """Reset a password; the new one is shown once."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    sys.stdout.write(setup.reset_password(settings, username) + "\n")


@app.command("rotate-secrets")
def rotate_secrets(data: DataOption = Path("regulator-data")) -> None:
    """Seal the secrets of the database under a new key; the service may run meanwhile."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    sys.stdout.write(f"{setup.seal_anew(settings)} secret(s) sealed anew; keep a copy of the key\n")


@app.command("forget-secrets")
def forget_secrets(data: DataOption = Path("regulator-data")) -> None:
    """Remove secrets whose key is lost: second steps at log-in, webhooks."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    gone = setup.forget_secrets(settings)
    sys.stdout.write(f"second steps of {gone.second_factors} person(s) removed\n")
    sys.stdout.writelines(f"webhook removed: {address}\n" for address in gone.webhooks)


@app.command("login-link")
def login_link(
    data: DataOption = Path("regulator-data"),
    port: Annotated[int, typer.Option("--port", help="Port of the running service.", min=1, max=65535)] = 8600,
) -> None:
    """Print a one-time log-in link that works on this machine only."""
    settings = regulator_settings(data, port=port)
    from kitchenvision.regulator import setup

    sys.stdout.write(setup.one_time_link(settings) + "\n")


@app.command("seed")
def seed_district(
    canteens: Annotated[int, typer.Option("--canteens", help="How many canteens.", min=1, max=2000)] = 159,
    days: Annotated[int, typer.Option("--days", help="How many days up to today.", min=1, max=400)] = 60,
    seed: Annotated[int, typer.Option("--seed", help="The same number makes the same district.")] = 1,
    videos: Annotated[
        Path | None,
        typer.Option("--videos", help="Folder of clips with their truth; the bundled ones if left out."),
    ] = None,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Fill a folder with a made-up district and rendered pictures, to see every page full. Nobody in it exists."""
    settings = regulator_settings(data)
    from datetime import UTC, datetime

    from kitchenvision.commands.demo import bundled_videos
    from kitchenvision.commands.seed_scenes import photos, scenes
    from kitchenvision.regulator import setup
    from kitchenvision.regulator.seed_store import Plan, fill

    prepared = setup.prepare(settings)
    clips = videos or bundled_videos()
    made = fill(settings, Plan(canteens, days, seed, datetime.now(UTC)), scenes(clips), photos(clips))
    console = Console()
    if prepared.first_admin_password:
        console.print("Log in as [bold]admin[/] with this password; it is shown only now:")
        console.print(prepared.first_admin_password, highlight=False, markup=False)
    console.print(f"{made.canteens} canteens, {made.violations} violations, {made.cases} cases.")


def read_table(table: Path) -> bytes:
    """What is in a file.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return table.read_bytes()
    except OSError as error:
        raise SettingsError(str(table), "table", f"cannot be read: {error.strerror}") from error


@contextmanager
def secret_file(path: Path) -> Iterator[TextIO]:
    """A new file that only its owner can read; gone again when what fills it fails.

    Raises:
        SettingsError: it exists already or cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SettingsError(str(path), "--tokens", f"cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def regulator_settings(data: Path, host: str = "127.0.0.1", port: int = 8600) -> "RegulatorSettings":
    """The service's settings.

    Raises:
        MissingExtra: the extra `regulator` is not installed. SettingsError: a settings file of the folder is wrong.
    """
    try:
        from kitchenvision.regulator.case_settings import read_case_policy
        from kitchenvision.regulator.mail_settings import read_mail
        from kitchenvision.regulator.oidc_settings import read_oidc
        from kitchenvision.regulator.second_settings import read_second_policy
        from kitchenvision.regulator.settings import RegulatorSettings
        from kitchenvision.regulator.storage_settings import read_storage
        from kitchenvision.regulator.webhook_settings import read_webhook_settings
    except ImportError as error:
        raise MissingExtra("regulator", "the regulator's service") from error
    return RegulatorSettings(
        data_dir=data,
        host=host,
        port=port,
        cases=read_case_policy(data),
        storage=read_storage(data),
        second=read_second_policy(data),
        webhooks=read_webhook_settings(data),
        oidc=read_oidc(data),
        mail=read_mail(data),
    )
