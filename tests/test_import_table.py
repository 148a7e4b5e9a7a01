"""Who may import whom: docs/architecture.md's table, read from the imports themselves."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAME = "kitchenvision"

VALUES = {"errors", "types", "geometry"}
STAGES = {"frames", "detect", "track", "rules", "evidence", "outbox", "planner", "verification"}
UP_TO_DELIVERY = VALUES | STAGES | {"config", "wire", "wire_box", "delivery"}
COMPOSITION = {
    *("build", "scan", "scan_folder", "single_pictures", "comparison"),
    *("annotate", "evaluate", "report", "demo", "reporting"),
}
# Part (a module or folder of the package) -> the other parts that it may import.
TABLE: dict[str, set[str]] = {
    **{part: VALUES for part in VALUES | STAGES | {"config", "wire"}},
    "wire_box": {"wire"},
    "spreadsheet": {"errors"},
    "snapshot": VALUES | {"wire"},
    "evidence": VALUES | {"wire", "snapshot"},
    "verification": VALUES | {"wire"},
    "outbox": VALUES | {"wire"},
    "delivery": VALUES | {"outbox", "wire", "wire_box"},
    "close_up": VALUES | {"detect", "frames"},
    "album": VALUES | {"evidence", "snapshot", "close_up"},
    "pipeline": UP_TO_DELIVERY | {"close_up", "album"},
    **{part: UP_TO_DELIVERY | {"pipeline"} | COMPOSITION for part in COMPOSITION},
    "edge": UP_TO_DELIVERY | {"pipeline", "close_up", "build", "reporting", "comparison", "spreadsheet"},
    "regulator": {"errors", "config", "wire", "wire_box", "spreadsheet"},
}
ALL = set(TABLE) | {"cli", "commands"}
TABLE |= {"cli": ALL, "commands": ALL}
# Third-party package -> the parts or modules that may import it. One that is not here may not be imported.
PIXELS = {"frames", "detect.preprocess", "evidence", "annotate"}
OWNERS: dict[str, set[str]] = {
    "numpy": {*VALUES, *STAGES, "pipeline", *COMPOSITION, "edge", "cli", "commands"} - {"outbox"},
    "pydantic": {"config", "wire", "wire_box", "detect.model_card", "delivery", "edge", "regulator"},
    "av": {"frames", "annotate", "evidence", "commands"},
    "cv2": PIXELS | {"commands"},
    "onnxruntime": {"detect.onnx", "commands"},
    "sqlite3": {"outbox", "regulator.db"},  # there only to know SQLite's connections from others
    "httpx": {"delivery", "demo", "commands", "regulator.webhook_sender", "regulator.oidc", "regulator.app"},
    "jinja2": {"report", "edge.rendering", "regulator"},
    **{name: {"cli", "commands"} for name in ("typer", "click", "rich")},
    **{name: {"regulator"} for name in ("sqlalchemy", "alembic", "argon2", "markupsafe")},
    "fastapi": {"edge.page", "edge.rendering", "edge.editing", "edge.site_pages", "regulator"},
    "starlette": {"edge.page", "edge.editing", "edge.site_pages", "regulator"},
    "anyio": {"regulator.app", "regulator.turns"},  # how many threads there are for whom
    "tomlkit": {"edge.settings_file"},
    "apprise": {"delivery.apprise_way"},
    "onveef": {"edge.discovery"},
    "minio": {"regulator.s3_blobs"},
    "urllib3": {"regulator.s3_blobs"},  # the pool and time limits of minio's connections
    "openpyxl": {"spreadsheet", "regulator.district_export"},
    "pyarrow": {"regulator.parquet_export"},
    "segno": {"regulator.public", "regulator.notice", "regulator.account"},
    **{name: {"regulator.oidc"} for name in ("authlib", "joserfc")},
    "cryptography": {"regulator.vault"},
    "pyotp": {"regulator.second_factor"},
    "reportlab": {"regulator.notice", "regulator.monthly_pdf"},
    "uvicorn": {"edge.page", "regulator", "commands"},
    **{name: {"commands"} for name in ("torch", "ultralytics", "onnx")},  # `models import`, with the train extra
}
IMPURE = {"time", "random", "os", "io", "pathlib", "datetime", "logging", "threading", "socket", "secrets", "uuid"}


@dataclass(frozen=True)
class Module:
    """One file: its dotted name without the package's own, its tree, what it imports and from which line.

    `late` are the imports inside functions, which run when the function does.
    """

    name: str
    path: Path
    tree: ast.Module
    imports: tuple[tuple[str, int], ...]
    late: frozenset[tuple[str, int]]

    @property
    def part(self) -> str:
        return self.name.split(".")[0]

    def may(self, allowed: set[str]) -> bool:
        return any(self.name == a or self.name.startswith(a + ".") for a in allowed)


@cache
def package() -> dict[str, Module]:
    """Every module of the package by its dotted name; the front door itself is ''."""
    files = {}
    for path in sorted((ROOT / NAME).rglob("*.py")):
        parts = path.relative_to(ROOT / NAME).with_suffix("").parts
        files[".".join(p for p in parts if p != "__init__")] = path
    return {name: read(name, path, set(files)) for name, path in files.items()}


def read(name: str, path: Path, known: set[str]) -> Module:
    tree = ast.parse(path.read_text("utf-8"), str(path))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    late = frozenset(pair for function in functions for pair in imported(function, known))
    return Module(name, path, tree, tuple(imported(tree, known)), late)


def imported(tree: ast.AST, known: set[str]) -> Iterator[tuple[str, int]]:
    """Full names of imported modules; `from package import name` is the module `name` where that is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; write the full name"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full if full.removeprefix(NAME + ".") in known else str(node.module)), node.lineno


def inside(name: str) -> str | None:
    """The name without the package's own, or None for a module of somebody else's."""
    return name[len(NAME) + 1 :] if name == NAME or name.startswith(NAME + ".") else None


def test_every_module_has_its_place_in_the_table() -> None:
    homeless = sorted({m.part for m in package().values() if m.part} - set(TABLE))
    assert not homeless, f"no row in TABLE for {homeless}: say in tests/test_import_table.py what it may import"


def test_no_part_imports_what_the_table_does_not_allow() -> None:
    wrong = []
    for module in package().values():
        for name, line in module.imports:
            target = inside(name)
            part = (target or "").split(".")[0]
            if part and part != module.part and part not in TABLE.get(module.part, set()):
                wrong.append(f"{module.path.relative_to(ROOT)}:{line}: {module.part or NAME} may not import {part}")
    assert not wrong, "\n".join(wrong)


def test_every_heavy_library_is_imported_by_its_owners_only() -> None:
    wrong = []
    for module in package().values():
        for name, line in module.imports:
            top = name.split(".")[0]
            foreign = inside(name) is None and (top in OWNERS or top not in sys.stdlib_module_names)
            if foreign and not module.may(OWNERS.get(top, set())):
                owners = ", ".join(sorted(OWNERS.get(top, set()))) or "nobody"
                wrong.append(f"{module.path.relative_to(ROOT)}:{line}: {top} belongs to {owners}")
    assert not wrong, "\n".join(wrong)


def test_rules_have_no_clock_no_chance_and_no_input_or_output() -> None:
    wrong = []
    for module in package().values():
        if module.part != "rules":
            continue
        wrong += [f"{module.name}:{line}: {name}" for name, line in module.imports if name.split(".")[0] in IMPURE]
        calls = (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))
        wrong += [
            f"{module.name}:{call.lineno}: {call.func.id}()"
            for call in calls
            if isinstance(call.func, ast.Name) and call.func.id in {"open", "print", "input", "exec", "eval"}
        ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {
        module.name: {target for pair in module.imports if (target := inside(pair[0])) and pair not in module.late}
        for module in package().values()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " -> ".join(error.args[1]))


def test_imports_stand_at_the_top_except_in_commands() -> None:
    hidden = [
        f"{module.path.relative_to(ROOT)}:{line}: {name}"
        for module in package().values()
        if module.part not in {"cli", "commands"}
        for name, line in sorted(module.late)
    ]
    assert not hidden, "\n".join(hidden)


def test_the_package_knows_nothing_of_tests_training_and_benchmarks() -> None:
    outside = {"tests", "training", "bench", "builders", "conftest"}
    wrong = [
        f"{m.name}:{line}: {n}" for m in package().values() for n, line in m.imports if n.split(".")[0] in outside
    ]
    assert not wrong, "\n".join(wrong)


def test_functions_and_modules_stay_small_enough_to_read() -> None:
    wrong = []
    for path in sorted([*(ROOT / NAME).rglob("*.py"), *(ROOT / "training").rglob("*.py")]):
        text = path.read_text("utf-8")
        place = path.relative_to(ROOT)
        lines = len(text.splitlines())
        if lines > 370:
            wrong.append(f"{place}: {lines} lines, at most 350 are meant")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                wrong += [f"{place}:{node.lineno}: {node.name} {problem}" for problem in too_big(node, place)]
    assert not wrong, "\n".join(wrong)


def too_big(node: ast.FunctionDef | ast.AsyncFunctionDef, place: Path) -> Iterator[str]:
    """What is too much of a function. A command's options are its arguments: they may be many."""
    command = "commands" in place.parts or place.stem == "cli"
    lines = (node.end_lineno or node.lineno) - (node.body[0].lineno if command else node.lineno) + 1
    if lines > 65:
        yield f"has {lines} lines, at most 60 are meant"
    arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    count = len([a for a in arguments if a not in {"self", "cls"}])
    if count > 6 and not command:
        yield f"takes {count} arguments, at most 6 are meant"
