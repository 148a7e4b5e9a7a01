"""One camera's line over many connections: one media time, one pipeline, findings written in order.

A camera that drops out and returns goes on in the same media time: whoever stood there is the same violation still.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from kitchenvision.close_up import MainSource
from kitchenvision.edge.gate import Luma, SceneGate, luma_of
from kitchenvision.edge.health import CameraHealth
from kitchenvision.edge.journal import Journal
from kitchenvision.edge.mailbox import Arrival
from kitchenvision.errors import StorageError
from kitchenvision.evidence import Evidence
from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.frames.source import ClipSpan
from kitchenvision.pipeline import Confirmed, Ended, Pipeline
from kitchenvision.reporting import CLIP_AFTER_S, Reporter
from kitchenvision.types import Frame
from kitchenvision.wire import ClockState

_log = logging.getLogger(__name__)
# A violation takes three steps, each some 300 kB at most: a full disk is waited for with some 60 MB of memory.
_MOST_UNSAVED = 600
# Longer than the pause between two frames of the slowest stream that is worth watching.
_LONGEST_STEP_S = 3.0
MainClip = Callable[[datetime, float, float, Path], ClipSpan | None]
_NO_LUMA: Luma = np.zeros((0, 0), np.int16)


@dataclass
class Watch:
    """What watches one camera: its pipeline, and whether something is building up for any of these tracks."""

    pipeline: Pipeline
    building: Callable[[int], bool]


@dataclass
class _Clip:
    evidence: Evidence
    due_s: float
    source: RtspSource | None
    offset_s: float


@dataclass(frozen=True)
class LineFacts:
    """Where one camera's line stands; counts since the start.

    Attributes:
        analysed, skipped: frames looked at, and left out since the scene was calm.
        lag_s: steady seconds from the arrival of the last analysed frame to the end of its analysis.
        violations: confirmed. last_rule, last_at: of the latest. unsaved: steps that wait for disk space.
        problem: why they wait. troubles: of `health.Trouble`, now.
        observed_s, unseen_s: seconds with frames in which the camera could see, and could not.
    """

    analysed: int = 0
    skipped: int = 0
    lag_s: float = 0.0
    violations: int = 0
    last_rule: str = ""
    last_at: datetime | None = None
    unsaved: int = 0
    problem: str = ""
    troubles: tuple[str, ...] = ()
    observed_s: float = 0.0
    unseen_s: float = 0.0


class CameraLine:
    """One camera.

    Args:
        watch: makes pipeline and engine when the first frame says when this run began.
        reporter, journal: where findings go. folder: of this camera's evidence.
        gate: which frames of a calm scene may be left out; None looks at all.
        health: says whether the camera sees; while it does not, no verdict is given. None believes that it does.
    """

    def __init__(
        self,
        watch: Callable[[RtspSource, datetime], Watch],
        reporter: Reporter,
        journal: Journal,
        folder: Path,
        gate: SceneGate | None,
        health: CameraHealth | None = None,
    ) -> None:
        self._make, self._reporter, self._journal, self._folder = watch, reporter, journal, folder
        self._gate, self._health = gate, health
        self._watch: Watch | None = None
        self._session, self._offset_s = -1, 0.0
        self._media_s, self._arrived_s = 0.0, 0.0
        self._index = 0
        self._looked_s: float | None = None
        self._clips: list[_Clip] = []
        self._todo: deque[Confirmed | Ended | _Clip] = deque()
        self._seen_at: datetime | None = None
        self.facts = LineFacts()
        self.on_seen: Callable[[datetime, datetime], None] = lambda *_: None
        """Told of each span of time in which the camera could see."""
        self.muted: Callable[[datetime], bool] = lambda _: False
        """Whether nobody is to be judged at that instant."""
        self.clock: Callable[[], ClockState | None] = lambda: None
        """What is known of this box's clock."""
        self.main_clip: MainClip = lambda *_: None
        """Cuts a clip from the main stream, as `PacketTap.clip`."""
        self.main_picture: MainSource | None = None
        """Gives the main stream's pictures, for looks at what builds up and for evidence."""

    @property
    def pipeline(self) -> Pipeline | None:
        """None before the first frame."""
        return self._watch.pipeline if self._watch else None

    def take(self, arrival: Arrival) -> bool:
        """One arrival; whether it was analysed."""
        if arrival.frame is None:
            self._session_over(arrival.source)
            return False
        frame = self._placed(arrival, arrival.frame)
        watch = self._watch = self._watch or self._make(arrival.source, frame.captured_at)
        watch.pipeline.main = self.main_picture
        seen = self._sees(frame)
        if seen is None:
            arrival.source.nothing_happens(False)
            return False
        wanted = self._wanted(watch, frame, seen)
        arrival.source.nothing_happens(self._gate is not None and self._gate.asleep(frame.media_s))
        if not wanted:
            self.facts = replace(self.facts, skipped=self.facts.skipped + 1)
            return False
        watch.pipeline.clock = self.clock()
        self._events(watch.pipeline.step(frame), arrival.source)
        self._index += 1
        self.facts = replace(self.facts, analysed=self.facts.analysed + 1)
        if not self.facts.problem:  # a full disk is asked again by the caller, once a second
            self.flush()
        return True

    def flush(self) -> None:
        """Write what waits: clips that are due, and what a full disk has refused."""
        for clip in [clip for clip in self._clips if clip.due_s <= self._media_s]:
            self._clips.remove(clip)
            self._todo.append(clip)
        problem = ""
        try:
            while self._todo:
                self._do(self._todo[0])
                self._todo.popleft()
        except StorageError as error:
            problem = str(error)
            if problem != self.facts.problem:
                _log.error("findings wait for the disk: %s", problem)
            if len(self._todo) > _MOST_UNSAVED:
                self._forget(_evidence_of(self._todo[0]))
        self.facts = replace(self.facts, unsaved=len(self._todo), problem=problem)

    def renew(self) -> None:
        """Another model looks from the next frame on: what is open ends, and is told; media time goes on."""
        self.finish()
        self._watch = None

    def finish(self) -> None:
        """The service stops: what is open ends, and is told."""
        if self._watch is not None:
            self._cut_now(lambda _: True)
            self._events(self._watch.pipeline.finish("restarted"), None)
        self.flush()

    def _placed(self, arrival: Arrival, frame: Frame) -> Frame:
        """The frame in the media time of this line, which goes on over a gap as long as the gap was."""
        if arrival.session != self._session:
            gap_s = arrival.arrived_s - self._arrived_s if self._watch else 0.0
            self._offset_s = self._media_s + max(0.0, gap_s) - (frame.media_s if self._watch else 0.0)
            self._session = arrival.session
        self._media_s = max(self._media_s, self._offset_s + frame.media_s)
        self._arrived_s = arrival.arrived_s
        return replace(frame, index=self._index, media_s=self._media_s)

    def _sees(self, frame: Frame) -> Luma | None:
        """The small picture that gate and health share; None while the camera cannot see."""
        luma = luma_of(frame.picture) if self._health is not None or self._gate is not None else _NO_LUMA
        sees = True
        if self._health is not None:
            self._health.update(frame.media_s, luma)
            sees = self._health.sees
            troubles = tuple(trouble.value for trouble in self._health.troubles)
            self.facts = replace(self.facts, troubles=troubles)
        sees = sees and not self.muted(frame.captured_at)
        self._count(frame, sees)
        return luma if sees else None

    def _count(self, frame: Frame, sees: bool) -> None:
        """The time since the frame before; a gap in the stream is neither observed nor blind."""
        step_s = frame.media_s - self._looked_s if self._looked_s is not None else 0.0
        step_s = step_s if step_s <= _LONGEST_STEP_S else 0.0
        before, self._seen_at, self._looked_s = self._seen_at, frame.captured_at, frame.media_s
        self.facts = replace(
            self.facts,
            observed_s=self.facts.observed_s + (step_s if sees else 0.0),
            unseen_s=self.facts.unseen_s + (0.0 if sees else step_s),
        )
        if not sees or step_s <= 0.0 or before is None:
            return
        if 0.0 < (frame.captured_at - before).total_seconds() <= _LONGEST_STEP_S:
            self.on_seen(before, frame.captured_at)

    def _wanted(self, watch: Watch, frame: Frame, luma: Luma) -> bool:
        if self._gate is None:
            return True
        tracks = watch.pipeline.seen.tracks if watch.pipeline.seen else ()
        building = any(watch.building(track.track_id) for track in tracks)
        return self._gate.wants(frame.media_s, luma, bool(tracks), building)

    def _events(self, events: list[Confirmed | Ended], source: RtspSource | None) -> None:
        for event in events:
            if isinstance(event, Confirmed):
                evidence = event.evidence
                due_s = evidence.violation.confirmed_s + CLIP_AFTER_S
                self._todo.append(event)
                self._clips.append(_Clip(evidence, due_s, source, self._offset_s))
                self.facts = replace(
                    self.facts,
                    violations=self.facts.violations + 1,
                    last_rule=evidence.violation.rule_id,
                    last_at=evidence.captured_at,
                )
            else:
                ended = event.evidence.violation_id
                self._cut_now(lambda clip, ended=ended: clip.evidence.violation_id == ended)  # type: ignore[misc]
                self._todo.append(event)

    def _cut_now(self, which: Callable[[_Clip], bool]) -> None:
        """Clips that cannot wait for their last seconds."""
        for clip in [clip for clip in self._clips if which(clip)]:
            self._clips.remove(clip)
            self._todo.append(clip)

    def _session_over(self, source: RtspSource) -> None:
        self._cut_now(lambda clip: clip.source is source)
        self.flush()
        for step in self._todo:
            if isinstance(step, _Clip) and step.source is source:
                step.source = None
        # It waits for its reader, which may be stuck; this line has other frames to look at.
        threading.Thread(target=source.close, name="hang up", daemon=True).start()

    def _forget(self, evidence: Evidence) -> None:
        """The oldest finding goes when the memory for a full disk is used up; it was never accepted."""
        kept = [step for step in self._todo if _evidence_of(step) is not evidence]
        self._todo = deque(kept)
        self._clips = [clip for clip in self._clips if clip.evidence is not evidence]
        _log.error("the finding %s is lost: the disk has been full for too long", evidence.violation_id)

    def _do(self, step: Confirmed | Ended | _Clip) -> None:
        if isinstance(step, Confirmed):
            self._journal.opened(step.evidence)
            self._reporter.confirmed(step.evidence, self._folder_of(step.evidence))
        elif isinstance(step, Ended):
            self._reporter.ended(step)
            self._journal.ended(step.evidence.violation_id)
        else:
            self._reporter.clip(step.evidence, self._folder_of(step.evidence), lambda *span: self._cut(step, *span))

    def _cut(self, clip: _Clip, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
        """From the main stream where there is one, else from the one that is looked at."""
        evidence = clip.evidence
        at_s = evidence.violation.confirmed_s
        span = self.main_clip(evidence.captured_at, from_s - at_s, to_s - at_s, path)
        if span is None:
            return _cut_here(clip, from_s, to_s, path)
        return replace(span, from_s=max(0.0, span.from_s + at_s), to_s=span.to_s + at_s)

    def _folder_of(self, evidence: Evidence) -> Path:
        day = f"{evidence.captured_at:%Y-%m-%d}"
        return self._folder / day / f"{evidence.violation.rule_id}-{evidence.violation_id[:10]}"


def _evidence_of(step: Confirmed | Ended | _Clip) -> Evidence:
    return step.evidence


def _cut_here(clip: _Clip, from_s: float, to_s: float, path: Path) -> ClipSpan | None:
    """Media time of the line is not that of the connection."""
    if clip.source is None:
        return None
    span = clip.source.clip(max(0.0, from_s - clip.offset_s), to_s - clip.offset_s, path)
    if span is None:
        return None
    return replace(span, from_s=max(0.0, span.from_s + clip.offset_s), to_s=span.to_s + clip.offset_s)
