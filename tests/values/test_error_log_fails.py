"""A test during which an ERROR was logged fails, unless it says that it means to."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
PROGRAM = """
import logging
import pytest

def test_silent():
    logging.getLogger("kitchenvision").warning("only a warning")

def test_loud():
    logging.getLogger("kitchenvision").error("evidence is lost")

@pytest.mark.logs_errors
def test_meant():
    logging.getLogger("kitchenvision").error("evidence is lost")
"""


def test_an_error_in_the_log_fails_a_test_and_is_shown(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text("utf-8"))
    (tmp_path / "test_it.py").write_text(PROGRAM)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--strict-markers",
        "-p",
        "no:cacheprovider",
        "-rA",
        str(tmp_path),
    ]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert said.returncode == pytest.ExitCode.TESTS_FAILED, said.stdout
    assert "3 passed, 1 error" in said.stdout
    assert "ERROR test_it.py::test_loud" in said.stdout
    assert "kitchenvision: evidence is lost" in said.stdout
