"""Workers as real processes: those that die or hang are replaced, and their neighbours are not touched."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from worker_doubles import deaf, obedient

from kitchenvision.edge import supervisor as module
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.edge.supervisor import Supervisor


def over(entry: Callable[..., None], names: tuple[str, ...], workers: int, tmp_path: Path) -> Supervisor:
    """A supervisor of cameras of those names."""
    cameras = tuple(CameraSection(id=name, url="rtsp://camera/live") for name in names)
    settings = EdgeSettings(canteen_id="canteen-1", data=tmp_path, cameras=cameras)
    return Supervisor(settings, {name: "rtsp://camera/live" for name in names}, workers, entry=entry)


def tick_until(supervisor: Supervisor, done: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, supervisor.states()
        supervisor.tick()
        time.sleep(0.02)


def live(supervisor: Supervisor) -> set[str]:
    return {state.camera_id for state in supervisor.states() if state.has_picture_now}


def test_a_native_crash_touches_only_its_own_worker_and_is_isolated(tmp_path: Path) -> None:
    """The camera that kills its decoder ends up alone; whoever shared a worker with it is live again."""
    supervisor = over(obedient, ("a", "abort", "b", "c"), 2, tmp_path)
    try:
        # Workers: (a, b) and (abort, c).
        tick_until(supervisor, lambda: live(supervisor) >= {"a", "b"})
        untouched = supervisor.processes()[0]
        tick_until(supervisor, lambda: live(supervisor) >= {"a", "b", "c"} and supervisor.restarts >= 3)
        assert psutil.pid_exists(untouched)
        crashed = next(state for state in supervisor.states() if state.camera_id == "abort")
        assert crashed.reconnects["crashed"] >= 2
    finally:
        supervisor.close()


def test_a_worker_that_falls_silent_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs in native code: only a kill helps."""
    monkeypatch.setattr(module, "_HUNG_S", 0.5)
    supervisor = over(deaf, ("a",), 1, tmp_path)
    try:
        tick_until(supervisor, lambda: bool(live(supervisor)))
        first = supervisor.processes()[0]
        tick_until(supervisor, lambda: supervisor.restarts == 1)
        assert not psutil.pid_exists(first)
        (state,) = supervisor.states()
        assert (state.state, state.cause) == ("dead", "crashed")
    finally:
        monkeypatch.setattr(module, "_STOP_S", 0.3)
        supervisor.close()


def test_stopping_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that listen end by themselves; one that does not is killed."""
    for entry in (obedient, deaf):
        supervisor = over(entry, ("a", "b"), 2, tmp_path)
        tick_until(supervisor, lambda: live(supervisor) == {"a", "b"})  # noqa: B023  used within the loop only
        processes = supervisor.processes()
        monkeypatch.setattr(module, "_STOP_S", 10.0 if entry is obedient else 0.3)
        supervisor.close()
        assert not any(psutil.pid_exists(pid) for pid in processes)


def test_no_password_is_in_what_a_worker_is_shown_as(tmp_path: Path) -> None:
    """A job that is printed names no address with its credentials."""
    supervisor = over(obedient, ("a",), 1, tmp_path)
    job = module.Job(supervisor.settings, {"a": "rtsp://viewer:hunter2@camera"}, ("a",))
    assert "hunter2" not in repr(job)


def test_other_settings_touch_no_worker_whose_cameras_stay(tmp_path: Path) -> None:
    """A new camera goes to a worker that runs, one that leaves takes its worker along when nobody else is there."""
    supervisor = over(obedient, ("a", "b"), 2, tmp_path)
    try:
        tick_until(supervisor, lambda: live(supervisor) == {"a", "b"})
        of_a, of_b = supervisor.processes()
        cameras = tuple(CameraSection(id=name, url="rtsp://camera/live", name=name.upper()) for name in ("a", "c"))
        settings = supervisor.settings.model_copy(update={"cameras": cameras})
        supervisor.reload(settings, {"a": "rtsp://camera/live", "c": "rtsp://camera/live"}, 1)
        assert [state.camera_id for state in supervisor.states()] == ["a", "c"]
        tick_until(supervisor, lambda: live(supervisor) == {"a", "c"})
        assert supervisor.processes() == [of_a]
        assert not psutil.pid_exists(of_b)
        assert supervisor.restarts == 0
    finally:
        supervisor.close()


def test_a_new_camera_gets_a_worker_of_its_own_while_there_is_one(tmp_path: Path) -> None:
    """A box with two cores and one camera has one idle."""
    supervisor = over(obedient, ("a",), 1, tmp_path)
    try:
        tick_until(supervisor, lambda: live(supervisor) == {"a"})
        before = supervisor.processes()
        cameras = tuple(CameraSection(id=name, url="rtsp://camera/live") for name in ("a", "b"))
        settings = supervisor.settings.model_copy(update={"cameras": cameras})
        supervisor.reload(settings, dict.fromkeys(("a", "b"), "rtsp://camera/live"), 2)
        tick_until(supervisor, lambda: live(supervisor) == {"a", "b"})
        assert supervisor.processes()[0] == before[0]
        assert len(supervisor.processes()) == 2
    finally:
        supervisor.close()
