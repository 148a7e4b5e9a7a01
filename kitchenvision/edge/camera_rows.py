"""Many cameras at once: rows of a CSV or XLSX file become sections of edge.toml, or a word on each wrong row."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from kitchenvision.edge.brands import BRANDS, RTSP_PORT, address, brand_of
from kitchenvision.edge.settings import CameraSection
from kitchenvision.errors import SettingsError
from kitchenvision.frames.dialing import shown_address
from kitchenvision.spreadsheet import Row, rows_of

COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("编号", "摄像机编号"),
    "name": ("名称", "摄像机名称", "位置"),
    "brand": ("品牌", "厂商"),
    "host": ("地址", "ip", "ip地址"),
    "port": ("端口", "rtsp端口"),
    "channel": ("通道", "通道号"),
    "stream": ("码流",),
    "url": ("网址", "码流地址", "rtsp"),
    "username": ("用户名", "账号", "user"),
    "password": ("密码",),
    "transport": ("传输", "传输方式"),
}
_SUB = {
    "sub": True,
    "子": True,
    "子码流": True,
    "辅码流": True,
    "": True,
    "main": False,
    "主": False,
    "主码流": False,
}
_MOST_BYTES, _MOST_ROWS = 5_000_000, 1000
_HIGHEST_CHANNEL, _HIGHEST_PORT = 256, 65535
_MOST_DIGITS = 9


@dataclass(frozen=True)
class CameraRow:
    """One camera that is to be added.

    Attributes:
        line: of the file. url: to be dialled. shown: for people, since a query may hold a password.
        password: empty when there is none; shown nowhere.
    """

    line: int
    id: str
    name: str
    url: str = field(repr=False)
    shown: str
    username: str
    transport: str
    password: str = field(repr=False)


def read_cameras(path: Path, taken: Sequence[str]) -> list[CameraRow]:
    """The cameras of a file whose first row names its columns, in English or Chinese.

    Args:
        path: ``.csv`` (UTF-8 or GB 18030; comma, semicolon or tab) or ``.xlsx`` (its first sheet).
        taken: ids that there are already.

    Raises:
        SettingsError: the file cannot be read, or one row is wrong; then every wrong row is told, and no password.
    """
    rows = list(_rows(path))
    wrong: list[str] = []
    cameras: list[CameraRow] = []
    if not rows:
        raise SettingsError(str(path), "", "no camera in it: the first row names the columns")
    known = dict.fromkeys(taken, 0)
    for line, values in rows:
        try:
            camera = _camera(line, values)
            if camera.id in known:
                where = f"row {known[camera.id]}" if known[camera.id] else "the settings"
                raise _Wrong("id", f"{camera.id} stands in {where} already")
        except _Wrong as error:
            wrong.append(f"row {line}, {error.column}: {error}")
            continue
        known[camera.id] = line
        cameras.append(camera)
    if wrong:
        raise SettingsError(str(path), "", f"{len(wrong)} rows are wrong, nothing was taken:\n" + "\n".join(wrong))
    return cameras


class _Wrong(Exception):
    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column = column


def _camera(line: int, values: Mapping[str, str]) -> CameraRow:
    get = {name: values.get(name, "") for name in COLUMNS}
    port = _whole(get, "port", _HIGHEST_PORT) or RTSP_PORT
    channel = _whole(get, "channel", _HIGHEST_CHANNEL)
    url = get["url"] or _address(get, port, channel)
    # Without the query: some cameras put passwords into it, and an id is told to everybody.
    camera_id = get["id"] or _made_id(get["host"] or shown_address(url), channel)
    if get["password"] and not get["username"]:
        raise _Wrong("username", "a password needs its username")
    transport = get["transport"].lower() or "tcp"
    row = {"id": camera_id, "url": url, "username": get["username"], "transport": transport}
    try:
        CameraSection.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        column = str(first["loc"][0]) if first["loc"] else "row"
        raise _Wrong(column, first["msg"].removeprefix("Value error, ")) from None
    shown = shown_address(url) if get["url"] else url
    return CameraRow(line, camera_id, get["name"], url, shown, get["username"], transport, get["password"])


def _address(get: Mapping[str, str], port: int, channel: int | None) -> str:
    brand = brand_of(get["brand"])
    if brand is None:
        raise _Wrong("brand", f"one of {', '.join(BRANDS)} is expected, or a url")
    stream = get["stream"].lower()
    if stream not in _SUB:
        raise _Wrong("stream", "main or sub is expected")
    try:
        return address(brand, get["host"], port, channel, _SUB[stream])
    except ValueError as error:
        raise _Wrong("channel" if get["host"] and channel is not None else "host", str(error)) from None


def _whole(get: Mapping[str, str], column: str, most: int) -> int | None:
    text = get[column]
    if not text:
        return None
    if not text.isdecimal() or len(text) > _MOST_DIGITS or not 1 <= int(text) <= most:
        raise _Wrong(column, f"a whole number of 1 to {most} is expected")
    return int(text)


def _made_id(host: str, channel: int | None) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", host.partition("://")[2] or host).strip("-")[:50]
    return f"{plain}-{channel}" if channel is not None else plain


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Row number and values by column; empty rows are left out."""
    table = _table(path)
    header = table[0][1] if table else []
    names = [_column(text) for text in header]
    unknown = [text for text, name in zip(header, names, strict=True) if text and name is None]
    if unknown:
        allowed = ", ".join(COLUMNS)
        raise SettingsError(str(path), "", f"unknown columns: {', '.join(unknown)}; there are {allowed}")
    if twice := {name for name in names if name and names.count(name) > 1}:
        raise SettingsError(str(path), "", f"columns that stand twice: {', '.join(sorted(twice))}")
    for line, cells in table[1:]:
        if line > _MOST_ROWS:
            raise SettingsError(str(path), "", f"more than {_MOST_ROWS} rows")
        values = {name: cell for name, cell in zip(names, cells, strict=False) if name and cell}
        if values:
            yield line, values


def _column(text: str) -> str | None:
    key = text.strip().lower().replace(" ", "")
    return next((name for name, others in COLUMNS.items() if key == name or key in others), None)


def _table(path: Path) -> list[Row]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(str(path), "", f"cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise SettingsError(str(path), "", "more than 5 MB: this is no list of cameras")
    return rows_of(data, str(path), _MOST_ROWS)
