"""Memory that is shared out: a limit each, the newest stay, and what is long over keeps nobody out for good."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.conftest import Regulator

from kitchenvision.regulator import saved_views
from kitchenvision.regulator.blobs import Arrived, LocalBlobStore
from kitchenvision.regulator.cockpit_wall import MOST_CAMERAS, OFFLINE_S, TileState, Wall, WallFull
from kitchenvision.regulator.limiter import MAX_FAILURES, WINDOW_S, FailureLimiter
from kitchenvision.regulator.saved_views import MOST_VIEWS, ViewRefused
from kitchenvision.wire import content_hash

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
CANTEEN = {"canteen-1"}


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def full_wall(now: datetime = NOW) -> Wall:
    """As many cameras of one canteen as there may be."""
    wall = Wall()
    wall.put_all("canteen-1", [(f"old-{i}", b"\xff\xd8\xff", now) for i in range(MOST_CAMERAS)], now)
    return wall


def test_cameras_with_new_names_take_the_place_of_those_that_are_silent() -> None:
    """A wall lives for months, and cameras are renamed: the longest silent goes first."""
    wall = full_wall()
    later = after(OFFLINE_S + 1)
    wall.put(("canteen-1", "old-0"), b"\xff\xd8\xff", later, later)
    wall.put(("canteen-1", "new-0"), b"\xff\xd8\xff", later, later)
    wall.put_blind(("canteen-1", "new-1"), later, "lens covered", later)
    names = {tile.camera_id for tile in wall.tiles(CANTEEN, later)}
    assert len(names) == MOST_CAMERAS
    assert {"old-0", "new-0", "new-1"} <= names
    assert "old-1" not in names


def test_cameras_that_are_there_are_never_pushed_out_by_new_names() -> None:
    """A box gone wild, with another name for each picture, takes nothing from its own cameras or others' walls."""
    wall = full_wall()
    wall.put(("canteen-2", "a"), b"\xff\xd8\xff", NOW, NOW)
    for i in range(5):
        with pytest.raises(WallFull, match="at most 64"):
            wall.put(("canteen-1", f"wild-{i}"), b"\xff\xd8\xff", after(1), after(1))
        with pytest.raises(WallFull, match="at most 64"):
            wall.put_blind(("canteen-1", f"wild-{i}"), after(1), "x", after(1))
    assert len(wall.tiles(CANTEEN, NOW)) == MOST_CAMERAS
    assert [tile.camera_id for tile in wall.tiles({"canteen-2"}, NOW)] == ["a"]
    wall.put(("canteen-1", "old-3"), b"\xff\xd8\xff", after(1), after(1))
    assert wall.picture(("canteen-1", "old-3"), after(1)) is not None


MOVES = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from(["picture", "blind"]), st.floats(-30, 90), st.floats(0, 40)),
    max_size=120,
)


@given(MOVES)
def test_whatever_comes_a_canteen_has_no_more_cameras_than_it_may_and_no_picture_gets_younger(
    moves: list[tuple[int, str, float, float]],
) -> None:
    """Clocks of boxes may be off; each stamp is another one."""
    wall, now, stamps = Wall(), NOW, set[int]()
    for number, what, off_s, passed_s in moves:
        now += timedelta(seconds=passed_s)
        key = ("canteen-1", f"camera-{number}")
        try:
            if what == "picture":
                wall.put(key, b"\xff\xd8\xff", now + timedelta(seconds=off_s), now)
            else:
                wall.put_blind(key, now + timedelta(seconds=off_s), "why", now)
        except WallFull:
            assert key[1] not in {tile.camera_id for tile in wall.tiles(CANTEEN, now)}
            continue
        tiles = {tile.camera_id: tile for tile in wall.tiles(CANTEEN, now)}
        assert len(tiles) <= MOST_CAMERAS
        assert all(tile.age_s >= 0 for tile in tiles.values())
        shown = tiles[key[1]]
        assert (shown.state is TileState.BLIND) == (wall.picture(key, now) is None and what == "blind")
        if shown.stamp:
            stamps.add(shown.stamp)
    known = [one[4] for one in wall.known(CANTEEN)]
    assert len(set(known)) == len(known)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["wrong", "right"]), st.floats(0, 200)), max_size=80)
)
def test_a_name_has_five_failures_in_five_minutes_and_no_others_count(moves: list[tuple[str, str, float]]) -> None:
    """Whoever must wait is told how long, and that is enough; success forgets."""
    now_s, failures = 0.0, {"a": list[float](), "b": list[float]()}
    limiter = FailureLimiter(lambda: now_s)
    for name, what, passed_s in moves:
        now_s += passed_s
        recent = [at_s for at_s in failures[name] if at_s > now_s - WINDOW_S]
        wait_s = limiter.wait_s(name, "address")
        assert (wait_s > 0) == (len(recent) >= MAX_FAILURES)
        assert wait_s <= WINDOW_S
        assert limiter.wait_s(name, "another address") == 0
        if wait_s:
            continue
        if what == "wrong":
            limiter.failed(name, "address")
            failures[name] = [*recent, now_s]
        else:
            limiter.succeeded(name, "address")
            failures[name] = []


def test_many_names_do_not_fill_the_memory_and_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody tries a dictionary of names."""
    monkeypatch.setattr("kitchenvision.regulator.limiter._MOST_KEYS", 100)
    limiter = FailureLimiter(lambda: 0.0)
    for i in range(1000):
        for _ in range(MAX_FAILURES):
            limiter.failed(f"name-{i}", "address")
    assert len(limiter._failures) == 100
    assert limiter.wait_s("name-999", "address") == WINDOW_S
    assert limiter.wait_s("name-0", "address") == 0


def test_what_has_arrived_is_remembered_up_to_a_number_and_else_the_store_is_asked(tmp_path: Path) -> None:
    """The oldest is forgotten, which costs a look and nothing else."""
    store, arrived = LocalBlobStore(tmp_path), Arrived(most=3)
    names = [content_hash(bytes([i])) for i in range(5)]
    for name in names:
        arrived.note(name, 7)
    assert [arrived.size(store, name) for name in names] == [None, None, 7, 7, 7]


PAIRS = st.lists(
    st.tuples(
        st.sampled_from(["rule", "canteen", "camera", "state", "from", "csrf_token", "next"]), st.text(max_size=90)
    ),
    max_size=12,
)


@given(PAIRS)
def test_what_is_kept_of_a_filter_is_whole_values_of_what_the_queue_knows(pairs: list[tuple[str, str]]) -> None:
    """A value that is cut in the middle of a Chinese sign would filter by something else."""
    pairs = [(key, value.encode("utf-8", "replace").decode()) for key, value in pairs]
    kept = saved_views._kept(urlencode(pairs))
    known = [pair for pair in pairs if pair[0] not in ("csrf_token", "next")]
    told = parse_qsl(kept, keep_blank_values=True)
    assert told == known[: len(told)]
    assert len(kept) <= 1000
    if len(urlencode(known)) <= 1000:
        assert told == known


def test_a_person_keeps_twenty_views_and_replacing_one_needs_no_room(regulator: Regulator) -> None:
    """Names are one's own; spaces around them are none."""
    database = regulator.app.state.parts.database
    with database.writing() as session:
        for i in range(MOST_VIEWS):
            saved_views.save(session, 1, f" view {i} ", "rule=no_hat&evil=1")
        again = saved_views.save(session, 1, "view 3", "rule=no_mask")
        for name, why in (("one more", "too_many"), ("  ", "no_name"), ("x" * 61, "long_name")):
            with pytest.raises(ViewRefused) as caught:
                saved_views.save(session, 1, name, "")
            assert caught.value.why == why
    with database.reading() as session:
        views = saved_views.saved(session, 1)
        assert len(views) == MOST_VIEWS
        assert {view.query for view in views} == {"rule=no_hat", "rule=no_mask"}
        assert [view.query for view in views if view.view_id == again.view_id] == ["rule=no_mask"]
        assert saved_views.saved(session, 2) == []
    with database.writing() as session:
        assert not saved_views.forget(session, 2, again.view_id)
        assert saved_views.forget(session, 1, again.view_id)
        assert not saved_views.forget(session, 1, again.view_id)
