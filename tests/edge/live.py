"""A worker over real RTSP in this process, and a replay of the recording that the server played."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import av

from kitchenvision.build import Eyes, build_stages, chosen_rules, open_eyes, rule_settings
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.gate import SceneGate, luma_of
from kitchenvision.edge.job import Job
from kitchenvision.edge.lifecycle import Limits
from kitchenvision.edge.line import Watch
from kitchenvision.edge.mailbox import Mailbox
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.edge.worker import Worker
from kitchenvision.evidence import Evidence, Place
from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions
from kitchenvision.outbox import Outbox
from kitchenvision.pipeline import Confirmed, Ended, Pipeline
from kitchenvision.types import Frame, Violation
from kitchenvision.wire import ConfirmedReport, parse_report

CLIPS = Path(__file__).resolve().parents[2] / "sample_videos"
# Short, so that a test need not wait for a camera that is called again.
HASTY = Limits(open_s=5.0, stall_s=2.0, first_s=0.2, longest_s=0.5, steady_s=1.0)


@cache
def eyes() -> Eyes:
    """The bundled model, once."""
    return open_eyes(None, None, "fast", threads=1)


def settings_for(data: Path, urls: dict[str, str], fps: float, calm_fps: float) -> EdgeSettings:
    """Cameras by id, everything due everywhere."""
    cameras = tuple(CameraSection(id=name, url=url) for name, url in urls.items())
    return EdgeSettings(canteen_id="canteen-1", data=data, analysis_fps=fps, calm_fps=calm_fps, cameras=cameras)


@contextmanager
def watching(settings: EdgeSettings, limits: Limits = HASTY) -> Iterator[Worker]:
    """A worker of all cameras."""
    urls = {camera.id: camera.url for camera in settings.cameras}
    settings.data.mkdir(parents=True, exist_ok=True)
    with Outbox(settings.data / "outbox") as outbox:
        job = Job(settings, urls, tuple(urls))
        worker = Worker(job, eyes(), outbox, Wiring(Mailbox(), SteadyClock(), limits))
        try:
            yield worker
        finally:
            worker.close()


def run_until(worker: Worker, done: Callable[[], bool], seconds: float) -> None:
    """Steps the worker until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, worker.states()
        worker.step()


def confirmed_in(data: Path) -> list[ConfirmedReport]:
    """What is in the outbox, in order."""
    with Outbox(data / "outbox", create=False) as outbox:
        reports = [parse_report(item.body) for item in outbox.list() if item.kind != "observed"]
    return [report for report in reports if isinstance(report, ConfirmedReport)]


def as_a_camera_sends(clip: Path, folder: Path) -> Path:
    """The clip without B-frames and with a key frame a second, which is how cameras encode."""
    path = folder / clip.name
    with av.open(str(clip)) as recorded, av.open(str(path), "w") as sent:
        stream = recorded.streams.video[0]
        out = sent.add_stream("libx264", rate=stream.average_rate)
        out.width, out.height, out.pix_fmt = stream.width, stream.height, "yuv420p"
        out.options = {"bf": "0", "g": "8", "crf": "16", "preset": "veryfast"}
        for picture in recorded.decode(stream):
            sent.mux(out.encode(picture.reformat(format="yuv420p")))
        sent.mux(out.encode(None))
    return path


def replayed_frames(watch: Watch, frames: Sequence[Frame]) -> list[Evidence]:
    """What is confirmed when those frames go through a fresh pipeline."""
    events = [event for frame in frames for event in watch.pipeline.step(frame)]
    return [event.evidence for event in events if isinstance(event, Confirmed)]


def replayed(clip: Path, settings: EdgeSettings, gate: SceneGate | None = None) -> list[Violation]:
    """Violations of the recording with the same eyes and settings; without a gate every frame is looked at."""
    rules, own = chosen_rules(None), settings.of_camera(settings.cameras[0])
    place = Place("canteen-1", "camera", clip.name, "0" * 64, "option", eyes().model, "test")
    due, stages = rule_settings(rules, own, eyes().card), build_stages(eyes(), rules, own)
    pipeline = Pipeline(stages, place, due, ZoneInfo("UTC"))
    events: list[Confirmed | Ended] = []
    with open_source(clip, SourceOptions(analysis_fps=settings.analysis_fps)) as source:
        for frame in source.frames():
            tracks = pipeline.seen.tracks if pipeline.seen else ()
            building = any(stages.engine.building(track.track_id) for track in tracks)
            if gate is None or gate.wants(frame.media_s, luma_of(frame.picture), bool(tracks), building):
                events += pipeline.step(frame)
    return [event.evidence.violation for event in events if isinstance(event, Confirmed)]
