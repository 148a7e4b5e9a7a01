"""Over real RTSP, from two streams to evidence on disk: the main stream's pictures, and what is shown without."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from builders import START, detections, look
from live import HASTY, eyes, replayed_frames, run_until, settings_for
from rtsp_server_path import free_port, playing
from staged import staged_eyes, staged_settings
from stream_proxy import StreamProxy
from two_streams import Played, encoded, pixels_of

from kitchenvision.build import Eyes
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.fresh import new_watch
from kitchenvision.edge.job import Job
from kitchenvision.edge.mailbox import Mailbox
from kitchenvision.edge.metrics import metrics_text
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.worker import Worker
from kitchenvision.evidence import decode_jpeg
from kitchenvision.frames.open import open_source
from kitchenvision.frames.remux import TimedPacket
from kitchenvision.frames.source import SourceOptions
from kitchenvision.outbox import Outbox
from kitchenvision.types import Detections, HeadLook, Picture, Pixels, Xyxy
from kitchenvision.verification import verify_folder

SUB_SIZE, MAIN_SIZE, FPS = (320, 180), (960, 540), 10
GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def scene(seed: int) -> Pixels:
    """(540, 960, 3): soft shapes, nowhere the same."""
    coarse = np.random.default_rng(seed).integers(0, 255, (18, 32, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, MAIN_SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``sub``, ``main`` of one kitchen and ``alien`` of another, and the golden clip G2 in both sizes."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    folder = tmp_path_factory.mktemp("clips")
    for name, seed, size in (("sub", 3, SUB_SIZE), ("main", 3, MAIN_SIZE), ("alien", 4, MAIN_SIZE)):
        encoded([scene(seed)] * (50 * FPS), folder / f"{name}.mp4", size, FPS, g=str(FPS), preset="ultrafast")
    kitchen = pixels_of(GOLDEN / "G2.mp4")
    encoded(kitchen, folder / "kitchen_sub.mp4", (480, 270), 6, crf="28", g="6")
    encoded(kitchen, folder / "kitchen_main.mp4", (960, 540), 6, g="6")
    with playing(folder) as address:
        yield address


class Cook:
    """Detector and looker: somebody without a hat, while `there`; remembers how wide the pictures were."""

    def __init__(self) -> None:
        self.there = False
        self.widths: list[int] = []

    def detect(self, picture: Picture) -> Detections:
        """In the middle."""
        if not self.there:
            return detections()
        w, h = picture.width, picture.height
        return detections([(w * 0.35, h * 0.3, w * 0.65, h * 0.99)], [(w * 0.45, h * 0.3, w * 0.55, h * 0.5)])

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        """Bare."""
        self.widths += [picture.width for _ in heads]
        return [look(bare=0.978, head_px=head[3] - head[1]) for head in heads]


@dataclass
class Kitchen:
    """A worker of one camera with two streams."""

    worker: Worker
    cook: Cook
    data: Path

    def comes(self, findings: int) -> dict[str, Any]:
        """The cook comes, and goes when so many findings are told, until that is told; the facts of the last."""
        self.cook.there = True
        run_until(self.worker, lambda: len(self.facts()) >= findings, 20)
        facts = self.facts()[-1]
        self.cook.there = False
        outbox = self.worker._outbox
        run_until(self.worker, lambda: sum(one.kind == "ended" for one in outbox.list()) >= findings, 20)
        return facts

    def facts(self) -> list[dict[str, Any]]:
        """Of all evidence on disk, in order of confirmation; each is what was written."""
        found = []
        for path in self.data.glob("evidence/*/*/*/evidence.json"):
            assert verify_folder(path.parent) == []
            shown = decode_jpeg((path.parent / "snapshot.jpg").read_bytes())
            facts = json.loads(path.read_bytes())["facts"]
            assert shown.shape[:2] == (facts["snapshot"]["height"], facts["snapshot"]["width"])
            found.append(facts)
        return sorted(found, key=lambda facts: facts["confirmed_s"])

    def until_main(self) -> None:
        """Both streams are there."""
        main = self.worker._cameras["cooking"].main
        assert main is not None
        run_until(self.worker, lambda: main._pictures is not None and bool(self.worker.states()[0].analysed), 20)


@contextmanager
def kitchen(settings: EdgeSettings, main_url: str, seeing: Eyes, cook: Cook) -> Iterator[Kitchen]:
    """The camera of `settings` with that main stream."""
    camera = settings.cameras[0].model_copy(update={"main_url": main_url})
    settings = settings.model_copy(update={"cameras": (camera,)})
    settings.data.mkdir(parents=True, exist_ok=True)
    with Outbox(settings.data / "outbox") as outbox:
        wiring = Wiring(Mailbox(), SteadyClock(), HASTY)
        worker = Worker(Job(settings, {camera.id: camera.url}, (camera.id,)), seeing, outbox, wiring)
        try:
            yield Kitchen(worker, cook, settings.data)
        finally:
            worker.close()


def staged(data: Path, host: str, main_url: str) -> Any:
    """The scene of soft shapes and its cook."""
    cook: Any = Cook()
    seeing = replace(staged_eyes(), detector=cook, looker=cook)
    return kitchen(staged_settings(data, {"cooking": f"rtsp://{host}/sub.mp4"}), main_url, seeing, cook)


def size_of(facts: dict[str, Any]) -> tuple[int, int]:
    """Of the snapshot."""
    return facts["snapshot"]["width"], facts["snapshot"]["height"]


def height(box: Sequence[float]) -> float:
    """Pixels."""
    return box[3] - box[1]


def test_evidence_is_the_main_streams_and_says_so(host: str, tmp_path: Path) -> None:
    """Its size, its boxes, its own time, in the report too; and the metrics count it."""
    with staged(tmp_path, host, f"rtsp://{host}/main.mp4") as one:
        one.until_main()
        main = one.worker._cameras["cooking"].main
        assert main is not None
        assert main._pictures is not None
        assert main._pictures._pictures.decoded == 0
        facts = one.comes(1)
        (state,) = one.worker.states()
        asked = [item.body for item in one.worker._outbox.list() if item.kind == "confirmed"]
    assert size_of(facts) == MAIN_SIZE
    assert facts["main_stream"] == "used"
    assert facts["snapshot"]["head_xyxy"] == pytest.approx([432, 162, 528, 270], abs=4)
    assert facts["head_xyxy"] == pytest.approx([144, 54, 176, 90], abs=1)
    assert json.loads(asked[0])["snapshot"] == facts["snapshot"]
    assert one.cook.widths.count(MAIN_SIZE[0]) == state.main_looks["used"] >= 2
    told = metrics_text([state], {"waiting": 1, "dead": 0, "delivered": 2, "oldest_s": 3.0}, DiskFacts(1, 2, 3))
    assert f'camera_main_looks_total{{camera="cooking",result="used"}} {state.main_looks["used"]}' in told


def test_without_a_main_stream_the_sub_stream_is_shown_and_that_is_told(host: str, tmp_path: Path) -> None:
    with staged(tmp_path, host, f"rtsp://127.0.0.1:{free_port()}/main.mp4") as one:
        run_until(one.worker, lambda: bool(one.worker.states()[0].notes), 20)
        facts = one.comes(1)
        (state,) = one.worker.states()
    assert (size_of(facts), facts["main_stream"]) == (SUB_SIZE, "absent")
    assert set(state.main_looks) == {"absent"}
    assert "clips and pictures come from the sub-stream" in state.notes[0]


def test_another_cameras_main_stream_shows_nobody(host: str, tmp_path: Path) -> None:
    """A wrong address must not put somebody else's picture into the evidence."""
    with staged(tmp_path, host, f"rtsp://{host}/alien.mp4") as one:
        one.until_main()
        facts = one.comes(1)
    assert (size_of(facts), facts["main_stream"]) == (SUB_SIZE, "not found")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["stall", "cut"])
def test_a_main_stream_that_dies_is_done_without_and_used_again_when_it_is_back(
    host: str, tmp_path: Path, fault: str
) -> None:
    """Three findings: before, while it is gone, and after."""
    names = (b"main.mp4", b"main.mp4", b"main.mp4")
    with (
        StreamProxy(host, names, 7) as proxy,
        staged(tmp_path, host, f"rtsp://127.0.0.1:{proxy.port}/main.mp4") as one,
    ):
        one.until_main()
        before = one.comes(1)
        main = one.worker._cameras["cooking"].main
        assert main is not None
        proxy.begin(fault)
        if fault == "cut":
            proxy.begin("refused")
        run_until(one.worker, lambda: bool(main.problem), 20)
        during = one.comes(2)
        proxy.end()
        run_until(one.worker, lambda: not main.problem, 20)
        after = one.comes(3)
    assert [(size_of(facts), facts["main_stream"]) for facts in (before, during, after)] == [
        (MAIN_SIZE, "used"),
        (SUB_SIZE, "late"),
        (MAIN_SIZE, "used"),
    ]


@pytest.mark.slow
def test_cooks_are_judged_and_shown_on_the_main_stream(host: str, tmp_path: Path) -> None:
    """The bundled model on a rendered kitchen: each who violates, with a head of twice the pixels."""
    settings = settings_for(tmp_path, {"cooking": f"rtsp://{host}/kitchen_sub.mp4"}, 5.0, 5.0)
    with kitchen(settings, f"rtsp://{host}/kitchen_main.mp4", eyes(), Cook()) as one:
        run_until(one.worker, lambda: bool(one.worker.states()[0].reconnects), 60)
        (state,) = one.worker.states()
    facts = one.facts()
    assert sorted(each["rule_id"] for each in facts) == ["no_hat", "no_mask"]
    assert state.main_looks["used"] >= 5
    for each in facts:
        assert (size_of(each), each["main_stream"]) == ((960, 540), "used")
        assert height(each["snapshot"]["head_xyxy"]) > 60
        assert 20 < height(each["head_xyxy"]) < 40


@pytest.mark.slow
def test_both_streams_replayed_give_the_same_evidence_however_late_the_questions_come(tmp_path: Path) -> None:
    """Byte for byte: once with all packets there before they are asked for, once with only those that had come."""
    kitchen = pixels_of(GOLDEN / "G2.mp4")
    sub = encoded(kitchen, tmp_path / "sub.mp4", (480, 270), 6, crf="28")
    main = encoded(kitchen, tmp_path / "main.mp4", (960, 540), 6)
    settings = settings_for(tmp_path, {"cooking": "rtsp://camera/live"}, 5.0, 5.0)
    runs = []
    for slow in (True, False):
        played = Played(main, START, [0.0, 0.12, 0.3, 0.05])
        waiting = [] if slow else list(played.packets)
        if slow:
            played.all()
        watch = new_watch(eyes(), settings, settings.cameras[0], "sub", START)

        def picture(at: datetime, played: Played = played, waiting: list[TimedPacket] = waiting) -> Any:
            while waiting and waiting[0].arrived_at is not None and waiting[0].arrived_at <= at:
                played.ring.add(waiting.pop(0))
            return played.pictures.picture(at)

        watch.pipeline.main = picture
        with open_source(sub, SourceOptions(started_at=START)) as source:
            runs.append([one.facts for one in replayed_frames(watch, list(source.frames()))])
        played.close()
    assert runs[0] == runs[1]
    assert sorted(facts["rule_id"] for facts in runs[0]) == ["no_hat", "no_mask"]
    assert {facts["main_stream"] for facts in runs[0]} == {"used"}
