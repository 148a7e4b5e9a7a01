"""The command line. Thin: each command's work is elsewhere, and heavy imports happen inside commands."""

import sys

import typer
from rich.console import Console
from rich.text import Text

from kitchenvision import __version__
from kitchenvision.commands import (
    camera,
    demo,
    detect,
    doctor,
    edge,
    evaluate,
    feedback,
    models,
    outbox,
    preview,
    regulator_report,
    scan,
    verify,
)
from kitchenvision.commands.exits import INTERRUPTED, NOTHING, USAGE
from kitchenvision.errors import (
    KitchenvisionError,
    PortInUse,
    SettingsError,
    SourceError,
    without_credentials,
)

app = typer.Typer(
    name="kitchenvision",
    help="Finds cooks without a hat, without a mask or smoking on canteen cameras, with evidence to decide on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kitchenvision {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


app.command("scan", no_args_is_help=True)(scan.scan)
app.command("preview", no_args_is_help=True)(preview.preview)
app.command("detect", no_args_is_help=True)(detect.detect)
app.command("evaluate", no_args_is_help=True)(evaluate.evaluate)
app.command("verify", no_args_is_help=True)(verify.verify)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(models.app, name="models")
app.add_typer(outbox.app, name="outbox")
app.add_typer(feedback.app, name="feedback")
app.add_typer(camera.app, name="camera")
app.add_typer(edge.app, name="edge")
app.add_typer(regulator_report.app, name="regulator")


def main() -> None:
    """Run; a user's mistake ends in one clear sentence and an exit code, never in a traceback."""
    try:
        app()
    except KitchenvisionError as error:
        # As text, not as markup: a message may hold square brackets.
        Console(stderr=True).print(Text.assemble(("error: ", "bold red"), without_credentials(str(error))))
        usage = isinstance(error, (SettingsError, PortInUse))
        sys.exit(USAGE if usage or not isinstance(error, SourceError) else NOTHING)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
