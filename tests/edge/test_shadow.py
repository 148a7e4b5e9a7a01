"""A model that looks along: what differs is counted rightly, and nothing of it reaches the one that accuses."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from builders import C, N, V, frame, look, observation
from shadow_doubles import dies, lives
from staged import StagedEyes, numbered, staged_eyes, staged_settings

from kitchenvision.build import Eyes
from kitchenvision.edge import shadow as module
from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.shadow import Shadow, serve
from kitchenvision.edge.shadow_keeper import ShadowKeeper
from kitchenvision.edge.shadow_link import TURN_S, Offer, ShadowLink, Turns, Way
from kitchenvision.edge.shadow_report import REPORT, read_report
from kitchenvision.edge.shadow_tally import Tally
from kitchenvision.frames.picture import ArrayPicture
from kitchenvision.types import HeadLook, Picture, Violation, Xyxy
from kitchenvision.wire_box import ShadowRule

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def violation(confirmed_s: float, x: float = 300.0, rule_id: str = "no_hat") -> Violation:
    """Of somebody whose head is at x."""
    looks = (observation(confirmed_s, V, x=x),)
    return Violation(rule_id, 1, "kitchen", confirmed_s - 3, confirmed_s, 0.95, confirmed_s, looks)


def only(tally: Tally) -> ShadowRule:
    (rule,) = tally.rules()
    return rule


@pytest.mark.parametrize(
    ("old", "new", "counted"),
    [
        (V, V, {"both": 1}),
        (V, C, {"both": 1, "opposite": 1}),
        (C, N, {"only_old": 1}),
        (N, V, {"only_new": 1}),
        (N, N, {}),
    ],
)
def test_a_head_at_which_both_looked_counts_once(old: Any, new: Any, counted: dict[str, int]) -> None:
    tally = Tally()
    tally.looks([observation(1.0, old)], [observation(1.0, new)])
    assert only(tally) == ShadowRule(rule_id="no_hat", **counted)


def test_what_one_has_not_looked_at_is_no_difference() -> None:
    """Another head, another rule, or no look at all in this frame."""
    tally = Tally()
    tally.looks([observation(1.0, V, x=100)], [observation(1.0, V, x=500)])
    tally.looks([observation(1.0, V)], [replace(observation(1.0, V), rule_id="no_mask")])
    tally.looks([observation(1.0, V)], [])
    assert all(rule.both + rule.only_old + rule.only_new == 0 for rule in tally.rules())


def test_violations_of_the_same_person_at_nearly_the_same_time_are_one() -> None:
    """Another place, another time or another rule are not."""
    tally = Tally()
    tally.turn([violation(10), violation(40, x=100)], [violation(14), violation(40, x=500), violation(80)], 200)
    assert (only(tally).confirmed_both, only(tally).confirmed_old, only(tally).confirmed_new) == (1, 1, 2)


def test_what_came_shortly_before_the_end_may_still_have_come_from_the_other() -> None:
    """It is not held against it."""
    tally = Tally()
    tally.turn([violation(95)], [violation(85, x=500)], 100)
    assert (only(tally).confirmed_old, only(tally).confirmed_new) == (0, 1)


def test_counting_goes_on_where_it_was() -> None:
    """After a restart."""
    before = ShadowRule(rule_id="no_hat", both=7, opposite=1, confirmed_new=2)
    tally = Tally([before])
    tally.looks([observation(1.0, V)], [observation(1.0, V)])
    assert only(tally) == before.model_copy(update={"both": 8})


def test_cameras_get_turns_and_a_silent_one_loses_its_own() -> None:
    """Frames in a row of one, then of the one that waited longest."""
    turns, now_s, served = Turns(), 0.0, []
    for _ in range(round(3 * TURN_S / 0.2)):
        now_s += 0.2
        served += [one for one in ("a", "b", "c") if turns.has(one, now_s)]
    changes = [one for one, before in zip(served, [None, *served], strict=False) if one != before]
    assert changes == ["a", "b", "c"]
    assert served.count("a") == pytest.approx(TURN_S / 0.2, abs=2)
    for _ in range(80):  # c, whose turn goes on or ends, is gone; somebody gets it within ten seconds
        now_s += 0.2
        here = [one for one in ("a", "b") if turns.has(one, now_s)]
    assert len(here) == 1


class Contrary(StagedEyes):
    """Sees hats where there are none, and fails when it is told to."""

    def __init__(self) -> None:
        self.fails = False

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        if self.fails:
            raise RuntimeError("a broken net")
        return [look(bare=0.02) for _ in heads]


def contrary_eyes() -> tuple[Eyes, Contrary]:
    """Another version of the staged eyes."""
    staged, stage = staged_eyes(), Contrary()
    card = staged.card.model_copy(update={"version": "99"})
    double: Any = stage
    return replace(staged, card=card, detector=double, looker=double), stage


def settings_of(folder: Path) -> EdgeSettings:
    return staged_settings(folder, {"cooking": "rtsp://127.0.0.1:9/none", "serving": "rtsp://127.0.0.1:9/none"})


def bare(media_s: float, camera_id: str = "cooking", left_out: int = 0) -> tuple[Offer, np.ndarray]:
    """A frame of somebody without a hat."""
    pixels = numbered(5, 96, 72)
    return Offer(camera_id, media_s, START + timedelta(seconds=media_s), pixels.shape, left_out), pixels


def test_both_models_see_the_same_frames_and_what_differs_is_kept(tmp_path: Path) -> None:
    """One sees bare heads, the other hats: opposite each time, and a violation that one alone would report."""
    new, _ = contrary_eyes()
    shadow = Shadow(settings_of(tmp_path), staged_eyes(), new, tmp_path / REPORT)
    for i in range(100):
        shadow.take(*bare(i / 5, left_out=2))
    shadow.end_row()
    shadow.write()
    report = read_report(tmp_path / REPORT)
    assert report is not None
    assert (report.shadow.model.version, report.old.version) == ("99", staged_eyes().card.version)
    assert (report.shadow.looked, report.shadow.left_out, report.shadow.errors) == (100, 200, 0)
    rules = {rule.rule_id: rule for rule in report.shadow.rules}
    assert rules["no_hat"].both == rules["no_hat"].opposite == 100
    assert (rules["no_hat"].confirmed_both, rules["no_hat"].confirmed_old, rules["no_hat"].confirmed_new) == (
        0,
        1,
        0,
    )
    assert (rules["no_mask"].both, rules["no_mask"].opposite) == (100, 0)


def test_the_same_model_twice_never_differs(tmp_path: Path) -> None:
    """Else the numbers would say something of the counting, and not of the models."""
    shadow = Shadow(settings_of(tmp_path), staged_eyes(), staged_eyes(), tmp_path / REPORT)
    for i in range(100):
        shadow.take(*bare(i / 5))
    shadow.end_row()
    (no_hat,) = [rule for rule in shadow.report().shadow.rules if rule.rule_id == "no_hat"]
    assert (no_hat.both, no_hat.opposite, no_hat.only_old, no_hat.only_new) == (100, 0, 0, 0)
    assert (no_hat.confirmed_both, no_hat.confirmed_old, no_hat.confirmed_new) == (1, 0, 0)


def test_another_camera_and_a_gap_begin_a_row_of_their_own(tmp_path: Path) -> None:
    """Somebody who is seen in each is one violation in each."""
    shadow = Shadow(settings_of(tmp_path), staged_eyes(), staged_eyes(), tmp_path / REPORT)
    for camera, begins_s in (("cooking", 0.0), ("serving", 0.0), ("serving", 900.0), ("serving", 10.0)):
        for i in range(30):
            shadow.take(*bare(begins_s + i / 5, camera))
    shadow.end_row()
    (no_hat,) = [rule for rule in shadow.report().shadow.rules if rule.rule_id == "no_hat"]
    assert no_hat.confirmed_both == 4


def test_it_goes_on_after_a_restart_with_the_same_two_models_only(tmp_path: Path) -> None:
    """Numbers of another pair of models would be false."""
    new, _ = contrary_eyes()
    first = Shadow(settings_of(tmp_path), staged_eyes(), new, tmp_path / REPORT)
    first.take(*bare(0.0))
    first.write()
    again = Shadow(settings_of(tmp_path), staged_eyes(), new, tmp_path / REPORT)
    assert again.report() == first.report()
    assert Shadow(settings_of(tmp_path), staged_eyes(), staged_eyes(), tmp_path / REPORT).looked == 0
    (tmp_path / REPORT).write_text("{")
    assert Shadow(settings_of(tmp_path), staged_eyes(), new, tmp_path / REPORT).looked == 0


@pytest.mark.logs_errors
def test_a_model_that_fails_is_counted_and_asked_again(tmp_path: Path) -> None:
    """So does a camera that is not in the settings any more."""
    new, stage = contrary_eyes()
    shadow = Shadow(settings_of(tmp_path), staged_eyes(), new, tmp_path / REPORT)
    stage.fails = True
    shadow.take(*bare(0.0))
    stage.fails = False
    shadow.take(*bare(0.2))
    shadow.take(*bare(0.4, "gone"))
    assert (shadow.looked, shadow.errors) == (1, 2)


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Way, Shadow]]:
    """A shadow that listens in a thread of this process."""
    folder = tmp_path_factory.mktemp("s")
    shadow = Shadow(settings_of(folder), staged_eyes(), staged_eyes(), folder / REPORT)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(folder / "shadow"))
        listening.listen()
        over = threading.Event()
        thread = threading.Thread(target=serve, args=(shadow, listening, lambda: not over.is_set()))
        thread.start()
        yield Way(str(folder / "shadow")), shadow
        over.set()
        thread.join()


def until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def offer(link: ShadowLink, media_s: float, busy: bool = False) -> bool:
    return link.offer("cooking", frame(media_s, picture=ArrayPicture(numbered(5, 96, 72))), busy)


def test_a_worker_offers_frames_and_what_does_not_fit_is_left_out(served: tuple[Way, Shadow]) -> None:
    """Pixels arrive as they were; while the shadow looks, or the worker has no time, nothing goes."""
    way, shadow = served
    link = ShadowLink(way, time.monotonic)
    try:
        until(lambda: offer(link, 0.0))
        until(lambda: shadow.looked == 1)
        assert not offer(link, 0.2, busy=True)
        until(lambda: offer(link, 0.4))
        until(lambda: shadow.looked == 2)
        assert shadow.left_out >= 1
        assert shadow.errors == 0
        assert all(rule.opposite == 0 for rule in shadow.report().shadow.rules)
    finally:
        link.close()


def test_two_workers_are_served_and_one_that_dies_is_forgotten(served: tuple[Way, Shadow]) -> None:
    """In the middle of a frame, too."""
    way, shadow = served
    with Client(way.address, "AF_UNIX") as dying:
        assert dying.recv_bytes() == b"ready"
        dying.send(bare(0.0)[0])
    link = ShadowLink(way, time.monotonic)
    try:
        until(lambda: offer(link, 0.0))
        until(lambda: shadow.looked == 1)
    finally:
        link.close()


def test_a_shadow_that_hangs_costs_a_worker_nothing(tmp_path: Path) -> None:
    """It takes a frame's first word and then nothing: offers return at once, and so does the end."""
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(address)
        listening.listen()
        link = ShadowLink(Way(address), time.monotonic)
        hanging = Connection(listening.accept()[0].detach())
        hanging.send_bytes(b"ready")
        large = frame(0.0, picture=ArrayPicture(np.zeros((1080, 1920, 3), np.uint8)))
        until(lambda: link.offer("cooking", large, False))
        slowest_s = 0.0
        for i in range(200):
            began_s = time.monotonic()
            assert not link.offer("cooking", replace(large, media_s=float(i)), False)
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        assert slowest_s < 0.1
        began_s = time.monotonic()
        link.close()
        assert time.monotonic() - began_s < 5
        hanging.close()


def test_no_shadow_at_all_is_no_trouble(tmp_path: Path) -> None:
    """It may be starting, or be dead for good."""
    link = ShadowLink(Way(str(tmp_path / "nobody")), time.monotonic)
    assert not any(offer(link, i / 5) for i in range(50))
    link.close()


def test_it_rests_three_times_as_long_as_it_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it waited for others: a quarter of one core at most."""
    shadow = Shadow(settings_of(tmp_path), staged_eyes(), staged_eyes(), tmp_path / REPORT)
    used_s, rests_s = iter([10.0, 10.5]), list[float]()
    monkeypatch.setattr(module.time, "process_time", lambda: next(used_s))
    monkeypatch.setattr(module.time, "sleep", rests_s.append)
    ours, theirs = Pipe()
    offered, pixels = bare(0.0)
    theirs.send(offered)
    theirs.send_bytes(pixels.tobytes())
    assert module.heard(shadow, ours)
    assert rests_s == [1.5]
    assert theirs.recv_bytes() == b"ready"
    theirs.close()
    assert not module.heard(shadow, ours)


class Keeping:
    """A keeper with a clock of its own."""

    def __init__(self, folder: Path, entry: Any, shadow: str | None = "newer") -> None:
        self.now_s = 0.0
        settings = settings_of(folder).model_copy(update={"shadow": shadow})
        self.keeper = ShadowKeeper(settings, lambda: self.now_s, entry)

    def pid(self) -> int:
        until(lambda: self.tick() is not None)
        pid = self.keeper.process()
        assert pid is not None
        return pid

    def tick(self) -> int | None:
        self.keeper.tick()
        return self.keeper.process()


def test_a_shadow_that_dies_starts_again_ever_more_rarely(tmp_path: Path) -> None:
    """After 5, 10, 20 seconds; its crashes are told with its errors."""
    one = Keeping(tmp_path, dies)
    new, _ = contrary_eyes()
    Shadow(settings_of(tmp_path), staged_eyes(), new, tmp_path / REPORT).write()
    try:
        for wait_s in (5.0, 10.0, 20.0):
            one.pid()
            until(lambda: one.tick() is None)
            one.now_s += wait_s - 0.1
            assert one.tick() is None
            one.now_s += 0.2
        facts = one.keeper.facts()
        assert facts is not None
        assert facts.errors == 3
    finally:
        one.keeper.close()


def test_other_settings_begin_it_anew_and_none_end_it(tmp_path: Path) -> None:
    """The process of before is gone, and so is its folder in the end."""
    one = Keeping(tmp_path, lives)
    try:
        first = one.pid()
        one.keeper.reload(one.keeper.settings)
        assert one.pid() == first
        one.keeper.reload(one.keeper.settings.model_copy(update={"shadow": "other"}))
        second = one.pid()
        assert second != first
        assert not psutil.pid_exists(first)
        one.keeper.reload(one.keeper.settings.model_copy(update={"shadow": None}))
        assert one.tick() is None
        assert not psutil.pid_exists(second)
        assert one.keeper.facts() is None
    finally:
        one.keeper.close()
    assert not Path(one.keeper.way.address).parent.exists()


def test_without_a_shadow_nothing_runs(tmp_path: Path) -> None:
    one = Keeping(tmp_path, lives, shadow=None)
    assert one.tick() is None
    one.keeper.close()


def test_the_report_is_small_and_names_both_models(tmp_path: Path) -> None:
    """For whoever finds it in the data folder."""
    new, _ = contrary_eyes()
    Shadow(settings_of(tmp_path), staged_eyes(), new, tmp_path / REPORT).write()
    told = json.loads((tmp_path / REPORT).read_text())
    assert set(told) == {"version", "old", "shadow"}
    assert told["shadow"]["model"]["version"] == "99"
