"""Three minutes of what `bench/soak.py` does for hours: the real service, real streams, a fault each 12 s."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A camera that is being called has a thread and a socket more or less than one that is watched.
MORE_THREADS, MORE_FILES = 6, 8


@pytest.mark.slow
def test_every_stream_comes_back_and_nothing_is_held_that_was_not_held_before(tmp_path: Path) -> None:
    """All reports are delivered, each stream is back within a minute, threads and open files do not grow."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    options = ["--minutes", "3", "--every", "12", "--fps", "1", "--folder", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "soak.py"), *options], capture_output=True, text=True, check=False
    )
    told = done.stdout + done.stderr[-2000:] + (tmp_path / "edge.log").read_text("utf-8")[-4000:]
    assert done.returncode == 0, told
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["faults"] >= 12, told
    assert (found["not_back"], found["late"], found["undelivered"], found["exit_status"]) == (0, 0, 0, 0), told
    assert found["delivered"] > 0, told
    for name, more in (("threads", MORE_THREADS), ("files", MORE_FILES)):
        first, last = found[f"{name}_first_last"]
        assert last <= first + more, f"{name} grew from {first} to {last}\n{told}"
    kinds = {
        row["kind"]
        for row in map(json.loads, (tmp_path / "soak.jsonl").read_text("utf-8").splitlines())
        if "kind" in row
    }
    assert len(kinds) >= 10, kinds
