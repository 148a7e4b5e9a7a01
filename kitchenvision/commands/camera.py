"""`kitchenvision camera`: what a camera's stream is and what it could judge, before anybody relies on it."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from kitchenvision.commands import camera_discover, camera_settings
from kitchenvision.commands.options import JsonOption, ModelOption, ModelsOption
from kitchenvision.errors import SettingsError, SourceNotFound

if TYPE_CHECKING:
    from kitchenvision.config import Settings
    from kitchenvision.edge.camera_check import Checked
    from kitchenvision.edge.words import Language
    from kitchenvision.frames.source import SourceOptions
    from kitchenvision.types import Pixels

app = typer.Typer(
    help="Cameras: find them, look at their streams, add many at once, release them.", no_args_is_help=True
)
UsernameOption = Annotated[str, typer.Option("--username", help="User of the camera.")]
PasswordEnvOption = Annotated[
    str, typer.Option("--password-env", help="Environment variable that holds the password.")
]
UdpOption = Annotated[bool, typer.Option("--udp", help="RTSP over UDP instead of TCP.")]
LanguageOption = Annotated[
    Literal["en", "zh"], typer.Option("--language", help="Of the advice.", envvar="KITCHENVISION_LANGUAGE")
]
app.command("import")(camera_settings.import_)
app.command("release")(camera_settings.release)
app.command("discover")(camera_discover.discover)
_LEAST_WIDTH = 960  # of a picture with words in it


@app.callback()
def _group() -> None:
    pass


@app.command("probe")
def probe(
    url: Annotated[str, typer.Argument(help="Address of the stream, without user and password.")],
    username: UsernameOption = "",
    password_env: PasswordEnvOption = "CAMERA_PASSWORD",
    udp: UdpOption = False,
    seconds: Annotated[float, typer.Option("--for", min=1, max=120, help="Watch for so many seconds.")] = 10.0,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Watch a stream for some seconds: codec, size, frames a second, key frames, and what to change."""
    from kitchenvision.edge.probe import probe as watch
    from kitchenvision.frames.dialing import LIVE_SCHEMES, is_live

    if not is_live(url):
        raise SettingsError("URL", "", f"expected an address that begins with one of {', '.join(LIVE_SCHEMES)}")
    url = _dialled(url, username, password_env)
    found = watch(url, "udp" if udp else "tcp", seconds)
    if as_json:
        sys.stdout.write(json.dumps(found.row(language), ensure_ascii=False) + "\n")
        return
    console = Console()
    keys = f"a key frame every {found.key_frame_s:g} s" if found.key_frame_s else "fewer than two key frames"
    rate = f"{found.fps:g} frames a second" if found.fps else "too few frames to count"
    text = f"{found.address}: {found.codec} {found.width}x{found.height}, {rate}, {keys}"
    console.print(f"{text}; first picture after {found.opened_s:g} s", highlight=False, markup=False)
    if found.damaged:
        console.print(f"{found.damaged} packets or pictures were damaged: check the line", style="red")
    for line in found.sentences(language):
        console.print(f"- {line}", highlight=False, markup=False)


@app.command("check")
def check(
    source: Annotated[
        str, typer.Argument(help="Address of a stream without user and password, a video, or an edge.toml.")
    ],
    camera: Annotated[str, typer.Option("--camera", help="Of an edge.toml: which; default all.")] = "",
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=3600, help="Watch for so long.")] = 60.0,
    out: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("camera-check"),
    username: UsernameOption = "",
    password_env: PasswordEnvOption = "CAMERA_PASSWORD",
    udp: UdpOption = False,
    models: ModelsOption = None,
    model: ModelOption = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Watch for a minute: how large heads are in each part of the picture, what could be judged, what to change.

    Let somebody walk through the kitchen meanwhile. Writes check-CAMERA.jpg with the parts and the zones.
    """
    from kitchenvision.build import open_eyes
    from kitchenvision.edge.camera_check import check_camera
    from kitchenvision.evidence import encode_jpeg

    eyes = open_eyes(models, model, "fast")
    out.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    for camera_id, url, options, settings in _to_check(source, camera, username, password_env, udp):
        with console.status(f"{camera_id}: watching for {seconds:g} s"):
            checked = check_camera(url, options, settings, eyes, seconds)
        path = out / f"check-{camera_id}.jpg"
        path.write_bytes(encode_jpeg(_drawn(checked)))
        if as_json:
            row = {"camera_id": camera_id, "picture": str(path), **checked.survey.row(language)}
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        else:
            _tell(camera_id, checked, path, language)


def _to_check(
    source: str, camera: str, username: str, password_env: str, udp: bool
) -> "list[tuple[str, str, SourceOptions, Settings]]":
    """Camera id, address with credentials, how to read it, its zones and rules."""
    from kitchenvision.build import chosen_rules
    from kitchenvision.config import Settings
    from kitchenvision.edge.camera_check import CHECK_FPS
    from kitchenvision.edge.settings import addresses, read_edge_settings
    from kitchenvision.frames.dialing import is_live
    from kitchenvision.frames.source import SourceOptions

    if source.lower().endswith(".toml"):
        edge = read_edge_settings(Path(source), tuple(chosen_rules(None)))
        wanted = [each for each in edge.cameras if camera in ("", each.id)]
        if not wanted:
            known = ", ".join(each.id for each in edge.cameras)
            raise SettingsError(source, "cameras", f"no such camera {camera!r}; there are {known}")
        urls = addresses(edge, source)
        return [
            (one.id, urls[one.id], SourceOptions(CHECK_FPS, transport=one.transport), edge.of_camera(one))
            for one in wanted
        ]
    options = SourceOptions(CHECK_FPS, transport="udp" if udp else "tcp")
    if is_live(source):
        return [("camera", _dialled(source, username, password_env), options, Settings())]
    if not Path(source).is_file():
        raise SourceNotFound(f"{source}: no such file, and no address of a stream")
    return [(Path(source).stem, source, options, Settings())]


def _dialled(url: str, username: str, password_env: str) -> str:
    from kitchenvision.frames.dialing import with_credentials

    if "@" in url:
        raise SettingsError("URL", "", "no password in an address: use --username and CAMERA_PASSWORD")
    return with_credentials(url, username, os.environ.get(password_env, "")) if username else url


def _drawn(checked: "Checked") -> "Pixels":
    import cv2

    from kitchenvision.annotate import GridCell, draw_grid, draw_polygon
    from kitchenvision.edge.survey import COLUMNS, ROWS, grade, why_not
    from kitchenvision.types import Verdict

    grades = {"all": Verdict.COMPLIANT, "some": Verdict.VIOLATING, "none": Verdict.CANNOT_JUDGE}
    image, survey = checked.shown.image.copy(), checked.survey
    if image.shape[1] < _LEAST_WIDTH:
        image = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC).astype("uint8")
    for i, zone in enumerate(checked.zones):
        name = zone.name if zone.name.isascii() else f"zone {i + 1}"
        draw_polygon(image, zone.polygon, f"{name}: {', '.join(zone.rules)}")
    cells = []
    for part in survey.parts:
        words = [f"{rule.rule_id} {why_not(part, rule)}" for rule in survey.rules]
        lines = (f"{part.name}: {part.px:.0f} px, {part.heads} x", *words)
        column, row = ord(part.name[0]) - ord("A"), int(part.name[1:]) - 1
        cells.append(GridCell(column, row, grades[grade(part)], lines))
    draw_grid(image, COLUMNS, ROWS, cells)
    return image


def _tell(camera_id: str, checked: "Checked", path: Path, language: "Language") -> None:
    from rich.table import Table

    from kitchenvision.edge.words import Words

    survey, console = checked.survey, Console()
    text = f"{camera_id}: {survey.width}x{survey.height}, {survey.frames} pictures in {survey.seconds:g} s, "
    sharp = "" if survey.sharpness is None else f", sharpness of heads {survey.sharpness:g}"
    text += f"{survey.heads} heads; light {survey.light:.0f} of 255{sharp}; picture in {path}"
    console.print(text, highlight=False, markup=False)
    table = Table(box=None)
    table.add_column("part")
    for head in ("heads", "pixels", *(f"{rule.rule_id} (from {rule.least_px:g})" for rule in survey.rules)):
        table.add_column(head, justify="right")
    for part in survey.parts:
        judged = (f"{part.judged[rule.rule_id]:.0%}" for rule in survey.rules)
        table.add_row(part.name, str(part.heads), f"{part.px:.0f}", *judged)
    if survey.parts:
        console.print(table)
    for line in survey.sentences(language) or (Words(language)("advice_none"),):
        console.print(f"- {line}", highlight=False, markup=False)
