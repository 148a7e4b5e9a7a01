"""Reasons of refusals on pages: each has its Chinese."""

import ast
import inspect
from types import ModuleType

import pytest

from kitchenvision import spreadsheet
from kitchenvision.errors import SettingsError
from kitchenvision.regulator import (
    api_tokens,
    canteens,
    devices,
    kiosk,
    people,
    people_pages,
    table_import,
    webhook_store,
)
from kitchenvision.regulator.refusal_words import in_chinese

MODULES = (api_tokens, canteens, devices, kiosk, people, people_pages, table_import, webhook_store)


def reasons_of(module: ModuleType) -> list[str]:
    """Texts of every SettingsError that it raises, with a 7 for what is only known then."""
    found = []
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "SettingsError":
            found.append(": ".join(_text(argument) for argument in node.args))
    return found


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return "7"


@pytest.mark.parametrize("module", MODULES)
def test_every_reason_that_can_reach_a_page_has_its_chinese(module: ModuleType) -> None:
    reasons = reasons_of(module)
    assert reasons
    assert [reason for reason in reasons if in_chinese(reason) == reason] == []


def test_every_reason_against_an_uploaded_table_has_its_chinese() -> None:
    with pytest.raises(SettingsError) as unclosed:
        table_import.read_cells(b'canteen_id,name\n"c1,a\n')
    reasons = [f"the table{reason.removeprefix('7')}" for reason in reasons_of(spreadsheet)]
    files = [reason for reason in reasons if ": the file: " in reason]
    assert len(files) == 3
    assert [reason for reason in [*files, str(unclosed.value)] if in_chinese(reason) == reason] == []


def test_what_was_entered_stands_in_the_chinese_and_an_unknown_reason_stays() -> None:
    assert in_chinese("person: username: 'wang' exists already") == "用户名“wang”已被使用"
    assert in_chinese("评分办法: thresholds.red: Input should be a valid number, got 'x'") == (
        "评分办法：thresholds.red 的值 'x' 不符合要求"
    )
    assert in_chinese("the disk: full") == "the disk: full"
