"""Many faults before a real RTSP server: what is lost, what is told twice, how soon each kind is over.

    python bench/stream_faults.py                     # 1,000 faults, 8 streams at once, some 10 minutes
    python bench/stream_faults.py --faults 200 --at-once 4 --seed 7

Each stream is `tests/edge/test_stream_faults.py` with a seed of its own, so that it can be played again alone.
Time constants are about a tenth of the real ones. Lost is what a replay of the received frames confirms and the
regulator does not have. Needs the test extra. The last line is JSON;
`again` counts streams that failed and were run once more: both tries are in the sums, so look at why.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TEST = "tests/edge/test_stream_faults.py"


def start(seed: int, faults: int, table: Path) -> subprocess.Popen[bytes]:
    """One stream."""
    mine = {"SEED": seed, "FAULTS": faults, "TABLE": table}
    asked = {f"KITCHENVISION_STREAM_{key}": str(value) for key, value in mine.items()}
    command = [sys.executable, "-m", "pytest", TEST, "-p", "no:cacheprovider"]
    with table.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | asked)


def main() -> int:
    """Run, merge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=20260312, help="of the first stream; the others count on")
    given = parser.parse_args()
    each = -(-given.faults // given.at_once)
    with tempfile.TemporaryDirectory() as name:
        tables = [Path(name) / f"{given.seed + number}.json" for number in range(given.at_once)]
        running = [start(given.seed + number, each, table) for number, table in enumerate(tables)]
        codes = [process.wait() for process in running]
        for code, table in zip(codes, tables, strict=True):
            if code:
                print(f"seed {table.stem} failed:\n{table.with_suffix('.log').read_text('utf-8')[-3000:]}")
        rows: list[dict[str, Any]] = [
            json.loads(line) for t in tables if t.exists() for line in t.read_text("utf-8").splitlines()
        ]
        again = sum(t.with_suffix(".log").read_text("utf-8").count("RERUN tests") for t in tables)
    recovery_s: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for kind, seconds in row["recovery_s"].items():
            recovery_s[kind] += seconds
    print(f"{'kind':16}{'times':>7}{'median s':>10}{'slowest s':>11}")
    for kind, seconds in sorted(recovery_s.items()):
        print(f"{kind:16}{len(seconds):>7}{statistics.median(seconds):>10.2f}{max(seconds):>11.2f}")
    found = {key: sum(row[key] for row in rows) for key in ("told", "lost", "twice")}
    print(
        json.dumps(
            {"faults": sum(map(len, recovery_s.values())), **found, "again": again, "failed": sum(map(bool, codes))}
        )
    )
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
