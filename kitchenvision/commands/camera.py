"""`kitchenvision camera`: what a camera's stream is, before it stands in the settings."""

import json
import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from kitchenvision.commands.options import JsonOption
from kitchenvision.errors import SettingsError

app = typer.Typer(help="Look at a camera's stream before it stands in the settings.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("probe")
def probe(
    url: Annotated[str, typer.Argument(help="Address of the stream, without user and password.")],
    username: Annotated[str, typer.Option("--username", help="User of the camera.")] = "",
    password_env: Annotated[
        str, typer.Option("--password-env", help="Environment variable that holds the password.")
    ] = "CAMERA_PASSWORD",
    udp: Annotated[bool, typer.Option("--udp", help="RTSP over UDP instead of TCP.")] = False,
    seconds: Annotated[float, typer.Option("--for", min=1, max=120, help="Watch for so many seconds.")] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Watch a stream for some seconds: codec, size, frames a second, key frames, and what to change."""
    from kitchenvision.edge.probe import probe as watch
    from kitchenvision.frames.dialing import LIVE_SCHEMES, is_live, with_credentials

    if not is_live(url):
        raise SettingsError("URL", "", f"expected an address that begins with one of {', '.join(LIVE_SCHEMES)}")
    if "@" in url:
        raise SettingsError("URL", "", "no password in an address: use --username and CAMERA_PASSWORD")
    if username:
        url = with_credentials(url, username, os.environ.get(password_env, ""))
    found = watch(url, "udp" if udp else "tcp", seconds)
    if as_json:
        sys.stdout.write(json.dumps(found.row(), ensure_ascii=False) + "\n")
        return
    console = Console()
    keys = f"a key frame every {found.key_frame_s:g} s" if found.key_frame_s else "fewer than two key frames"
    rate = f"{found.fps:g} frames a second" if found.fps else "too few frames to count"
    text = f"{found.address}: {found.codec} {found.width}x{found.height}, {rate}, {keys}"
    console.print(f"{text}; first picture after {found.opened_s:g} s", highlight=False, markup=False)
    if found.damaged:
        console.print(f"{found.damaged} packets or pictures were damaged: check the line", style="red")
    for line in found.advice:
        console.print(f"- {line}", highlight=False, markup=False)
