"""`kitchenvision verify`: whether evidence is still what was written."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from kitchenvision.commands.exits import DONE, PARTIAL
from kitchenvision.commands.options import JsonOption
from kitchenvision.errors import SourceNotFound


def verify(
    folders: Annotated[list[Path], typer.Argument(help="Scan folders or single evidence folders.")],
    as_json: JsonOption = False,
) -> None:
    """Check every hash of written evidence; exit code 3 when something was changed or is missing."""
    from kitchenvision.verification import verify_folder

    found = sorted(path.parent for folder in folders for path in folder.rglob("evidence.json"))
    if not found:
        raise SourceNotFound(f"no evidence.json below {', '.join(str(f) for f in folders)}")
    problems = {str(folder): verify_folder(folder) for folder in found}
    wrong = {folder: texts for folder, texts in problems.items() if texts}
    if as_json:
        sys.stdout.write(json.dumps({"checked": len(found), "problems": wrong}, ensure_ascii=False) + "\n")
    else:
        for texts in wrong.values():
            for text in texts:
                Console(stderr=True).print(Text(text, "red"))
        Console().print(f"{len(found)} evidence folder(s) checked, {len(wrong)} with problems", highlight=False)
    raise typer.Exit(PARTIAL if wrong else DONE)
