"""Logs for machines: one JSON object a line on standard error; never a credential."""

import json
import logging
import sys
from datetime import UTC, datetime

from kitchenvision.errors import without_credentials


class JsonLines(logging.Formatter):
    """time, level, part, message, and the camera where one is meant."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        row = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": record.name.removeprefix("kitchenvision."),
            "message": without_credentials(record.getMessage()),
        }
        if camera_id := getattr(record, "camera_id", None):
            row["camera_id"] = camera_id
        if record.exc_info:
            row["trace"] = without_credentials(self.formatException(record.exc_info))
        return json.dumps(row, ensure_ascii=False)


def set_up_logs() -> None:
    """For the service and its workers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
