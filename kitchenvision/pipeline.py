"""One camera, from frame to evidence: frame look, tracks, zoom looks, rules, evidence.

The stages come ready-made; nothing here reads a clock, a file or a setting. What must be written or delivered is
handed out as events.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from functools import partial

from kitchenvision.album import Album
from kitchenvision.close_up import CloseUp, MainSource, close_up, counted
from kitchenvision.detect.detector import Detector, HeadLooker
from kitchenvision.evidence import Evidence, Place, build_evidence
from kitchenvision.planner import CIGARETTE_CALM_S, CIGARETTE_HINT, LookPlanner
from kitchenvision.rules.engine import Engine, Event
from kitchenvision.track import Tracker, TrackUpdate
from kitchenvision.types import (
    Detections,
    Frame,
    HeadLook,
    MainUse,
    Observation,
    RuleSettings,
    Track,
    Verdict,
    Violation,
)
from kitchenvision.wire import ClockState


@dataclass(frozen=True)
class Confirmed:
    """A violation was confirmed; its evidence is complete but for the clip."""

    evidence: Evidence


@dataclass(frozen=True)
class Ended:
    """A confirmed violation is over; `evidence` is that of its confirmation."""

    evidence: Evidence
    violation: Violation


@dataclass(frozen=True)
class Seen:
    """What one frame showed, for whoever draws it."""

    frame: Frame
    found: Detections
    tracks: tuple[Track, ...]
    observations: tuple[Observation, ...]
    open_rules: Mapping[int, tuple[str, ...]]


@dataclass
class Stages:
    """The ready-made parts of one camera's line."""

    detector: Detector
    looker: HeadLooker
    tracker: Tracker
    engine: Engine
    planner: LookPlanner = field(default_factory=LookPlanner)
    cigarette_planner: LookPlanner = field(default_factory=partial(LookPlanner, calm_s=CIGARETTE_CALM_S))


@dataclass
class Tally:
    """What was seen and what could be judged; counts over the whole run.

    Attributes:
        frames, looks: how many.
        verdicts: by (rule id, verdict, hour of the local day).
        whys: by (rule id, why it could not be judged).
        main: looks for which the main stream's picture was asked for, by what came of it.
    """

    frames: int = 0
    looks: int = 0
    verdicts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    whys: Counter[tuple[str, str]] = field(default_factory=Counter)
    main: Counter[MainUse] = field(default_factory=Counter)


class Pipeline:
    """One camera. Feed frames in order; each gives the events that it caused.

    Attributes:
        main: gives pictures of a main stream, where the frames are of a sub-stream.
        clock: what is known of the clock that stamps the frames; evidence carries it. May change between frames.
    """

    def __init__(
        self, stages: Stages, place: Place, settings: Mapping[str, RuleSettings], timezone: tzinfo
    ) -> None:
        self._stages, self._place, self._settings, self._timezone = stages, place, settings, timezone
        self._evidence: dict[tuple[str, int, float], Evidence] = {}
        self._album = Album(max((s.longest_window_s for s in settings.values()), default=0.0))
        self.tally = Tally()
        self.seen: Seen | None = None
        self.main: MainSource | None = None
        self.clock: ClockState | None = None

    def step(self, frame: Frame) -> list[Confirmed | Ended]:
        """One frame through all stages."""
        picture, stages = frame.picture, self._stages
        size = (picture.width, picture.height)
        found = stages.detector.detect(picture)
        update = stages.tracker.update(frame.media_s, found, size)
        local = frame.captured_at.astimezone(self._timezone)
        minute = local.hour * 60 + local.minute
        seen, close = self._look(frame, update, minute)
        events = stages.engine.update(frame.media_s, minute, seen, update.ended, size)
        self._count(sum(look is not None for _, look in seen), local.hour)
        self._keep(frame, found, close)
        self.seen = Seen(frame, found, update.tracks, stages.engine.observations, self._open_rules(update.tracks))
        return [self._out(event, frame) for event in events]

    def _look(
        self, frame: Frame, update: TrackUpdate, minute: int
    ) -> tuple[list[tuple[Track, HeadLook | None]], CloseUp]:
        """Every track with a head, and the look at it on its turn; cigarettes cost more and have their own.

        Where none was seen lately a glance is enough: the looks that judge follow with every frame. What a glance
        hardly sees is a hint: two close looks follow it. Where something builds up they are at the main stream's
        picture, if there is one.
        """
        stages, at_s = self._stages, frame.media_s
        for planner in (stages.planner, stages.cigarette_planner):
            planner.forget(update.ended)
        hinted = {t.track_id for t in update.tracks if stages.cigarette_planner.hinted(t.track_id)}
        due = stages.planner.due(at_s, update.tracks, lambda i: i in hinted or stages.engine.building(i))

        def smoking(track_id: int) -> bool:
            return track_id in hinted or stages.engine.building(track_id, cigarettes=True)

        size = (frame.picture.width, frame.picture.height)
        asked = [track for track in due if stages.engine.asks_for_cigarettes(track, minute, size)]
        with_cigarettes = stages.cigarette_planner.due(at_s, asked, smoking)
        close = [track for track in with_cigarettes if smoking(track.track_id)]
        glances = [track for track in with_cigarettes if track not in close]
        others = [track for track in due if track not in with_cigarettes]
        building = [track for track in due if stages.engine.building(track.track_id)]
        closer = close_up(frame, self.main, update.tracks, building)
        looks: dict[int, HeadLook] = {}
        for tracks, cigarettes, glance in ((close, True, False), (glances, True, True), (others, False, False)):
            looks |= closer.look(stages.looker, frame, tracks, cigarettes, glance)
        for track in with_cigarettes:
            look = looks[track.track_id]
            seen_some = max((c.confidence for c in look.cigarettes), default=0.0) >= CIGARETTE_HINT
            stages.cigarette_planner.looked(track.track_id, seen_some)
        self.tally.main.update(counted(looks))
        seen = [(track, looks.get(track.track_id)) for track in update.tracks if track.head_xyxy is not None]
        return seen, closer

    def finish(self, reason: str = "source ended") -> list[Confirmed | Ended]:
        """The source is over; what is open ends."""
        return [self._ended(event.violation) for event in self._stages.engine.finish(reason)]

    def _out(self, event: Event, frame: Frame) -> Confirmed | Ended:
        violation = event.violation
        if violation.ended_s is not None:
            return self._ended(violation)
        captured_at = frame.captured_at - timedelta(seconds=frame.media_s - violation.confirmed_s)
        shown = self._album.best(violation)
        settings = self._settings[violation.rule_id]
        evidence = build_evidence(violation, shown, self._place, captured_at, settings, self.clock)
        self._evidence[_key(violation)] = evidence
        return Confirmed(evidence)

    def _ended(self, violation: Violation) -> Ended:
        return Ended(self._evidence.pop(_key(violation)), violation)

    def _keep(self, frame: Frame, found: Detections, close: CloseUp) -> None:
        """Keep the picture while it may become the best of a confirming window."""
        engine = self._stages.engine
        accused = [
            look
            for look in engine.observations
            if look.verdict is Verdict.VIOLATING
            and (engine.confirmed_now or not engine.is_open(look.track_id, look.rule_id))
        ]
        self._album.keep(frame, found, close, accused)

    def _count(self, looks: int, hour: int) -> None:
        self.tally.frames += 1
        self.tally.looks += looks
        for observation in self._stages.engine.observations:
            self.tally.verdicts[(observation.rule_id, observation.verdict.value, hour)] += 1
            if observation.why:
                self.tally.whys[(observation.rule_id, observation.why)] += 1

    def _open_rules(self, tracks: tuple[Track, ...]) -> dict[int, tuple[str, ...]]:
        engine = self._stages.engine
        return {
            track.track_id: tuple(rule for rule in self._settings if engine.is_open(track.track_id, rule))
            for track in tracks
        }


def _key(violation: Violation) -> tuple[str, int, float]:
    return violation.rule_id, violation.track_id, violation.started_s
