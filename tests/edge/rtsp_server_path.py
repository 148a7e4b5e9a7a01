"""The RTSP servers of tests/frames, for this folder's tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "frames"))

from rtsp_servers import free_port, playing

__all__ = ["free_port", "playing"]
