"""The whole service in one process and its workers: watch, deliver, guard the disk, show."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kitchenvision.build import chosen_rules
from kitchenvision.delivery import Sender, make_client
from kitchenvision.delivery.live import LiveLink
from kitchenvision.edge.access import Access
from kitchenvision.edge.disk import DiskFacts, DiskGuard
from kitchenvision.edge.editing import Editing
from kitchenvision.edge.live import LivePush
from kitchenvision.edge.notify import Facts, Notifier, open_way, targets_of
from kitchenvision.edge.page import Board, serve_page
from kitchenvision.edge.reload import Reloader
from kitchenvision.edge.settings import EdgeSettings, addresses, read_edge_settings
from kitchenvision.edge.settings_file import SettingsFile
from kitchenvision.edge.supervisor import Supervisor
from kitchenvision.errors import StorageError
from kitchenvision.outbox import Outbox, Status

_log = logging.getLogger(__name__)
_TIDY_S = 60.0
_LIVE_TIMEOUT_S = 10.0


@dataclass
class Delivery:
    """What the page says of the outbox. oldest_s: age of the oldest report that waits; 0 without one."""

    outbox: Outbox
    sender: Sender | None

    def facts(self) -> dict[str, float | int | str]:
        """waiting, dead, delivered, oldest_s, problem."""
        counts = self.outbox.counts()
        oldest = self.outbox.list(Status.PENDING, Status.LEASED, limit=1)
        age_s = (datetime.now(UTC) - oldest[0].put_at).total_seconds() if oldest else 0.0
        return {
            "waiting": counts.pending + counts.leased,
            "dead": counts.dead,
            "delivered": counts.delivered,
            "oldest_s": round(max(0.0, age_s), 1),
            "problem": self.sender.last_error if self.sender else "",
        }


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
    with Outbox(settings.data / "outbox") as outbox, _delivering(settings, where, outbox, stop) as sender:
        supervisor = Supervisor(settings, urls, workers_of(settings))
        disk = DiskGuard(settings.data, settings.disk, outbox)
        guard = _Guarding(disk)
        reread = reread or threading.Event()
        board = Board(settings, supervisor.states, Delivery(outbox, sender).facts, lambda: guard.facts)
        board.editing = _editing(board, where, reread)
        live = _pushing(settings, where, supervisor, stop)
        facts = Facts(outbox, supervisor.states, lambda: guard.facts.low)
        telling = _telling(settings, where, facts, stop)
        with serve_page(board, on_ready), guard.running(stop), live as push, telling as notifier:
            board.untold = notifier.problems

            def apply(changed: EdgeSettings, changed_urls: dict[str, str]) -> None:
                supervisor.reload(changed, changed_urls, workers_of(changed))
                board.settings, disk.settings = changed, changed.disk
                if push is not None:
                    push.reload(changed.live)
                notifier.reload(changed, targets_of(changed.notify, str(where)))

            reloader = Reloader(where, lambda: _read(where), apply, (settings, urls))

            def between() -> None:
                if reread.is_set():
                    reread.clear()
                    reloader.ask()
                reloader.check()

            supervisor.run(stop, between)


def _editing(board: Board, where: Path, reread: threading.Event) -> Editing:
    rules = tuple(chosen_rules(None))
    password = board.settings.page.password(os.environ, str(where))
    return Editing(SettingsFile(where, rules), Access(password), lambda: board.settings, reread.set, rules)


def _read(where: Path) -> tuple[EdgeSettings, dict[str, str]]:
    settings = read_edge_settings(where, tuple(chosen_rules(None)))
    for target in targets_of(settings.notify, str(where)).values():
        open_way(target).close()
    return settings, addresses(settings, str(where))


@contextmanager
def _delivering(
    settings: EdgeSettings, where: Path, outbox: Outbox, stop: threading.Event
) -> Iterator[Sender | None]:
    """A thread that delivers; without a regulator in the settings everything stays in the outbox."""
    regulator = settings.regulator
    if regulator is None:
        yield None
        return
    token = settings.token(os.environ, str(where))
    with make_client(regulator.url, token, allow_http=regulator.allow_http) as client:
        worker = f"edge {settings.canteen_id}"
        outbox.release(worker)
        sender = Sender(outbox, client, worker=worker)
        thread = threading.Thread(target=sender.run, args=(stop,), name="delivery")
        thread.start()
        try:
            yield sender
        finally:
            stop.set()
            thread.join()
            _last_delivery(sender)


@contextmanager
def _pushing(
    settings: EdgeSettings, where: Path, supervisor: Supervisor, stop: threading.Event
) -> Iterator[LivePush | None]:
    """A thread that sends small pictures to the regulator's wall, over a connection of its own."""
    regulator = settings.regulator
    if regulator is None:
        yield None
        return
    token = settings.token(os.environ, str(where))
    with make_client(regulator.url, token, _LIVE_TIMEOUT_S, allow_http=regulator.allow_http) as client:
        push = LivePush(LiveLink(client), supervisor.states, settings.live, settings.page.language)
        thread = threading.Thread(target=push.run, args=(stop,), name="live pictures")
        thread.start()
        try:
            yield push
        finally:
            stop.set()
            thread.join()


@contextmanager
def _telling(settings: EdgeSettings, where: Path, facts: Facts, stop: threading.Event) -> Iterator[Notifier]:
    """A thread that tells the canteen's own people."""
    targets = targets_of(settings.notify, str(where))
    notifier = Notifier(settings.data / "notify.json", facts, settings, targets)
    thread = threading.Thread(target=notifier.run, args=(stop,), name="telling people")
    thread.start()
    try:
        yield notifier
    finally:
        stop.set()
        thread.join()
        notifier.close()


def _last_delivery(sender: Sender) -> None:
    """What the workers told when they were stopped goes out, if the regulator is there."""
    deadline_s = time.monotonic() + 3.0
    while time.monotonic() < deadline_s and sender.step() is not None and not sender.last_error:
        pass


class _Guarding:
    def __init__(self, guard: DiskGuard) -> None:
        self._guard = guard
        self.facts = DiskFacts()

    @contextmanager
    def running(self, stop: threading.Event) -> Iterator[None]:
        thread = threading.Thread(target=self._run, args=(stop,), name="disk guard")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._guard.tidy(datetime.now(UTC))
                self.facts = self._guard.facts()
            except Exception:  # noqa: BLE001  the top of a loop that must outlive any mistake below it
                _log.exception("the disk guard goes on after an error that was not foreseen")
            stop.wait(_TIDY_S)
