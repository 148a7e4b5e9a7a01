"""When clips may go, and what the page says of them meanwhile."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browser.conftest import running
from outbox.reports import blobs_of, clip, clip_blobs_of, confirmed, ended
from test_edge_settings import CAMERA, HEAD, RULES, written

from kitchenvision.delivery.throttle import Throttle
from kitchenvision.edge.sending import Delivery, clips_due
from kitchenvision.edge.service import run_service
from kitchenvision.edge.settings import EdgeSettings, UploadSection, read_edge_settings
from kitchenvision.errors import SettingsError
from kitchenvision.outbox import Outbox, Status
from kitchenvision.regulator import setup
from kitchenvision.regulator.settings import RegulatorSettings

NIGHT = datetime(2026, 11, 28, 15, tzinfo=UTC)  # 23:00 in Shanghai
DAY = NIGHT - timedelta(hours=12)


def settings(folder: Path, more: str = "") -> EdgeSettings:
    return read_edge_settings(written(folder, HEAD + 'timezone = "Asia/Shanghai"\n' + more + CAMERA), RULES)


def test_clips_go_in_their_local_hours(tmp_path: Path) -> None:
    """Over midnight; without hours always."""
    limited = settings(tmp_path, '[upload]\nclip_hours = ["22:00-06:00"]\n')
    assert clips_due(limited, NIGHT)
    assert not clips_due(limited, DAY)
    assert clips_due(settings(tmp_path), DAY)


@pytest.mark.parametrize(
    ("line", "key"), [('clip_hours = ["night"]', "upload.clip_hours"), ("kbit_s = -1", "upload.kbit_s")]
)
def test_wrong_values_are_named(tmp_path: Path, line: str, key: str) -> None:
    """As for every other section."""
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, f"[upload]\n{line}\n")
    assert caught.value.key == key


def test_clips_that_wait_for_the_night_make_nothing_old_on_the_page(tmp_path: Path) -> None:
    """Nor does what waits behind them; in their hours they do."""
    now = [DAY]
    with Outbox(tmp_path / "outbox", clock=lambda: DAY - timedelta(hours=5)) as outbox:
        limited = settings(tmp_path, '[upload]\nclip_hours = ["22:00-06:00"]\n')
        delivery = Delivery(outbox, limited, (), Throttle(0), lambda: now[0])
        outbox.put(confirmed(), blobs_of())
        outbox.put(clip(), clip_blobs_of())
        outbox.put(ended(), {})
        assert (delivery.facts()["waiting"], delivery.facts()["oldest_s"]) == (3, 5 * 3600)
        item = outbox.claim(DAY, "w", 60)
        assert item is not None
        outbox.dead(item, "gone")
        assert delivery.facts()["oldest_s"] == 0
        now[0] = NIGHT
        assert delivery.facts()["oldest_s"] == 17 * 3600


def test_another_limit_holds_while_it_runs(tmp_path: Path) -> None:
    """Hot reload."""
    with Outbox(tmp_path / "outbox") as outbox:
        throttle = Throttle(0)
        delivery = Delivery(outbox, settings(tmp_path), (), throttle)
        upload = UploadSection(kbit_s=800, clip_hours=("22:00-06:00",))
        delivery.reload(delivery.settings.model_copy(update={"upload": upload}))
        assert throttle.kbit_s == 800
        assert not clips_due(delivery.settings, DAY)


def test_the_service_delivers_evidence_and_clips_to_a_real_regulator(tmp_path: Path) -> None:
    """Over two senders and a limited line; the regulator takes them in sequence."""
    regulator = RegulatorSettings(tmp_path / "regulator", port=0)
    setup.prepare(regulator)
    (tmp_path / "token").write_text(setup.add_canteen(regulator, "school-7", "第一食堂"))
    with running(regulator) as served:
        url = setup.address(served.host, served.port)
        text = f'[regulator]\nurl = "{url}"\ntoken_file = "token"\n[upload]\nkbit_s = 4000\n[page]\nport = 0\n'
        ours = settings(tmp_path, text)
        camera = ours.cameras[0].model_copy(update={"url": "rtsp://127.0.0.1:1/live"})
        ours = ours.model_copy(update={"cameras": (camera,)})
        ours.data.mkdir()
        with Outbox(ours.data / "outbox") as outbox:
            for name in ("a", "b"):
                outbox.put(confirmed(name), blobs_of(name))
                outbox.put(clip(name), clip_blobs_of(name))
                outbox.put(ended(name), {})
            stop = threading.Event()
            thread = threading.Thread(target=run_service, args=(ours, tmp_path / "edge.toml", stop))
            thread.start()
            try:
                until = time.monotonic() + 60
                while outbox.counts().delivered < 6 and time.monotonic() < until:
                    stop.wait(0.2)
            finally:
                stop.set()
                thread.join(60)
            assert {item.status for item in outbox.list() if item.kind != "observed"} == {Status.DELIVERED}, [
                item.last_error for item in outbox.list()
            ]
