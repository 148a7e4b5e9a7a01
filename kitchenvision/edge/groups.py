"""Which cameras share a worker: pure; a group that crashes repeatedly is halved until its culprit is alone."""

_WITHIN_S = 600.0
_CRASHES_TO_SPLIT = 2
_LONGEST_PAUSE_S = 60.0

Group = tuple[str, ...]


class Groups:
    """Cameras over workers.

    Args:
        camera_ids: in the order of the settings. workers: at most so many groups at the start.
    """

    def __init__(self, camera_ids: Group, workers: int) -> None:
        groups = [camera_ids[start::workers] for start in range(max(1, workers))]
        self._due: dict[Group, float] = {group: float("-inf") for group in groups if group}
        self._crashes: dict[Group, list[float]] = {}

    def due(self, now_s: float) -> list[Group]:
        """Groups to start now; each is handed out once until it crashes."""
        ready = [group for group, at_s in self._due.items() if at_s <= now_s]
        for group in ready:
            del self._due[group]
        return ready

    def crashed(self, group: Group, now_s: float) -> None:
        """Its worker is gone: again after a pause that doubles, in halves when it was not the first time."""
        recent = [at_s for at_s in self._crashes.pop(group, []) if now_s - at_s < _WITHIN_S] + [now_s]
        if len(recent) >= _CRASHES_TO_SPLIT and len(group) > 1:
            half = len(group) // 2
            self._due |= {group[:half]: now_s, group[half:]: now_s}
            return
        self._crashes[group] = recent
        self._due[group] = now_s + min(_LONGEST_PAUSE_S, 2.0 ** (len(recent) - 1) - 1.0)
