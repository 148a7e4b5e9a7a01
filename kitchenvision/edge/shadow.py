"""The process of a model that looks along: both models look at the same frames, in a process that may die.

It takes one frame at a time from whichever worker has one, rests three times as long as it computed, and runs at
the lowest priority. What differs is counted and kept in a small file, from which page, metrics and the regulator
are told. Nothing of what it sees is evidence, and nobody is accused.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np

from kitchenvision.build import Eyes, build_stages, chosen_rules, open_named, rule_settings
from kitchenvision.config import timezone_of
from kitchenvision.edge.logs import set_up_logs
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.edge.shadow_link import Offer, Way
from kitchenvision.edge.shadow_report import REPORT, ShadowReport, read_report
from kitchenvision.edge.shadow_tally import Tally
from kitchenvision.evidence import Place
from kitchenvision.frames.picture import ArrayPicture
from kitchenvision.pipeline import Confirmed, Pipeline
from kitchenvision.planner import LookPlanner
from kitchenvision.types import Frame, Pixels, Violation
from kitchenvision.wire_box import BoxShadow, box_model

_log = logging.getLogger(__name__)
_REST = 3.0  # times the look: a quarter of one core at most
_LOWEST_PRIORITY = 19
_WRITE_S = 10.0
_GAP_S = 15.0  # a pause beyond it ends a row of frames
_READY = b"ready"


@dataclass
class _Row:
    """Frames of one camera in a row, as both models see them."""

    camera_id: str
    pipelines: tuple[Pipeline, Pipeline]
    media_s: float
    found: tuple[list[Violation], list[Violation]] = field(default_factory=lambda: ([], []))


class Shadow:
    """Two models over the same frames.

    Args:
        settings: of the service. old, new: the model that accuses, and the one that looks along.
        path: of the report, which is gone on with where it is of the same two models.
    """

    def __init__(self, settings: EdgeSettings, old: Eyes, new: Eyes, path: Path) -> None:
        self._settings, self._eyes, self._path = settings, (old, new), path
        self._models = box_model(old.model), box_model(new.model)
        self._row: _Row | None = None
        before = read_report(path)
        if before is not None and (before.old, before.shadow.model) == self._models:
            kept = before.shadow
        else:
            kept = BoxShadow(model=self._models[1], since=datetime.now(UTC), looked=0, left_out=0, errors=0)
        self._since, self._tally = kept.since, Tally(kept.rules)
        self.looked, self.left_out, self.errors = kept.looked, kept.left_out, kept.errors

    def take(self, offer: Offer, pixels: Pixels) -> None:
        """One frame, (H, W, 3) uint8 RGB."""
        self.left_out += offer.left_out
        frame = Frame(ArrayPicture(pixels), self.looked, offer.media_s, offer.captured_at)
        try:
            row = self._row_of(offer)
            for pipeline, found in zip(row.pipelines, row.found, strict=True):
                events = pipeline.step(frame)
                found += [event.evidence.violation for event in events if isinstance(event, Confirmed)]
        except Exception:  # noqa: BLE001  the model on trial may do anything; what it did is counted
            self._row, self.errors = None, self.errors + 1
            _log.exception("the model that looks along failed on a frame of camera %s", offer.camera_id)
            return
        self.looked, row.media_s = self.looked + 1, offer.media_s
        old, new = (pipeline.seen for pipeline in row.pipelines)
        assert old is not None
        assert new is not None
        self._tally.looks(old.observations, new.observations)

    def end_row(self) -> None:
        """What both would have reported of the frames in a row until now is compared."""
        if self._row is not None:
            self._tally.turn(*self._row.found, self._row.media_s)
            self._row = None

    def report(self) -> ShadowReport:
        """Where it stands."""
        return ShadowReport(
            old=self._models[0],
            shadow=BoxShadow(
                model=self._models[1],
                since=self._since,
                looked=self.looked,
                left_out=self.left_out,
                errors=self.errors,
                rules=self._tally.rules(),
            ),
        )

    def write(self) -> None:
        """The report, whole or not at all; a full disk is tried again the next time."""
        part = self._path.with_suffix(".part")
        try:
            part.write_text(self.report().model_dump_json(), "utf-8")
            os.replace(part, self._path)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._path, error.strerror)

    def _row_of(self, offer: Offer) -> _Row:
        row = self._row
        if row is None or row.camera_id != offer.camera_id or not 0 <= offer.media_s - row.media_s <= _GAP_S:
            self.end_row()
            section = next(one for one in self._settings.cameras if one.id == offer.camera_id)
            old, new = (_pipeline(eyes, self._settings, section) for eyes in self._eyes)
            row = self._row = _Row(offer.camera_id, (old, new), offer.media_s)
        return row


def _pipeline(eyes: Eyes, all_settings: EdgeSettings, section: CameraSection) -> Pipeline:
    """As the camera's own, but it looks at every head in every frame, or two models would look at other moments."""
    settings, rules = all_settings.of_camera(section), chosen_rules(None)
    stages = build_stages(eyes, rules, settings)
    stages.planner = LookPlanner(calm_s=0.0)
    place = Place(settings.canteen_id, section.id, "", "0" * 64, "camera", eyes.model, "shadow")
    return Pipeline(stages, place, rule_settings(rules, settings, eyes.card), timezone_of(settings.timezone, ""))


def shadow_work(settings: EdgeSettings, way: Way) -> None:
    """The process: until it is ended."""
    set_up_logs()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_LOWEST_PRIORITY)
    models = settings.model, settings.shadow
    old, new = (open_named(settings.models, name, settings.provider, threads=1) for name in models)
    Path(way.address).unlink(missing_ok=True)  # of one that died
    shadow = Shadow(settings, old, new, settings.data / REPORT)
    shadow.write()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(way.address)
        listening.listen()
        serve(shadow, listening)


def serve(shadow: Shadow, listening: socket.socket, going: Callable[[], bool] = lambda: True) -> None:
    """Take frames of whoever connects, one at a time, while `going` says so."""
    connections: list[Connection] = []
    heard_s = wrote_s = time.monotonic()
    while going():
        for one in wait([listening, *connections], timeout=1.0):
            if isinstance(one, Connection):
                if not heard(shadow, one):
                    connections.remove(one)
                heard_s = time.monotonic()
                continue
            connections.append(Connection(listening.accept()[0].detach()))
            with suppress(OSError):
                connections[-1].send_bytes(_READY)
        now_s = time.monotonic()
        if now_s - heard_s > _GAP_S:
            shadow.end_row()
        if now_s - wrote_s >= _WRITE_S:
            wrote_s = now_s
            shadow.write()


def heard(shadow: Shadow, worker: Connection) -> bool:
    """One frame of a worker, and the rest after it; whether the worker is still there."""
    try:
        offer: Offer = worker.recv()
        pixels = np.frombuffer(worker.recv_bytes(), np.uint8).reshape(offer.shape)
        began_s = time.process_time()  # on a busy machine it waits much longer than it computes
        shadow.take(offer, pixels)
        time.sleep(_REST * (time.process_time() - began_s))
        worker.send_bytes(_READY)
    except (EOFError, OSError):
        worker.close()
        return False
    return True
