"""Which heads get a zoom look in a frame: few while all is well, many while a violation is building up.

A pure object: no thread, no clock. INTERFACES: at least 3 looks a second while something builds up, otherwise at
least one in two seconds.
"""

from collections.abc import Callable, Sequence

from kitchenvision.types import Track

BUILDING_S = 1 / 6  # every frame of a 5 fps look; of frames up to 1/6 s apart never fewer than 3 a second
CALM_S = 0.5
CIGARETTE_CALM_S = 1.0  # a look for cigarettes costs ten others
CIGARETTE_HINT = 0.2  # confidence of one that a glance hardly sees
HINTED_LOOKS = 2  # that follow a hint at once; a spoon that looks like one must not cost a look in each frame


class LookPlanner:
    """Remembers when each track was looked at, and at whom a look saw a hint of something."""

    def __init__(self, building_s: float = BUILDING_S, calm_s: float = CALM_S) -> None:
        self._building_s, self._calm_s = building_s, calm_s
        self._looked_s: dict[int, float] = {}
        self._hints: dict[int, int] = {}  # looks that are still to follow

    def due(self, media_s: float, tracks: Sequence[Track], building: Callable[[int], bool]) -> list[Track]:
        """Those of the tracks with a head that are to be looked at now."""
        chosen = []
        for track in tracks:
            if track.head_xyxy is None:
                continue
            wait_s = self._building_s if building(track.track_id) else self._calm_s
            before_s = self._looked_s.get(track.track_id)
            if before_s is None or media_s - before_s >= wait_s - 1e-6:
                self._looked_s[track.track_id] = media_s
                chosen.append(track)
        return chosen

    def hinted(self, track_id: int) -> bool:
        """Whether a look at this track saw a hint that is to be followed now."""
        return self._hints.get(track_id, 0) > 0

    def looked(self, track_id: int, hint: bool) -> None:
        """A look was taken, and whether it saw a hint; a look that follows one starts no new row of looks."""
        if self.hinted(track_id):
            self._hints[track_id] -= 1
        elif hint:
            self._hints[track_id] = HINTED_LOOKS

    def forget(self, ended: Sequence[int]) -> None:
        """Drop tracks that are over."""
        for track_id in ended:
            self._looked_s.pop(track_id, None)
            self._hints.pop(track_id, None)
