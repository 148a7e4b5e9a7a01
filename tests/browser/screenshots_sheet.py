"""Looks at a page, pictures of it, and four of them side by side on one sheet."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page

SCREENS = 2.5  # more of a long page is cut off
GAP = 8
_TALL = {390: 844, 1440: 900, 1920: 1080}
# On a sheet; all four make about 1600 pixels.
_WIDE = {390: 224, 1440: 572, 1920: 796}
_QUALITY = 62
_GROUND = (128, 128, 128)


@dataclass(frozen=True)
class Look:
    """How a page is looked at. `width` of the window, in pixels."""

    width: int
    language: str
    scheme: str = "light"

    @property
    def name(self) -> str:
        """The end of a picture's name."""
        return f"{self.language}-{self.width}" + ("-dark" if self.scheme == "dark" else "")

    @property
    def height(self) -> int:
        """Of the window, in pixels."""
        return _TALL[self.width]


def four(scheme: str = "light") -> tuple[Look, ...]:
    """Chinese and English, wide and on a phone."""
    return tuple(Look(width, language, scheme) for width in (1440, 390) for language in ("zh", "en"))


BIG = (Look(1920, "zh", "dark"), Look(1920, "en", "dark"))  # of the screen in the command room
BOTH_SCHEMES = tuple(Look(width, "zh", scheme) for width in (1440, 390) for scheme in ("light", "dark"))


def picture_of(page: Page, look: Look) -> np.ndarray:
    """The page from its top, at most `SCREENS` windows of it, BGR."""
    shot = page.screenshot(full_page=True, animations="disabled")
    picture = cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture[: int(look.height * SCREENS)]


def too_wide(page: Page) -> int:
    """So many pixels can be scrolled to the side, which a page must not need."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def sheet_of(looks: tuple[Look, ...], pictures: list[np.ndarray]) -> np.ndarray:
    """The pictures side by side, each as wide as its kind is on every sheet."""
    small = []
    for look, picture in zip(looks, pictures, strict=True):
        wide = _WIDE[look.width]
        tall = round(picture.shape[0] * wide / picture.shape[1])
        small.append(cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_AREA))
    width = sum(one.shape[1] for one in small) + GAP * (len(small) - 1)
    sheet = np.full((max(one.shape[0] for one in small), width, 3), _GROUND, np.uint8)
    left = 0
    for one in small:
        sheet[: one.shape[0], left : left + one.shape[1]] = one
        left += one.shape[1] + GAP
    return sheet


def write(picture: np.ndarray, path: Path, quality: int = _QUALITY) -> None:
    """As WebP."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture, [cv2.IMWRITE_WEBP_QUALITY, quality]), path
