"""Photographs every page: ``python tests/browser/screenshots.py`` from the repository, ``--help`` for parts of it.

Each state of a page gives one sheet of four looks below docs/screenshots/pages; some pictures stand in the
documentation alone. Everything on them is rendered (sample_videos) and made up; no person is real. It fails when a
page can be scrolled to the side, logs an error of its scripts or does not answer.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser import screenshots_boxes as boxes
from browser import screenshots_worlds as worlds
from browser.conftest import ARGUMENTS, CHROMIUM
from browser.screenshots_pages import ALONE, PAGES, Shot, Shown
from browser.screenshots_sheet import SCREENS, Look, picture_of, sheet_of, too_wide, write
from browser.screenshots_worlds import World

STATES = ("full", "empty", "error", "dark")
SETTLES_MS, WALL_SETTLES_MS = 350, 3500
README = """# Every page, photographed

Made-up canteens and rendered pictures; nobody on them is real. Each sheet shows one state of a page at 1440 and 390
pixels, in Chinese and in English (the walls also at 1920); long pages are cut off. *Full* is a district of 159
canteens after 60 days, *empty* a regulator that has received nothing, *error* what somebody sees who did something
wrong, may not do it, or whose service is gone.

This list and the sheets are made by

```
python tests/browser/screenshots.py                 # all of them, some twenty minutes
python tests/browser/screenshots.py --only review   # those whose name begins so
```

It needs what the browser tests need (`scripts/test`), and fails when a page can be scrolled to the side or a script
on it fails.
"""
Opened = Callable[[Path, Path], AbstractContextManager[World]]
WORLDS: dict[str, Opened] = {
    "full": worlds.full,
    "fresh": lambda folder, clips: worlds.fresh(folder),
    "bare": lambda folder, clips: worlds.bare(folder),
    "box": boxes.full,
    "box-empty": lambda folder, clips: boxes.empty(folder),
    "box-login": lambda folder, clips: boxes.empty(folder),
    "box-closed": lambda folder, clips: boxes.closed(folder),
    "box-error": lambda folder, clips: boxes.error(folder),
    "reports": worlds.reports,
}


@dataclass
class Studio:
    """What taking pictures needs.

    Attributes:
        out: docs/screenshots. raw: for every picture at full size with its text, if anywhere. wrong: what was seen.
    """

    browser: Browser
    world: World
    out: Path
    raw: Path | None
    wrong: list[str]
    contexts: dict[tuple[str, Look], BrowserContext] = field(default_factory=dict)

    def page(self, who: str, look: Look) -> Page:
        """A new page of that person, who stays logged in."""
        key = who, look
        if who and key in self.contexts:
            return self.contexts[key].new_page()
        context = self.browser.new_context(
            viewport={"width": look.width, "height": look.height},
            locale="zh-CN" if look.language == "zh" else "en-GB",
            timezone_id="Asia/Shanghai",
            color_scheme=look.scheme,  # type: ignore[arg-type]
            has_touch=look.width < 760,
        )
        context.add_cookies([{"name": "lang", "value": look.language, "url": self.world.home}])
        page = context.new_page()
        if who:
            self.world.enter(page, who)
            self.contexts[key] = context
        return page

    def take(self, name: str, shot: Shot) -> None:
        """One sheet; what is wrong with a picture is noted and told."""
        pictures = []
        for look in shot.looks:
            title = f"{name}-{look.name}"
            try:
                pictures.append(self._picture(title, shot, look))
            except PlaywrightError as error:
                self._note(f"{title}: {error}")
                return
            alone = ALONE.get((*name.rsplit("-", 1), look.name))  # type: ignore[arg-type]
            if alone is not None:
                write(pictures[-1][: look.height], self.out / f"{alone}.webp", 80)
        write(sheet_of(shot.looks, pictures), self.out / "pages" / f"{name}.webp")

    def _picture(self, title: str, shot: Shot, look: Look) -> np.ndarray:
        page = self.page(shot.who, look)
        page.on("pageerror", lambda error: self._note(f"{title}: {error}"))
        if shot.live:
            self.world.push()
        page.goto(self.world.home + shot.path.format(**self.world.ids))
        if shot.act is not None:
            shot.act(page)
        if "/cockpit" in page.url:
            page.wait_for_timeout(WALL_SETTLES_MS)  # events never end
        else:
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(SETTLES_MS)
        page.evaluate(f"scrollTo(0, {int(look.height * SCREENS)})")  # so that pictures further down are loaded
        page.wait_for_timeout(SETTLES_MS)
        page.evaluate("scrollTo(0, 0)")
        if (wide := too_wide(page)) > 0:
            self._note(f"{title}: {wide} px too wide")
        picture = picture_of(page, look)
        if self.raw is not None:
            write(picture, self.raw / f"{title}.webp", 85)
            (self.raw / f"{title}.txt").write_text(page.evaluate("document.body.innerText"), "utf-8")
        page.close() if shot.who else page.context.close()
        return picture

    def _note(self, problem: str) -> None:
        sys.stderr.write(f"{problem}\n")
        self.wrong.append(problem)

    def close(self) -> None:
        """Of all people."""
        for context in self.contexts.values():
            context.close()


def wanted(only: Sequence[str]) -> dict[str, list[tuple[str, Shot]]]:
    """By world: names of sheets and what is on them."""
    found: dict[str, list[tuple[str, Shot]]] = {}
    for shown in (one for group in PAGES.values() for one in group):
        for state, shot in shown.states.items():
            name = f"{shown.name}-{state}"
            if not only or any(name.startswith(one) for one in only):
                found.setdefault(shot.world, []).append((name, shot))
    return found


def readme() -> str:
    """The list of all sheets."""
    lines = [README]
    for group, pages in PAGES.items():
        lines += [f"\n## {group}\n", "| page | full | empty | error | dark |", "|---|---|---|---|---|"]
        lines += [f"| {shown.what} |" + "".join(f" {_cell(shown, state)} |" for state in STATES) for shown in pages]
    return "\n".join(lines) + "\n"


def _cell(shown: Shown, state: str) -> str:
    return f"[{state}](pages/{shown.name}-{state}.webp)" if state in shown.states else ""


def main() -> int:
    """Every sheet that is asked for; 1 when something is wrong with a page."""
    parser = argparse.ArgumentParser(description="Photographs every page.")
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("--clips", type=Path, default=Path("sample_videos"), help="rendered clips with their truth")
    parser.add_argument("--only", nargs="*", default=[], help="beginnings of names, such as review-full")
    parser.add_argument(
        "--raw", type=Path, help="also keep every picture at full size, and its text, in this folder"
    )
    asked = parser.parse_args()
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for name, shots in wanted(asked.only).items():
            with tempfile.TemporaryDirectory() as folder, WORLDS[name](Path(folder), asked.clips) as world:
                studio = Studio(browser, world, asked.out, asked.raw, wrong)
                for sheet, shot in shots:
                    studio.take(sheet, shot)
                studio.close()
        browser.close()
    (asked.out / "README.md").write_text(readme(), "utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
