"""Logs for machines: whatever is logged is one line of JSON, and no credential is in it."""

import io
import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.logs import JsonLines, set_up_logs

URL = "rtsp://viewer:hunter2@camera.local/live"


def logged(message: str, *values: object, **more: Any) -> tuple[str, dict[str, Any]]:
    """The line that a record becomes, and what it says."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines())
    log = logging.Logger("kitchenvision.edge.reader")
    log.addHandler(handler)
    log.warning(message, *values, **more)
    text = out.getvalue()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    return text, json.loads(text)


def test_a_line_says_when_how_bad_where_and_of_which_camera() -> None:
    """In UTC, with milliseconds."""
    _, row = logged("camera %s: picture", "cooking", extra={"camera_id": "cooking"})
    assert row.pop("at").endswith("+00:00")
    assert row == {
        "level": "warning",
        "part": "edge.reader",
        "message": "camera cooking: picture",
        "camera_id": "cooking",
    }
    assert "camera_id" not in logged("the box starts")[1]


def test_chinese_stays_readable() -> None:
    """In a terminal, and for who searches."""
    text, row = logged("摄像机 %s:没有画面", "热菜间")
    assert "热菜间" in text
    assert row["message"] == "摄像机 热菜间:没有画面"


@given(st.text(max_size=200))
def test_any_message_is_one_line_and_can_be_read_back(message: str) -> None:
    """Line ends, quotation marks and control signs that a camera puts into its answers."""
    _, row = logged("%s", message)
    if "://" not in message:
        assert row["message"] == message


def test_a_password_in_a_message_or_in_an_errors_traceback_is_not_logged() -> None:
    """Libraries put whole addresses into their errors."""
    text, row = logged("cannot open %s", URL)
    assert "hunter2" not in text
    assert "camera.local/live" in row["message"]
    try:
        raise ConnectionError(f"no route to {URL}")
    except ConnectionError:
        text, row = logged("it broke", exc_info=True)
    assert "hunter2" not in text
    assert "ConnectionError" in row["trace"]
    assert "test_logs.py" in row["trace"]


def test_set_up_twice_each_line_stands_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker sets its logs up too; the HTTP library's lines, one for every picture, are left out."""
    out, root = io.StringIO(), logging.getLogger()
    before, level, quiet = list(root.handlers), root.level, logging.getLogger("httpx").level
    monkeypatch.setattr(sys, "stderr", out)
    try:
        root.handlers = []
        set_up_logs()
        set_up_logs()
        logging.getLogger("kitchenvision.edge").info("begun")
        logging.getLogger("httpx").info("HTTP Request: POST")
        logging.getLogger("httpx").warning("odd")
    finally:
        root.handlers = before
        root.setLevel(level)
        logging.getLogger("httpx").setLevel(quiet)
    assert [json.loads(line)["message"] for line in out.getvalue().splitlines()] == ["begun", "odd"]
