"""How soon the review page can be worked with, and how much script it needs.

``python bench/review_page.py`` from the repository, with the extra `test`: a regulator on loopback with a full
queue, Debian's chromium, an empty cache each time. Interactive is when the page's scripts have run and a key
would be heard.
"""

import statistics
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browser.conftest import ARGUMENTS, CHROMIUM, deliver, running
from regulator.sample import CANTEEN, sample

from kitchenvision.regulator import setup
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.settings import RegulatorSettings

INCIDENTS, LOADS = 100, 7
STATIC = Path(__file__).resolve().parents[1] / "kitchenvision" / "web" / "static"
SCRIPTS = """performance.getEntriesByType("resource")
  .filter((entry) => entry.name.endsWith(".js")).map((entry) => entry.name.split("/").pop())"""
RULES = ("no_hat", "no_mask", "smoking")


def main() -> None:
    """Prints milliseconds of each load and the bytes of script."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = RegulatorSettings(Path(folder) / "data", port=0)
        setup.prepare(settings)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        with running(settings) as served:
            token, at = setup.add_canteen(served, CANTEEN, "第一食堂"), now()
            hours = [(n, RULES[n % 3], at - timedelta(hours=n)) for n in range(1, INCIDENTS + 1)]
            deliver(served, token, [sample(n, rule, captured_at=then) for n, rule, then in hours])
            times = []
            for _ in range(LOADS):
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                page = context.new_page()
                page.goto(setup.one_time_link(served))
                page.goto(setup.address(served.host, served.port) + "/review", wait_until="load")
                # Deferred scripts have run, and the document is whole.
                times.append(
                    page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
                )
                scripts = page.evaluate(SCRIPTS)
                context.close()
            print(f"interactive: median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms of {LOADS}")
            print(
                f"script: {sum((STATIC / name).stat().st_size for name in scripts)} bytes in {len(scripts)} files"
            )
        browser.close()


if __name__ == "__main__":
    main()
