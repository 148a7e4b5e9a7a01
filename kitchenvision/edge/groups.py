"""Which cameras share a worker: pure; a group that crashes repeatedly is halved until its culprit is alone."""

from collections.abc import Sequence

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

    @property
    def waiting(self) -> list[Group]:
        """Groups whose worker is still to be started."""
        return list(self._due)

    def add(self, group: Group, now_s: float) -> None:
        """A new group, due now."""
        self._due[group] = now_s

    def replace(self, old: Group, new: Group) -> None:
        """`old` has other cameras from now on; an empty `new` is forgotten."""
        due_s, crashes = self._due.pop(old, None), self._crashes.pop(old, None)
        if new and due_s is not None:
            self._due[new] = due_s
        if new and crashes is not None:
            self._crashes[new] = crashes


def regrouped(groups: Sequence[Group], camera_ids: Group, workers: int) -> tuple[dict[Group, Group], list[Group]]:
    """Where cameras go when some come and others leave: nobody moves, new ones go where there are fewest.

    Args:
        groups: as they are. camera_ids: that are wanted. workers: at most so many groups, where possible.

    Returns:
        Old group to new one, empty where nothing is left of it; and groups for which there was no worker.
    """
    wanted, known = set(camera_ids), {camera for group in groups for camera in group}
    kept = [[camera for camera in group if camera in wanted] for group in groups]
    fresh: list[list[str]] = []
    for camera in camera_ids:
        if camera in known:
            continue
        filled = [group for group in [*kept, *fresh] if group]
        if len(filled) < max(1, workers):
            fresh.append([camera])
        else:
            min(filled, key=len).append(camera)
    return {old: tuple(new) for old, new in zip(groups, kept, strict=True)}, [tuple(group) for group in fresh]
