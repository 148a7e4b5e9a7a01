"""When a recording started: the user's word, the container, the file's name, the file's time, in this order."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from kitchenvision.frames.source import SourceOptions, StartedAtSource

# Recorders write 20260312_083000, 2026-03-12-08-30-00, 20260312083000, 2026年03月12日08时30分00秒, and so on.
_IN_A_NAME = re.compile(
    r"(?<!\d)(20\d\d)[-_.年]?(0[1-9]|1[0-2])[-_.月]?(0[1-9]|[12]\d|3[01])"
    r"[-_. T日]{0,3}([01]\d|2[0-3])[-_.:时]?([0-5]\d)[-_.:分]?([0-5]\d)(?:\d{3})?(?!\d)"
)
# Containers that were never told the time say 1904 (QuickTime) or 1970 (Unix).
_FIRST_YEAR = 2000
_LAST_YEAR = 2199  # and a damaged header says anything


def started_at(
    path: Path,
    metadata: Mapping[str, str],
    duration_s: float | None,
    options: SourceOptions,
    prefer_name: bool = False,
) -> tuple[datetime, StartedAtSource]:
    """UTC instant of the first frame, and where it comes from.

    Args:
        path: the file. metadata: the container's. duration_s: seconds of video, when known.
        options: may carry the user's word, and the zone of dates in names.
        prefer_name: believe the name before the container.
    """
    if options.started_at is not None:
        return options.started_at.astimezone(UTC), "option"
    container = _created(metadata)
    named = time_in_name(path.name, options.timezone)
    if container is not None and not (prefer_name and named is not None):
        return container, "container"
    if named is not None:
        return named, "file name"
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return written - timedelta(seconds=duration_s or 0.0), "file time"


def time_in_name(name: str, timezone: tzinfo) -> datetime | None:
    """The first date and time of day in a file's name, read in `timezone`, as UTC; None without one."""
    for match in _IN_A_NAME.finditer(name):
        year, month, day, hour, minute, second = (int(part) for part in match.groups())
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=timezone).astimezone(UTC)
        except ValueError:  # the 31st of February
            continue
    return None


def _created(metadata: Mapping[str, str]) -> datetime | None:
    text = metadata.get("creation_time", "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC) if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None
