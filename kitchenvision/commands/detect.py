"""`kitchenvision detect`: what the looks say of single pictures."""

import json
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import track

from kitchenvision.commands.exits import NOTHING, PARTIAL
from kitchenvision.commands.options import ModelOption, ModelsOption, ProfileOption, profile_of
from kitchenvision.errors import SourceNotFound, SourceUnreadable, StorageError


def detect(
    pictures: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.")],
    jsonl: Annotated[
        Path | None, typer.Option("--jsonl", help="Write the rows here instead of to the terminal.")
    ] = None,
    profile: ProfileOption = None,
    models: ModelsOption = None,
    model: ModelOption = None,
) -> None:
    """One JSON row a picture: heads with hat and mask, cigarettes, persons; a corrupt picture's row has `error`."""
    from kitchenvision.build import open_eyes
    from kitchenvision.frames.pictures import read_picture
    from kitchenvision.single_pictures import row_of

    named = _listed(pictures)
    eyes = open_eyes(models, model, profile_of(profile))
    unread = 0
    with _output(jsonl) as out:
        shown = track(named, "looking", console=Console(stderr=True), disable=jsonl is None or len(named) < 2)
        for name, path in shown:
            try:
                row = row_of(name, read_picture(path), eyes)
            except SourceUnreadable as error:
                row, unread = {"file": name, "error": str(error)}, unread + 1
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    if unread:
        Console(stderr=True).print(f"{unread} of {len(named)} pictures could not be read; their rows say why")
        raise typer.Exit(NOTHING if unread == len(named) else PARTIAL)


def _listed(pictures: list[Path]) -> list[tuple[str, Path]]:
    """(name in the row, path): relative to the folder that was given, else the file's own name."""
    from kitchenvision.frames.pictures import PICTURE_SUFFIXES

    named = []
    for given in pictures:
        if given.is_dir():
            found = sorted(p for p in given.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
            if not found:
                raise SourceNotFound(f"{given}: no pictures in this folder (jpg, png, webp, bmp)")
            named += [(p.relative_to(given).as_posix(), p) for p in found]
        elif given.exists():
            named.append((given.name, given))
        else:
            raise SourceNotFound(f"{given}: no such file or folder")
    return named


class _output:
    """The file to write rows to, or standard output, which stays open."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO = sys.stdout

    def __enter__(self) -> TextIO:
        if self._path is not None:
            try:
                self._file = self._path.open("w", encoding="utf-8")
            except OSError as error:
                raise StorageError(f"{self._path} cannot be written: {error.strerror}") from error
        return self._file

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._file.close()
