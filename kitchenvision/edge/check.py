"""Calls every camera once and says what came: the dry run of `kitchenvision edge check`."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from kitchenvision.edge.causes import ADVICE, cause_of
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.errors import SourceError
from kitchenvision.frames.dialing import with_credentials_of
from kitchenvision.frames.rtsp import RtspSource
from kitchenvision.frames.source import SourceOptions

_AT_ONCE = 8


def check_cameras(settings: EdgeSettings, urls: Mapping[str, str]) -> list[dict[str, object]]:
    """A row a camera, in order.

    camera_id, ok; and width, height, codec, fps, decoder and notes, or cause, advice and problem.
    """

    def one(camera: CameraSection) -> dict[str, object]:
        options = SourceOptions(settings.analysis_fps, transport=camera.transport, decoder=camera.decoder)
        try:
            with RtspSource(urls[camera.id], options, patience_s=settings.times.open_s) as source:
                info = source.info
        except SourceError as error:
            cause = cause_of(error)
            return {
                "camera_id": camera.id,
                "ok": False,
                "cause": cause.value,
                "advice": ADVICE[cause]["en"],
                "problem": str(error),
            }
        return {
            "camera_id": camera.id,
            "ok": True,
            "width": info.width,
            "height": info.height,
            "codec": info.codec,
            "fps": info.fps,
            "decoder": info.decoder,
            "notes": [*info.notes, *_of_main(camera, urls[camera.id], settings.times.open_s)],
        }

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, settings.cameras))


def _of_main(camera: CameraSection, address: str, patience_s: float) -> list[str]:
    """What came of the main stream; nothing where there is none."""
    if not camera.main_url:
        return []
    options = SourceOptions(transport=camera.transport)
    try:
        with RtspSource(with_credentials_of(camera.main_url, address), options, patience_s=patience_s) as source:
            return [f"main stream {source.info.width}x{source.info.height} {source.info.codec}"]
    except SourceError as error:
        return [f"main stream: {cause_of(error).value}: {ADVICE[cause_of(error)]['en']}"]
