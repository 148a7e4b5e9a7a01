"""A camera whose looks are written down: what is where and what is seen of it, by time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC

from builders import PLACE, GreyPicture, detections, frame, head_at, person_at

from kitchenvision.pipeline import Confirmed, Ended, Pipeline, Stages
from kitchenvision.rules.engine import Engine
from kitchenvision.rules.registry import all_rules
from kitchenvision.track import Tracker
from kitchenvision.types import Detections, Frame, HeadLook, Picture, RuleSettings, Xyxy, Zone

Look = Callable[[float], HeadLook]
Where = Callable[[float], list[float]]


def level_at(media_s: float) -> int:
    """The grey level that tells a frame's time; steps of 4 survive JPEG."""
    return round(media_s * 5) % 60 * 4


class ScriptedEyes:
    """Detector and looker of one scene. `where` gives the x of every head, `look` what it shows."""

    def __init__(self, where: Where, look: Look) -> None:
        self._where, self._look = where, look
        self.now_s = 0.0
        self.looked: list[tuple[float, Xyxy]] = []
        self.cigarettes_looked: list[float] = []
        self.glances: list[float] = []

    def detect(self, picture: Picture) -> Detections:
        """Persons with heads where the script says."""
        xs = self._where(self.now_s)
        return detections([person_at(x) for x in xs], [head_at(x) for x in xs])

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        """What the script says, for each head; remembers that it was asked."""
        self.looked += [(self.now_s, head) for head in heads]
        if cigarettes:
            self.cigarettes_looked += [self.now_s for _ in heads]
            self.glances += [self.now_s for _ in heads if glance]
            return [self._look(self.now_s) for _ in heads]
        return [replace(self._look(self.now_s), cigarettes=(), cigarette_looked=None) for _ in heads]


class Scene:
    """Runs a script through a real pipeline."""

    def __init__(self, where: Where, look: Look, zones: Sequence[Zone] = (), **settings: float) -> None:
        rules = all_rules()
        chosen: dict[str, RuleSettings] = {k: replace(r.defaults, **settings) for k, r in rules.items()}
        zones = zones or (Zone("whole picture", (), tuple(rules)),)
        self.eyes = ScriptedEyes(where, look)
        self.engine = Engine(rules, chosen, zones)
        self.pipeline = Pipeline(Stages(self.eyes, self.eyes, Tracker(), self.engine), PLACE, chosen, UTC)
        self.events: list[Confirmed | Ended] = []

    def run(self, seconds: float, fps: float = 5.0) -> "Scene":
        """From the beginning to `seconds`, then the end of the source."""
        for i in range(round(seconds * fps)):
            self.step(frame(i / fps, i, GreyPicture(level_at(i / fps))))
        self.events += self.pipeline.finish()
        return self

    def step(self, one: Frame) -> None:
        """One frame."""
        self.eyes.now_s = one.media_s
        self.events += self.pipeline.step(one)

    @property
    def confirmed(self) -> list[Confirmed]:
        """In order."""
        return [event for event in self.events if isinstance(event, Confirmed)]

    @property
    def ended(self) -> list[Ended]:
        """In order."""
        return [event for event in self.events if isinstance(event, Ended)]
