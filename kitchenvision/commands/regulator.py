"""`kitchenvision regulator`: the service where evidence arrives and people decide."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kitchenvision.errors import MissingExtra

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
    run(settings, on_ready=lambda address: console.print(f"Listening on {address}", highlight=False))


@app.command("add-canteen")
def add_canteen(
    canteen_id: Annotated[str, typer.Argument(help="Identifier that its edge box sends.")],
    name: Annotated[str, typer.Option("--name", help="What people read.")] = "",
    rotate: Annotated[
        bool, typer.Option("--rotate", help="A new token for a canteen that there is already.")
    ] = False,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Register a canteen and print its token, once; the edge box sends with it."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    token = setup.rotate_token(settings, canteen_id) if rotate else setup.add_canteen(settings, canteen_id, name)
    sys.stdout.write(token + "\n")


@app.command("passwd")
def passwd(
    username: Annotated[str, typer.Argument(help="Whose password.")] = "admin",
    data: DataOption = Path("regulator-data"),
) -> None:
    """Reset a password; the new one is shown once."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import setup

    sys.stdout.write(setup.reset_password(settings, username) + "\n")


@app.command("login-link")
def login_link(
    data: DataOption = Path("regulator-data"),
    port: Annotated[int, typer.Option("--port", help="Port of the running service.", min=1, max=65535)] = 8600,
) -> None:
    """Print a one-time log-in link that works on this machine only."""
    settings = regulator_settings(data, port=port)
    from kitchenvision.regulator import setup

    sys.stdout.write(setup.one_time_link(settings) + "\n")


def regulator_settings(data: Path, host: str = "127.0.0.1", port: int = 8600) -> "RegulatorSettings":
    """The service's settings.

    Raises:
        MissingExtra: the extra `regulator` is not installed.
    """
    try:
        from kitchenvision.regulator.settings import RegulatorSettings
    except ImportError as error:
        raise MissingExtra("regulator", "the regulator's service") from error
    return RegulatorSettings(data_dir=data, host=host, port=port)
