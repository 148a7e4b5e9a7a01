"""The whole service in one process and its workers: watch, deliver, guard the disk, show."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kitchenvision.build import chosen_rules, model_place
from kitchenvision.detect.model_card import load_card
from kitchenvision.edge.access import Access
from kitchenvision.edge.box import box_state
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.disk import DiskFacts, DiskGuard
from kitchenvision.edge.editing import Editing
from kitchenvision.edge.loops import beside, keep_on
from kitchenvision.edge.notify import Facts, Notifier, open_way, targets_of
from kitchenvision.edge.page import Board, serve_page
from kitchenvision.edge.reload import Reloader
from kitchenvision.edge.sending import delivering, pushing, telling_of_box
from kitchenvision.edge.settings import EdgeSettings, addresses, read_edge_settings
from kitchenvision.edge.settings_file import SettingsFile
from kitchenvision.edge.shadow_keeper import ShadowKeeper
from kitchenvision.edge.supervisor import Supervisor
from kitchenvision.edge.synchronisation import ClockWatch
from kitchenvision.errors import ModelError, SettingsError, StorageError
from kitchenvision.outbox import Outbox
from kitchenvision.wire_box import BoxState

_log = logging.getLogger(__name__)
_TIDY_S = 60.0


def workers_of(settings: EdgeSettings) -> int:
    """How many worker processes: one for each core this process may use, at most one a camera."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(settings.workers or cores, len(settings.cameras))


def run_service(
    settings: EdgeSettings,
    where: Path,
    stop: threading.Event,
    on_ready: Callable[[str], None] | None = None,
    reread: threading.Event | None = None,
) -> None:
    """Watch until `stop` is set.

    Args:
        settings: as read. where: their file, which is read again when it changes.
        on_ready: called with the status page's address. reread: when set, the file is read again at once.

    Raises:
        SettingsError: a secret is missing. StorageError: the data folder cannot be used. PortInUse: of the page.
    """
    urls = addresses(settings, str(where))
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{settings.data} cannot be made: {error.strerror}") from error
    with (
        Outbox(settings.data / "outbox") as outbox,
        delivering(settings, where, outbox, stop) as delivery,
        closing(ShadowKeeper(settings)) as keeper,
    ):
        supervisor = Supervisor(settings, urls, workers_of(settings), shadow=keeper.way)
        disk = DiskGuard(settings.data, settings.disk, outbox)
        guard = _Guarding(disk)
        reread, clock = reread or threading.Event(), ClockWatch(SteadyClock())
        board = Board(settings, supervisor.states, delivery.facts, lambda: guard.facts, clock=lambda: clock.state)
        board.shadow, board.editing = keeper.facts, _editing(board, where, reread)
        live = pushing(settings, where, supervisor.states, stop)
        about = telling_of_box(settings, where, _about(board, datetime.now(UTC)), stop)
        facts = Facts(outbox, supervisor.states, lambda: guard.facts.low)
        telling, guarding = _telling(settings, where, facts, stop), beside(guard.run, stop, "disk guard")
        with serve_page(board, on_ready), guarding, live as push, about, telling as notifier:
            board.untold = notifier.problems

            def apply(changed: EdgeSettings, changed_urls: dict[str, str]) -> None:
                supervisor.reload(changed, changed_urls, workers_of(changed))
                keeper.reload(changed)
                board.settings, disk.settings = changed, changed.disk
                delivery.reload(changed)
                if push is not None:
                    push.reload(changed.live)
                notifier.reload(changed, targets_of(changed.notify, str(where)))

            reloader = Reloader(where, lambda: _read(where), apply, (settings, urls))

            def between() -> None:
                clock.tick()
                keeper.tick()
                if reread.is_set():
                    reread.clear()
                    reloader.ask()
                reloader.check()

            supervisor.run(stop, between)


def _about(board: Board, began: datetime) -> Callable[[], BoxState]:
    """What the box is, now: as its page shows it."""

    def about() -> BoxState:
        canteen_id, now = board.settings.canteen_id, datetime.now(UTC)
        return box_state(canteen_id, board.states(), began, now, board.clock(), board.shadow())

    return about


def _editing(board: Board, where: Path, reread: threading.Event) -> Editing:
    rules = tuple(chosen_rules(None))
    password = board.settings.page.password(os.environ, str(where))
    return Editing(SettingsFile(where, rules), Access(password), lambda: board.settings, reread.set, rules)


def _read(where: Path) -> tuple[EdgeSettings, dict[str, str]]:
    settings = read_edge_settings(where, tuple(chosen_rules(None)))
    for key in ("model", "shadow"):
        if key == "model" or settings.shadow:
            try:
                load_card(*model_place(settings.models, getattr(settings, key)))
            except ModelError as error:
                raise SettingsError(str(where), key, str(error)) from error
    for target in targets_of(settings.notify, str(where)).values():
        open_way(target).close()
    return settings, addresses(settings, str(where))


@contextmanager
def _telling(settings: EdgeSettings, where: Path, facts: Facts, stop: threading.Event) -> Iterator[Notifier]:
    """A thread that tells the canteen's own people."""
    targets = targets_of(settings.notify, str(where))
    notifier = Notifier(settings.data / "notify.json", facts, settings, targets)
    with closing(notifier), beside(notifier.run, stop, "telling people"):
        yield notifier


class _Guarding:
    def __init__(self, guard: DiskGuard) -> None:
        self._guard = guard
        self.facts = DiskFacts()

    def run(self, stop: threading.Event) -> None:
        keep_on(self._step, stop, _TIDY_S, "the disk guard")

    def _step(self) -> float:
        self._guard.tidy(datetime.now(UTC))
        self.facts = self._guard.facts()
        return _TIDY_S
