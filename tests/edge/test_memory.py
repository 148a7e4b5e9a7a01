"""Memory that was freed goes back to the system."""

import os
import subprocess
import sys

import pytest

from kitchenvision.edge.memory import Trimmer, with_few_heaps


def test_it_is_given_back_once_in_a_while() -> None:
    """Not at once, and not twice in the same minute."""
    given: list[float] = []
    now_s = 0.0
    trim = Trimmer(60.0, lambda: given.append(now_s))
    for now_s in (0.0, 30.0, 59.9, 60.0, 61.0, 119.0, 120.0, 500.0):
        trim(now_s)
    assert given == [60.0, 120.0, 500.0]


def test_what_somebody_has_set_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of heaps."""
    monkeypatch.setenv("MALLOC_ARENA_MAX", "7")
    with_few_heaps()
    assert os.environ["MALLOC_ARENA_MAX"] == "7"
    monkeypatch.delenv("MALLOC_ARENA_MAX")
    with_few_heaps()
    assert os.environ["MALLOC_ARENA_MAX"] == "2"


HOLES = """
import ctypes, sys
from kitchenvision.edge.memory import Trimmer

def held_kb():
    rows = open("/proc/self/status", encoding="utf-8").read().splitlines()
    return int(next(row for row in rows if row.startswith("VmRSS")).split()[1])

kept = [bytearray(40_000) for _ in range(2000)]
before = held_kb()
del kept[:-1]  # the last one stands above the hole
trim = Trimmer(0.0)
trim(1.0)
print(before - held_kb())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's")
def test_a_hole_in_the_heap_is_given_back() -> None:
    """80 MB of small pieces of which the topmost is still in use."""
    done = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 50_000, done.stdout


CYCLES = """
import gc
from kitchenvision.edge.memory import Trimmer

class Held:
    gone = 0
    def __del__(self):
        Held.gone += 1

gc.freeze()
gc.disable()
one = Held()
one.self = one
del one
Trimmer(0.0)(1.0)
print(Held.gone)
"""


def test_what_hangs_in_a_cycle_is_collected() -> None:
    """Also when Python's own collector has no reason to come round."""
    done = subprocess.run([sys.executable, "-c", CYCLES], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
