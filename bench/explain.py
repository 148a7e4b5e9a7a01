"""How the database answers the busy pages of a regulator with a million violations.

    python bench/explain.py                   # PostgreSQL, a million; some minutes
    python bench/explain.py --files           # SQLite
    python bench/explain.py --count 100000

Fills an empty database on this machine, then asks what every page that somebody waits for asks, three times, and
prints the median time and the plan. Ends with 1 when a large table is read as a whole.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # this very tree, installed or not

from regulator import plans  # noqa: E402
from regulator.servers import postgres_server  # noqa: E402

from kitchenvision.regulator.db import Database  # noqa: E402
from kitchenvision.regulator.storage_settings import database_address  # noqa: E402


@contextlib.contextmanager
def empty_database(files: bool) -> Iterator[Database]:
    """One with the newest tables."""
    with contextlib.ExitStack() as stack:
        if files:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kv-explain-"))
            database = Database(f"sqlite:///{folder}/regulator.sqlite3")
        else:
            postgres = stack.enter_context(postgres_server(more=("shared_buffers=256MB",)))
            address = postgres.address(postgres.create())
            database = Database(database_address(address, "bench", postgres.password))
        stack.callback(database.close)
        database.migrate()
        yield database


def main() -> None:
    """Fill, ask, say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", action="store_true", help="SQLite instead of PostgreSQL")
    parser.add_argument("--count", type=int, default=1_000_000, help="violations")
    chosen = parser.parse_args()
    wrong = []
    with empty_database(chosen.files) as database:
        began = time.perf_counter()
        plans.fill(database, chosen.count)
        print(f"{chosen.count} violations written in {time.perf_counter() - began:.0f} s")
        for name, ask in plans.hot(chosen.count).items():
            seconds = []
            for _ in range(3):
                with database.reading() as session:
                    began = time.perf_counter()
                    ask(session)
                    seconds.append(time.perf_counter() - began)
            told = plans.plans(database, ask)
            wrong += [f"{name}: {table}" for plan in told for table in plans.scans(plan)]
            print(f"\n== {name}: {1000 * median(seconds):.1f} ms")
            print("\n".join(told))
    print(f"\nread as a whole: {', '.join(wrong) or 'none'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
