"""A worker process: some cameras' readers, and one loop that looks at their newest frames in turn.

Frames never leave it: the decoded picture stays with its reader's process, crops are cut there, and only events and
a small picture for the status page go out (docs/decisions, "cameras share a process").
"""

import logging
import os
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection

from kitchenvision.build import Eyes, open_named
from kitchenvision.config import timezone_of
from kitchenvision.edge import probation
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.fresh import new_ledger, new_watch
from kitchenvision.edge.gate import SceneGate
from kitchenvision.edge.health import CameraHealth
from kitchenvision.edge.job import Job
from kitchenvision.edge.journal import Journal
from kitchenvision.edge.line import CameraLine, Watch
from kitchenvision.edge.logs import set_up_logs
from kitchenvision.edge.mailbox import Arrival, Mailbox
from kitchenvision.edge.main_stream import MainStream
from kitchenvision.edge.memory import Trimmer
from kitchenvision.edge.mutes import Muted, muted_at
from kitchenvision.edge.observed import ObservedLedger
from kitchenvision.edge.reader import Reader, Wiring
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.edge.shadow_link import ShadowLink
from kitchenvision.edge.state import CameraState
from kitchenvision.edge.synchronisation import ClockWatch
from kitchenvision.errors import ModelError
from kitchenvision.evidence import encode_jpeg
from kitchenvision.frames.dialing import shown_address, with_credentials_of
from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.frames.source import SourceInfo, SourceOptions
from kitchenvision.outbox import Outbox
from kitchenvision.reporting import Reporter
from kitchenvision.types import Picture, Pixels, Verdict
from kitchenvision.wire_box import box_model

_log = logging.getLogger(__name__)
_TICK_S = 0.2
_TELL_S = 1.0
_PICTURE_S = 2.0
_PICTURE_WIDTH = 640
_THUMBNAIL_QUALITY = 75
_FPS_OVER_S = 10.0
_MOST_ABANDONED = 4  # stuck readers; beyond it only a new process gets their memory and sockets back
STUCK_READERS_EXIT = 75


@dataclass
class _Camera:
    section: CameraSection
    reader: Reader
    line: CameraLine
    ledger: ObservedLedger
    main: MainStream | None
    analysed_at: deque[float] = field(default_factory=deque)
    lag_s: float = 0.0
    picture: bytes = b""
    thumbnail: bytes = b""
    picture_at: datetime | None = None
    picture_s: float = -1e9
    size: tuple[int, int] = (0, 0)
    info: SourceInfo | None = None

    def finish(self) -> None:
        """What is open is told, what was counted is kept."""
        self.line.finish()
        self.ledger.flush()
        if self.main is not None:
            self.main.close()


class Worker:
    """The cameras of one job.

    Args:
        job: what to watch. eyes: shared by all cameras. outbox: where reports go. wiring: of the readers.
    """

    def __init__(self, job: Job, eyes: Eyes, outbox: Outbox, wiring: Wiring) -> None:
        self._job, self._eyes, self._outbox, self._wiring = job, eyes, outbox, wiring
        self._clock_watch = ClockWatch(wiring.clock, steady=wiring.steady)
        self._cameras = {camera_id: self._camera(job.section(camera_id)) for camera_id in job.camera_ids}
        self._ticked_s = -1e9
        self._shadow = self._shadow_of(job)

    def reload(self, job: Job) -> None:
        """Another job: cameras of which nothing changed go on, others begin anew, those gone are closed."""
        before, self._job = self._job, job
        if before.settings.model != job.settings.model:
            self._other_model(job.settings)
        if before.settings.shadow != job.settings.shadow or before.shadow != job.shadow:
            self._close_shadow()
            self._shadow = self._shadow_of(job)
        self._wiring.limits = job.settings.times.limits()
        for camera_id in list(self._cameras):
            if camera_id not in job.camera_ids or before.line_of(camera_id) != job.line_of(camera_id):
                self._drop(self._cameras.pop(camera_id))
        for camera_id in job.camera_ids:
            if camera_id not in self._cameras:
                self._cameras[camera_id] = self._camera(job.section(camera_id))

    def step(self) -> bool:
        """One frame at most; whether there was one."""
        now_s = self._wiring.steady()
        if now_s - self._ticked_s >= _TICK_S:
            self._ticked_s = now_s
            self._clock_watch.tick()
            for camera in self._cameras.values():
                camera.reader.tick()
        arrival = self._wiring.mailbox.take(_TICK_S)
        if arrival is None:
            return False
        camera = self._cameras[arrival.camera_id]
        try:
            analysed = camera.line.take(arrival)
        except Exception:  # noqa: BLE001  the top of a loop: one camera's frame must not end the others' watch
            _log.exception("camera %s: a frame was not analysed", arrival.camera_id)
            return True
        if arrival.frame is not None:
            self._seen(camera, arrival, analysed)
        pipeline = camera.line.pipeline
        if analysed and self._shadow is not None and pipeline is not None and pipeline.seen is not None:
            self._shadow.offer(arrival.camera_id, pipeline.seen.frame, self._wiring.mailbox.waiting())
        return True

    def states(self) -> list[CameraState]:
        """Of all cameras, now; also writes what waits for the disk."""
        for camera in self._cameras.values():
            camera.line.flush()
            camera.ledger.tick(self._wiring.clock())
        return [self._state(camera) for camera in self._cameras.values()]

    def stuck(self) -> bool:
        """Whether too many readers hang in native code for this process to go on."""
        return sum(camera.reader.abandoned for camera in self._cameras.values()) > _MOST_ABANDONED

    def _other_model(self, settings: EdgeSettings) -> None:
        """Another model accuses from the next frame on; connections stay. One that cannot be opened is left."""
        try:
            self._eyes = open_named(settings.models, settings.model, settings.provider, threads=1)
        except ModelError:
            _log.exception("the model %s cannot be opened; the old one goes on", settings.model)
            return
        for camera in self._cameras.values():
            camera.line.renew()
        _log.info("the model %s %s looks from now on", self._eyes.card.name, self._eyes.card.version)

    def _shadow_of(self, job: Job) -> ShadowLink | None:
        return ShadowLink(job.shadow, self._wiring.steady) if job.shadow and job.settings.shadow else None

    def _close_shadow(self) -> None:
        if self._shadow is not None:
            self._shadow.close()

    def _drop(self, camera: _Camera) -> None:
        camera.reader.close(0.0)
        for arrival in self._wiring.mailbox.forget(camera.section.id):
            if arrival.frame is None:
                camera.line.take(arrival)
        camera.finish()
        _log.info("camera %s: closed, for other settings", camera.section.id)

    def close(self) -> None:
        """Hang up, and tell what is open as ended."""
        self._close_shadow()
        for camera in self._cameras.values():
            camera.reader.close(0.0)
        while (arrival := self._wiring.mailbox.take(0.0)) is not None:
            if arrival.frame is None:
                self._cameras[arrival.camera_id].line.take(arrival)
        for camera in self._cameras.values():
            camera.finish()

    def _camera(self, section: CameraSection) -> _Camera:
        settings = self._job.settings
        options = SourceOptions(
            analysis_fps=settings.analysis_fps,
            transport=section.transport,
            key_frames_only=section.key_frames_only,
            decoder=section.decoder,
        )
        journal = Journal(settings.data / "open" / section.id)
        told = journal.recover(self._outbox)
        if told:
            _log.info("camera %s: %d violations ended with the last run", section.id, told)
        line = CameraLine(
            partial(self._watch, section),
            Reporter(None if section.probation else self._outbox),
            journal,
            settings.data / (probation.FOLDER if section.probation else "evidence") / section.id,
            SceneGate(settings.calm_fps) if settings.calm_fps < settings.analysis_fps else None,
            CameraHealth() if settings.health else None,
        )
        ledger = new_ledger(settings, section, self._outbox)
        if not section.probation:  # time in which nobody could have been accused makes nobody look better
            line.on_seen = ledger.saw
        line.clock = lambda: self._clock_watch.state
        line.muted = lambda at: self._muted(section.id, at) is not None
        reader = Reader(section.id, self._job.addresses[section.id], options, self._wiring)
        main = None
        if section.main_url:
            url = with_credentials_of(section.main_url, self._job.addresses[section.id])
            main = MainStream(section.id, url, section.transport, self._wiring)
            line.main_clip, line.main_picture = main.clip, main.picture
        return _Camera(section, reader, line, ledger, main)

    def _muted(self, camera_id: str, at: datetime) -> Muted | None:
        settings = self._job.settings
        return muted_at(settings.mutes, camera_id, at, timezone_of(settings.timezone, "timezone"))

    def _watch(self, section: CameraSection, source: RtspSource, began: datetime) -> Watch:
        return new_watch(self._eyes, self._job.settings, section, source.info.name, began)

    def _seen(self, camera: _Camera, arrival: Arrival, analysed: bool) -> None:
        frame, now_s = arrival.frame, self._wiring.steady()
        assert frame is not None
        camera.size = (frame.picture.width, frame.picture.height)
        camera.info = arrival.source.info
        if analysed:
            camera.lag_s = now_s - arrival.arrived_s
            camera.analysed_at.append(now_s)
        if now_s - camera.picture_s >= _PICTURE_S:
            camera.picture = encode_jpeg(_small(frame.picture, _PICTURE_WIDTH))
            live = self._job.settings.live
            wanted = live.enabled and self._job.settings.regulator is not None
            small = _small(frame.picture, live.width) if wanted else None
            camera.thumbnail = b"" if small is None else encode_jpeg(small, _THUMBNAIL_QUALITY)
            camera.picture_at, camera.picture_s = frame.captured_at, now_s

    def _state(self, camera: _Camera) -> CameraState:
        now_s, reader, facts = self._wiring.steady(), camera.reader, camera.line.facts
        while camera.analysed_at and now_s - camera.analysed_at[0] > _FPS_OVER_S:
            camera.analysed_at.popleft()
        lifecycle, pipeline = reader.lifecycle, camera.line.pipeline
        verdicts = pipeline.tally.verdicts if pipeline else {}
        at_main = pipeline.tally.main if pipeline else {}
        muted = self._muted(camera.section.id, self._wiring.clock())
        return CameraState(
            camera_id=camera.section.id,
            name=camera.section.name or camera.section.id,
            address=shown_address(camera.section.url),
            state=lifecycle.state.value,
            cause=lifecycle.cause.value if lifecycle.cause else "",
            problem=reader.problem,
            blind_s=round(lifecycle.blind_s(now_s), 1),
            next_try_s=round(max(0.0, lifecycle.next_try_s - now_s), 1),
            reconnects={cause.value: count for cause, count in lifecycle.reconnects.items()},
            abandoned=reader.abandoned,
            fps=round(len(camera.analysed_at) / _FPS_OVER_S, 2),
            analysed=facts.analysed,
            skipped=facts.skipped,
            dropped=self._wiring.mailbox.dropped[camera.section.id],
            lag_s=round(camera.lag_s, 3),
            width=camera.size[0],
            height=camera.size[1],
            codec=camera.info.codec if camera.info else "",
            decoder=camera.info.decoder if camera.info else "",
            notes=_notes(camera),
            violations=facts.violations,
            last_rule=facts.last_rule,
            last_at=facts.last_at,
            unsaved=facts.unsaved,
            troubles=facts.troubles,
            observed_s=round(facts.observed_s, 1),
            unseen_s=round(facts.unseen_s, 1),
            rule_times=camera.ledger.totals,
            looks=sum(verdicts.values()),
            cannot_judge=sum(n for key, n in verdicts.items() if key[1] == Verdict.CANNOT_JUDGE.value),
            main_looks={use.value: looks for use, looks in at_main.items()},
            clock_jumps=self._wiring.clock.jumps,
            picture=camera.picture,
            picture_at=camera.picture_at,
            thumbnail=camera.thumbnail,
            model=box_model(self._eyes.model),
            probation=camera.section.probation,
            muted=muted is not None,
            mute_reason=muted.reason if muted else "",
            muted_until=muted.until if muted else None,
        )


def _notes(camera: _Camera) -> tuple[str, ...]:
    notes = camera.info.notes if camera.info else ()
    if camera.main is not None and camera.main.problem:
        notes += (f"clips and pictures come from the sub-stream; main stream: {camera.main.problem}",)
    return notes


def _small(picture: Picture, most_width: int) -> Pixels:
    """At most so wide, in even sizes."""
    width = min(most_width, picture.width) // 2 * 2
    return picture.scaled(width, max(2, round(picture.height * width / picture.width) // 2 * 2))


def _goes_on(worker: Worker, said: object) -> bool:
    if not isinstance(said, Job):
        return False
    worker.reload(said)
    return True


def work(job: Job, link: Connection) -> None:
    """The process: watches until the supervisor says stop, or is gone.

    Args:
        job: what to watch. link: lists of `CameraState` go out once a second; a `Job` that comes in is the new one,
            any other message means stop.
    """
    set_up_logs()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the supervisor gets it too, and says stop
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # new settings come over the link
    settings = job.settings
    eyes = open_named(settings.models, settings.model, settings.provider, threads=1)
    with Outbox(settings.data / "outbox") as outbox:
        worker = Worker(job, eyes, outbox, Wiring(Mailbox(), SteadyClock(), settings.times.limits()))
        told_s, trim = -1e9, Trimmer()
        try:
            while not link.poll() or _goes_on(worker, link.recv()):
                worker.step()
                if time.monotonic() - told_s >= _TELL_S:
                    told_s = time.monotonic()
                    link.send(worker.states())
                    trim(told_s)
                    if worker.stuck():
                        _log.error("too many stuck readers: this process makes way for a new one")
                        os._exit(STUCK_READERS_EXIT)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            _log.warning("the supervisor is gone; stopping")
        worker.close()
