"""`kitchenvision camera discover`: which cameras are there, by what they announce themselves."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from kitchenvision.commands.exits import NOTHING
from kitchenvision.commands.options import JsonOption
from kitchenvision.errors import MissingExtra

_NOBODY = """no camera answered within {seconds:g} s. Then one of these is so:
- ONVIF is switched off in the camera, as in many new ones: its web page has the switch.
- The camera is in another network: such questions pass no router. Ask from a machine beside it.
- This machine has several networks: name its address there with --interface.
- In a container they go nowhere: start it with the host's network."""


def discover(
    seconds: Annotated[float, typer.Option("--seconds", min=0.5, max=60, help="Listen for so long.")] = 3.0,
    interface: Annotated[
        list[str] | None,
        typer.Option(
            "--interface", help="Address of this machine to ask from; may be repeated. Default: all found."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find cameras of the local network (ONVIF): address, maker, model, and the line to try next.

    Nobody logs in, and no password is asked for or shown. Exit code 4 when none answers.
    """
    try:
        from kitchenvision.edge.discovery import discover_cameras
    except ImportError as error:
        raise MissingExtra("onvif", "finding cameras") from error

    with Console(stderr=True).status(f"asking, and listening for {seconds:g} s"):
        found = discover_cameras(seconds, interface or ())
    if as_json:
        sys.stdout.write(json.dumps([one.row() for one in found], ensure_ascii=False) + "\n")
    console = Console()
    for one in found if not as_json else ():
        words = [one.host, one.name or "without a name", *([one.model] if one.model not in one.name else [])]
        console.print(
            " · ".join([*words, *([one.location] if one.location else [])]), highlight=False, markup=False
        )
        sys.stdout.write(f"    {one.probe}\n")  # in one piece, to be copied
        if not one.brand:
            console.print("    (its maker's manual names the PATH)", highlight=False, markup=False)
    if not found:
        if not as_json:
            console.print(_NOBODY.format(seconds=seconds), highlight=False, markup=False)
        raise typer.Exit(NOTHING)
