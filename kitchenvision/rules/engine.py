"""All rules over all tracks of one camera: looks and time in, confirmed and ended violations out.

Pure: time arrives with the frame. The same looks give the same violations, live or replayed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kitchenvision.geometry import centre, in_polygon, iou
from kitchenvision.rules.attribution import Seen, attributed
from kitchenvision.rules.debounce import Debounce
from kitchenvision.rules.rule import Rule, observed
from kitchenvision.types import Observation, RuleSettings, Track, Violation, Xyxy, Zone

_RETURN_HEADS = 3.0  # how far from its old place a returning person may be, in heads, plus what it could walk
_RETURN_HEADS_S = 1.0
_RETURN_SIZE = 1.7
_ONE_HEAD = 0.5  # IoU from which two heads of one frame are the same
_HEAD_WAS_HERE = 0.1  # the same for a head and the last one of a track that is not in this frame


@dataclass(frozen=True)
class Event:
    """A violation that was just confirmed (`ended_s` is None) or whose end is now known."""

    violation: Violation


@dataclass
class _Open:
    violation: Violation
    holder: int  # the track that has it now; after a return not the one it began with
    place: Xyxy
    paused_s: float | None = None  # since when it is cleared or its track gone; still the same if it returns
    reason: str = ""


class Engine:
    """The rules of one camera.

    Args:
        rules: by id. settings: by id, complete. zones: which rules are due where and when.
    """

    def __init__(
        self, rules: Mapping[str, Rule], settings: Mapping[str, RuleSettings], zones: Sequence[Zone]
    ) -> None:
        self._rules, self._settings, self._zones = rules, settings, zones
        self._states: dict[tuple[int, str], Debounce] = {}
        self._open: list[_Open] = []
        self._now_s, self._present = 0.0, set[int]()
        self.observations: tuple[Observation, ...] = ()
        self.confirmed_now = False

    def update(
        self,
        now_s: float,
        minute: int,
        seen: Seen,
        ended: Sequence[int],
        size: tuple[int, int],
    ) -> list[Event]:
        """One frame.

        Args:
            now_s: media time. minute: minute of the local day, 0..1439.
            seen: tracks with a head in this frame, each with its look, None if it was not its turn.
            ended: tracks that are over.
            size: (width, height) of the picture.

        Returns:
            Events in order; at most one confirmation per track and rule while one is open.
        """
        self._now_s, self._present = now_s, {track.track_id for track, _ in seen}
        for track_id in ended:
            self._track_ended(track_id)
        events = self._expired(now_s)
        observations = []
        for track, look in attributed(seen):
            for rule_id, zone in sorted(self._due(track, minute, size).items()):
                rule, settings = self._rules[rule_id], self._settings[rule_id]
                if rule.needs_cigarettes and look.cigarette_looked is None:
                    continue
                observation = observed(now_s, rule_id, track, look, rule.judge(track, look, settings))
                observations.append(observation)
                events += self._take(observation, zone)
        self.observations = tuple(observations)
        self.confirmed_now = any(event.violation.ended_s is None for event in events)
        return events

    def building(self, track_id: int, cigarettes: bool = False) -> bool:
        """Whether this track should be looked at often: a violation may be building up, or little is known yet.

        Never where no rule is due, and not for a violation that is open already: that it goes on, or ends, a look
        now and then tells as well.

        Args:
            track_id: the track.
            cigarettes: only what needs cigarettes looked for.
        """
        return any(
            state.building() and not self.is_open(track, rule_id)
            for (track, rule_id), state in self._states.items()
            if track == track_id and (self._rules[rule_id].needs_cigarettes or not cigarettes)
        )

    def asks_for_cigarettes(self, track: Track, minute: int, size: tuple[int, int]) -> bool:
        """Whether a rule that needs them looked for is due for this track where it stands, at this minute."""
        return any(self._rules[rule_id].needs_cigarettes for rule_id in self._due(track, minute, size))

    def is_open(self, track_id: int, rule_id: str) -> bool:
        """Whether this track stands accused under this rule; not while that is cleared and waits for a return."""
        held = self._of(track_id, rule_id)
        return held is not None and held.paused_s is None

    def finish(self, reason: str = "source ended") -> list[Event]:
        """The source is over: every open violation ends, at the last time that is known."""
        events = [Event(self._ended(item, reason)) for item in self._open]
        self._open, self._states = [], {}
        return events

    def _take(self, observation: Observation, zone: str) -> list[Event]:
        key = (observation.track_id, observation.rule_id)
        state = self._states.setdefault(key, Debounce(self._settings[observation.rule_id]))
        state.add(observation)
        held = self._of(*key)
        if held is not None and held.paused_s is None:
            held.place = observation.head_xyxy
            if state.cleared(observation.media_s):
                held.paused_s, held.reason = state.last_violating_s or observation.media_s, "cleared"
            return []
        finding = state.finding()
        if finding is None:
            return []
        events = []
        if held is not None and not self._in_time(held, finding.started_s):
            self._open.remove(held)
            events, held = [Event(self._ended(held, held.reason))], None
        returned = held or self._taken_over(observation) or self._returning(observation, finding.started_s)
        if returned is not None:
            if returned.holder != observation.track_id:
                # Whose looks those of the other track were is in doubt now: it accuses with none of them.
                self._states.pop((returned.holder, observation.rule_id), None)
            returned.holder, returned.place = observation.track_id, observation.head_xyxy
            returned.paused_s, returned.reason = None, ""
            return events
        violation = Violation(
            rule_id=observation.rule_id,
            track_id=observation.track_id,
            zone=zone,
            started_s=finding.started_s,
            confirmed_s=finding.confirmed_s,
            confidence=finding.confidence,
            best_s=finding.best_s,
            looks=finding.looks,
        )
        self._open.append(_Open(violation, observation.track_id, observation.head_xyxy))
        return [*events, Event(violation)]

    def _due(self, track: Track, minute: int, size: tuple[int, int]) -> dict[str, str]:
        """rule id -> name of the zone in which it is due for this track; the first zone that asks for it."""
        due: dict[str, str] = {}
        if track.head_xyxy is None:
            return due
        x, y = standing(track)
        for zone in self._zones:
            inside = not zone.polygon or in_polygon((x / size[0], y / size[1]), zone.polygon)
            if inside and hour_fits(zone, minute):
                for rule_id in zone.rules:
                    due.setdefault(rule_id, zone.name)
        return due

    def _of(self, track_id: int, rule_id: str) -> _Open | None:
        for item in self._open:
            if item.holder == track_id and item.violation.rule_id == rule_id:
                return item
        return None

    def _track_ended(self, track_id: int) -> None:
        for key in [key for key in self._states if key[0] == track_id]:
            state = self._states.pop(key)
            held = self._of(*key)
            if held is not None and held.paused_s is None:
                held.paused_s = state.last_violating_s if state.last_violating_s is not None else self._now_s
                held.reason = "track ended"

    def _in_time(self, item: _Open, started_s: float) -> bool:
        """Whether a violation that began again at `started_s` is still this one."""
        return item.paused_s is None or started_s - item.paused_s <= self._settings[item.violation.rule_id].resume_s

    def _returning(self, observation: Observation, started_s: float) -> _Open | None:
        """A paused violation whose person this may be: the same rule, near in place, size and time, track gone."""
        alive = {track for track, _ in self._states}
        for item in self._open:
            if item.paused_s is None or item.violation.rule_id != observation.rule_id or item.holder in alive:
                continue
            if self._in_time(item, started_s) and _near(
                item.place, observation.head_xyxy, observation.media_s - item.paused_s
            ):
                return item
        return None

    def _taken_over(self, observation: Observation) -> _Open | None:
        """An open violation whose person this is under another track: the same head, found or counted twice.

        Either both boxes are one head, or the track that holds it is not in this frame and its head was here.
        """
        for item in self._open:
            if item.paused_s is not None or item.violation.rule_id != observation.rule_id:
                continue
            gone = item.holder not in self._present
            if iou(item.place, observation.head_xyxy) > (_HEAD_WAS_HERE if gone else _ONE_HEAD):
                return item
        return None

    def _expired(self, now_s: float) -> list[Event]:
        """Ends of the violations that did not return in time.

        Who returns at the last moment is known to violate only a window later: so long it has to be kept.
        """
        events = []
        for item in list(self._open):
            settings = self._settings[item.violation.rule_id]
            if item.paused_s is not None and now_s - item.paused_s > settings.resume_s + settings.longest_window_s:
                self._open.remove(item)
                events.append(Event(self._ended(item, item.reason)))
        return events

    def _ended(self, item: _Open, reason: str) -> Violation:
        if item.paused_s is not None:
            return replace(
                item.violation, ended_s=max(item.paused_s, item.violation.confirmed_s), end_reason=item.reason
            )
        return replace(item.violation, ended_s=max(self._now_s, item.violation.confirmed_s), end_reason=reason)


def standing(track: Track) -> tuple[float, float]:
    """Where a person with a head stands, pixels: the foot point where feet are seen, else the head's centre."""
    assert track.head_xyxy is not None
    if track.feet_seen:
        return centre(track.person_xyxy)[0], track.person_xyxy[3]
    return centre(track.head_xyxy)


def hour_fits(zone: Zone, minute: int) -> bool:
    """Whether the zone's rules are due in that minute of the local day."""
    if not zone.hours:
        return True
    return any(
        start <= minute < end if start < end else minute >= start or minute < end for start, end in zone.hours
    )


def _near(old: Xyxy, new: Xyxy, gap_s: float) -> bool:
    old_px, new_px = old[3] - old[1], new[3] - new[1]
    if max(old_px, new_px) > _RETURN_SIZE * max(min(old_px, new_px), 1e-6):
        return False
    (x0, y0), (x1, y1) = centre(old), centre(new)
    reach = (_RETURN_HEADS + _RETURN_HEADS_S * max(gap_s, 0.0)) * max(old_px, new_px)
    return bool((x1 - x0) ** 2 + (y1 - y0) ** 2 <= reach**2)
