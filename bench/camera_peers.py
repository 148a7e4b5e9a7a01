"""What the best peers' detection alone costs on the same clips, on one core. Started by cameras.py.

    python bench/camera_peers.py '{"kind": "openvino", "clip": "..", "cameras": 1, "seconds": 12, "core": 0}'

openvino: ultralytics' OpenVINO export, every fifth frame, as its `vid_stride` does it: the others are only grabbed.
naive: OpenCV reads every frame in full, ultralytics' torch network looks at every fifth. Neither tracks, zooms in,
judges or keeps anything. YOLO11n is built from its description: speed does not depend on weights.
The clip is read from a file, which costs less than a stream. Needs ultralytics, torch and openvino (bench/setup).
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"YOLO_OFFLINE": "true", "OPENCV_FFMPEG_CAPTURE_OPTIONS": "threads;1", "YOLO_VERBOSE": "false"}
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

with contextlib.suppress(ImportError):
    import training.torchvision_shim  # noqa: F401  a torchvision of another torch does not import

import cv2  # noqa: E402

STRIDE, ANALYSIS_FPS = 5, 5.0
INPUT = (384, 640)  # as long as our frame look's; its own default of 640x640 costs half as much again
Look = Callable[[Any], object]


def network(kind: str, folder: Path) -> Look:
    """One look at one picture."""
    import torch  # noqa: PLC0415
    import ultralytics  # noqa: PLC0415

    torch.set_num_threads(1)
    model = ultralytics.YOLO("yolo11n.yaml")
    if kind == "openvino":
        exported = folder / "yolo11n_openvino_model"
        if not exported.exists():
            with contextlib.chdir(folder), contextlib.redirect_stdout(sys.stderr):
                model.export(format="openvino", imgsz=INPUT, verbose=False)
        model = ultralytics.YOLO(str(exported), task="detect")
    return lambda image: model.predict(image, imgsz=INPUT, verbose=False)


class Player:
    """One camera: the clip again and again; every fifth frame is for looking at."""

    def __init__(self, clip: str, reads_all: bool) -> None:
        self._clip, self._reads_all = clip, reads_all
        self._video = cv2.VideoCapture(clip)

    def next(self) -> Any:
        """Four frames that are passed over, and one."""
        for number in range(STRIDE):
            if not self._video.grab():
                self._video = cv2.VideoCapture(self._clip)
                self._video.grab()
            if self._reads_all and number < STRIDE - 1:
                self._video.retrieve()
        return self._video.retrieve()[1]


def run(look: Look, players: list[Player], seconds: float, paced: bool) -> dict[str, Any]:
    """Cameras in turn. paced: each look waits until its five frames have come; a look's lag is how late it ends."""
    rounds, waits = round(seconds * ANALYSIS_FPS), []
    began, cpu_s = time.monotonic(), time.process_time()
    for turn in range(rounds):
        for place, player in enumerate(players):
            due_s = began + (turn + place / len(players)) / ANALYSIS_FPS
            if paced:
                time.sleep(max(0.0, due_s - time.monotonic()))
            look(player.next())
            waits.append(time.monotonic() - due_s)
    cpu_s = time.process_time() - cpu_s
    half = len(waits) // 2
    return {
        "cpu_ms_per_camera_s": 1000 * cpu_s / (rounds / ANALYSIS_FPS) / len(players),
        "p99_lag_s": sorted(waits)[min(len(waits) - 1, int(0.99 * len(waits)))],
        "growth_s": sorted(waits[half:])[half // 2] - sorted(waits[:half])[half // 2],
        "taken_fps": ANALYSIS_FPS,
    }


def main() -> None:
    """One run."""
    asked = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {asked["core"]})
    look = network(asked["kind"], Path(asked["folder"]))
    players = [Player(asked["clip"], asked["kind"] == "naive") for _ in range(asked["cameras"])]
    for player in players:
        look(player.next())
    print(json.dumps(run(look, players, asked["seconds"], asked["paced"])))


if __name__ == "__main__":
    main()
