"""A status page over a real edge.toml that is taken over as the service does it, without cameras and workers."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kitchenvision.build import chosen_rules
from kitchenvision.edge.access import Access
from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.editing import Editing
from kitchenvision.edge.loops import beside
from kitchenvision.edge.page import Board, serve_page
from kitchenvision.edge.reload import Reloader
from kitchenvision.edge.settings import EdgeSettings, addresses, read_edge_settings
from kitchenvision.edge.settings_file import SettingsFile
from kitchenvision.edge.state import CameraState

PASSWORD = "correct horse"
TOML = """# the canteen's box
canteen_id = "canteen-1"
data = "data"

[page]
port = 0
language = "en"

[[cameras]]
id = "cooking"   # over the stove
name = "热菜间"
url = "rtsp://127.0.0.1:1/live"

[[cameras.zones]]
# beside the stove
name = "stove"
polygon = [[0.1, 0.1], [0.6, 0.1], [0.6, 0.8], [0.1, 0.8]]
rules = ["no_hat"]
hours = ["06:00-14:00"]

[[cameras]]
id = "serving"
url = "rtsp://127.0.0.1:1/other"
"""
RULES = tuple(chosen_rules(None))


@dataclass
class Box:
    """The parts of a service that the page needs.

    Attributes:
        path: edge.toml. states: of the cameras. reloaded: how often other settings were taken over.
    """

    path: Path
    states: Sequence[CameraState] = ()
    password: str = PASSWORD
    environment: Mapping[str, str] = field(default_factory=dict)
    reloaded: int = 0

    def __post_init__(self) -> None:
        settings, urls = self._read()
        self._reread = threading.Event()
        self.board = Board(settings, lambda: self.states, _delivery, DiskFacts)
        self.file = SettingsFile(self.path, RULES, self.environment)
        access = Access(self.password)
        self.board.editing = Editing(self.file, access, lambda: self.board.settings, self._reread.set, RULES)
        self.reloader = Reloader(self.path, self._read, self._apply, (settings, urls))

    def _read(self) -> tuple[EdgeSettings, dict[str, str]]:
        settings = read_edge_settings(self.path, RULES)
        return settings, addresses(settings, str(self.path), self.environment)

    def _apply(self, settings: EdgeSettings, _: Mapping[str, str]) -> None:
        self.board.settings = settings
        self.reloaded += 1

    def tick(self) -> None:
        """What the service's loop does between."""
        if self._reread.is_set():
            self._reread.clear()
            self.reloader.ask()
        self.reloader.check()

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """The loop, in a thread."""

        def loop(stop: threading.Event) -> None:
            while not stop.wait(0.05):
                self.tick()

        with beside(loop, threading.Event(), "ticking"):
            yield

    @contextmanager
    def served(self) -> Iterator[str]:
        """The page's address while it is served."""
        with self.ticking(), serve_page(self.board) as address:
            yield address


def box(folder: Path, text: str = TOML, **more: object) -> Box:
    """One over an edge.toml with that text."""
    path = folder / "edge.toml"
    path.write_text(text, "utf-8")
    return Box(path, **more)  # type: ignore[arg-type]


def _delivery() -> Mapping[str, float | int | str]:
    return {"waiting": 0, "dead": 0, "delivered": 0, "oldest_s": 0.0, "problem": ""}
