"""The documents say what the program does: references are generated, tables are compared, examples are read."""

import ast
import re
import subprocess
import tomllib
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import reference
from test_import_table import TABLE

from kitchenvision import planner
from kitchenvision.build import rule_settings
from kitchenvision.config import RuleSection, Settings, read_settings
from kitchenvision.detect.model_card import load_card
from kitchenvision.rules.registry import all_rules
from kitchenvision.track import TrackSettings
from kitchenvision.types import RuleSettings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ROW = re.compile(r"^\| `(\w+)` \| ([\d.]+) \| [^|]+ \| [^|]{20,} \|$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FORBIDDEN = [
    *(re.compile(rf"(?<![\w.{{}}-])/{folder}(?=/)") for folder in ("work", "root", "home/[a-z]+")),
    *(re.compile(rf"(?i){host}") for host in ("py" + r"pi\.org", "python" + r"hosted\.", r"registry\.npm" + "js")),
    re.compile(r"\.\./shared"),
]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@cache
def tracked() -> tuple[Path, ...]:
    """Files that git knows, or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: which files belong to it is not known")
    return tuple(path for name in answer.split("\0") if name and (path := ROOT / name).is_file())


def markdown() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md" and "template" not in path.name]


def section(document: str, heading: str) -> str:
    """From a heading to the next of the same level."""
    level = heading.partition(" ")[0]
    return document.split(f"\n{heading}\n", 1)[1].split(f"\n{level} ", 1)[0]


def table(document: str, heading: str) -> dict[str, float]:
    """Setting -> default of the rows below a heading; each row must have its reason."""
    return {name: float(value) for name, value in ROW.findall(section(document, heading))}


def test_generated_references_are_what_scripts_docs_writes() -> None:
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, expected in reference.generated().items()
        if not path.is_file() or path.read_text("utf-8") != expected
    ]
    assert not stale, f"run scripts/docs: {stale} differ from the program"


def test_every_command_option_and_group_says_what_it_does() -> None:
    silent = [" ".join(command.words) for command in reference.commands() if not command.help]
    silent += [
        f"{' '.join(command.words)} {parameter.names}"
        for command in reference.commands()
        for parameter in command.parameters
        if not parameter.help
    ]
    silent += [name for name, words in reference.group_helps().items() if not words]
    assert not silent, f"no help text: {silent}"


def test_every_command_stands_in_a_document_for_people() -> None:
    written = "\n".join([text("README.md"), text("docs/operations.md")])
    missing = [name for each in reference.commands() if (name := " ".join(each.words)) not in written]
    assert not missing, f"neither README.md nor docs/operations.md tells of: {missing}"


def test_every_setting_of_the_rules_stands_in_the_table_with_its_default_and_reason() -> None:
    assert table(text("docs/rules.md"), "## Settings of a rule") == asdict(RuleSettings())


def test_every_setting_of_the_tracks_stands_in_the_table_with_its_default_and_reason() -> None:
    assert table(text("docs/rules.md"), "## Settings of the tracks") == asdict(TrackSettings())


def test_the_planner_s_seconds_stand_in_the_table() -> None:
    constants = {name: value for name, value in vars(planner).items() if name.isupper()}
    assert table(text("docs/rules.md"), "## How often a head is looked at") == pytest.approx(constants, abs=1e-4)


def test_every_rule_is_told_of() -> None:
    told = text("docs/rules.md")
    assert not [rule_id for rule_id in all_rules() if f"| `{rule_id}` |" not in told]


def test_every_reason_why_something_cannot_be_judged_is_told_of() -> None:
    reasons = set()
    for path in (ROOT / "kitchenvision/rules").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cannot"
            if called and isinstance(node.args[0], ast.Constant):
                reasons.add(node.args[0].value)
            unfit = isinstance(node, ast.FunctionDef) and node.name == "unfit"
            if unfit:
                returns = (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
                reasons |= {each.value for each in returns if isinstance(each, ast.Constant) and each.value}
    told = section(text("docs/rules.md"), "## From a look to a violation")
    assert reasons
    assert not [reason for reason in reasons if f"`{reason}`" not in told]


def test_every_exit_code_is_documented() -> None:
    used = set()
    for path in [ROOT / "kitchenvision/cli.py", *(ROOT / "kitchenvision/commands").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.Exit", "sys.exit"):
                used |= {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
            if isinstance(node, ast.Assign) and "INTERRUPTED" in ast.unparse(node.targets[0]):
                used |= {each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant)}
    told_of = section(text("docs/operations.md"), "## Exit codes")
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", told_of, re.MULTILINE)}
    assert {code for code in used if isinstance(code, int) and not isinstance(code, bool)} <= told
    assert {0, 1, 2, 3, 4, 130} == told


def example() -> str:
    return re.findall(r"^```toml\n(.*?)^```", text("docs/formats.md"), re.MULTILINE | re.DOTALL)[0]


def test_the_example_of_a_settings_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(example(), "utf-8")
    settings = read_settings(path, tuple(all_rules()))
    assert [zone.name for zone in settings.zones] == ["kitchen", "serving"]
    assert settings.rules["no_mask"].window_s == 4


def test_the_example_names_every_setting_and_the_table_too() -> None:
    given: dict[str, Any] = tomllib.loads(example())
    keys = set(Settings.model_fields)
    assert set(given) == keys
    assert {key for zone in given["zones"] for key in zone} == {"name", "rules", "polygon", "hours"}
    told = section(text("docs/formats.md"), "## Settings")
    assert not [key for key in keys if f"| `{key}" not in told]
    assert set(RuleSection.model_fields) == set(asdict(RuleSettings()))


def test_every_part_of_the_package_has_its_line_in_the_architecture() -> None:
    told = text("docs/architecture.md")
    modules, layers = section(told, "## Modules"), section(told, "## Who may import whom")
    assert not [part for part in TABLE if f"`{part}`" not in modules and f"`{part}/`" not in modules]
    assert not [part for part in TABLE if f"`{part}`" not in layers]


def test_the_readme_s_least_sizes_are_those_of_the_bundled_model() -> None:
    used = rule_settings(all_rules(), Settings(), load_card(ROOT / "models"))
    told = re.search(
        r"fewer than (\d+) pixels are not judged for hats, of fewer than (\d+) not\s+for masks, of .* (\d+) not",
        text("README.md"),
    )
    assert told
    assert [int(px) for px in told.groups()] == [used[r].min_head_px for r in ("no_hat", "no_mask", "smoking")]


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in markdown():
        for first, second in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
            target, _, anchor = (first or second).partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            place = (path.parent / target).resolve() if target else path
            if not place.exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
            elif anchor and place.suffix == ".md" and anchor not in anchors(place):
                broken.append(f"{path.relative_to(ROOT)}: {target}#{anchor}")
    assert not broken, "\n".join(broken)


@cache
def anchors(path: Path) -> frozenset[str]:
    """As the usual Markdown renderers make them of headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings)


def test_the_readme_names_both_scripts() -> None:
    readme = text("README.md")
    for script in ("scripts/demo", "scripts/test"):
        assert f"./{script}" in readme
        assert (ROOT / script).is_file()


def test_the_changelog_has_the_package_s_version() -> None:
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert re.search(rf"^## {re.escape(version)}\b", text("CHANGELOG.md"), re.MULTILINE)


def test_decisions_are_numbered_without_gap_and_listed() -> None:
    names = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
    assert [name[:4] for name in names] == [f"{n:04}" for n in range(1, len(names) + 1)]
    listed = text("docs/decisions/README.md")
    assert not [name for name in names if f"({name})" not in listed]


def test_no_file_names_a_machine_s_folder_or_a_registry() -> None:
    wrong = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data[:4096] or path.name == "LICENSE":
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            wrong += [f"{path.relative_to(ROOT)}:{number}: {m.group()}" for p in FORBIDDEN if (m := p.search(line))]
    assert not wrong, "\n".join(wrong)
