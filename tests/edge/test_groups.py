"""Which cameras share a worker, and how a culprit ends up alone."""

from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.groups import Groups, regrouped

CAMERAS = tuple(f"camera-{i}" for i in range(8))


def test_every_camera_has_one_worker_and_workers_are_evenly_filled() -> None:
    """8 cameras over 3 workers."""
    groups = Groups(CAMERAS, 3).due(0.0)
    assert sorted(camera for group in groups for camera in group) == sorted(CAMERAS)
    assert sorted(len(group) for group in groups) == [2, 3, 3]


def test_a_group_is_started_once_until_it_crashes() -> None:
    """And again after a pause."""
    groups = Groups(("a",), 1)
    assert groups.due(0.0) == [("a",)]
    assert groups.due(1.0) == []
    groups.crashed(("a",), 5.0)
    assert groups.due(5.0) == [("a",)]
    groups.crashed(("a",), 6.0)
    assert groups.due(6.5) == []
    assert groups.due(7.0) == [("a",)]


@given(st.sampled_from(CAMERAS), st.integers(1, 3))
def test_the_culprit_ends_up_alone_and_the_others_stay_up(culprit: str, workers: int) -> None:
    """Whoever shares a process with a stream that kills its decoder is freed of it within a few crashes."""
    groups, now_s, running = Groups(CAMERAS, workers), 0.0, set[tuple[str, ...]]()
    for _ in range(12):
        now_s += 61.0
        running |= set(groups.due(now_s))
        bad = next((group for group in running if culprit in group), None)
        if bad:
            running.remove(bad)
            groups.crashed(bad, now_s)
    others = {camera for group in running for camera in group}
    assert others == set(CAMERAS) - {culprit}
    assert groups.due(now_s + 61.0) == [(culprit,)], "the culprit alone is still tried again"


def test_one_crash_a_month_splits_nothing() -> None:
    """Two that lie far apart are chance."""
    groups = Groups(("a", "b"), 1)
    for month in range(5):
        assert groups.due(month * 2.6e6 + 60) == [("a", "b")]
        groups.crashed(("a", "b"), month * 2.6e6 + 100)


@given(
    before=st.lists(st.sampled_from(CAMERAS), unique=True, min_size=1),
    after=st.lists(st.sampled_from(CAMERAS), unique=True, min_size=1),
    workers=st.integers(1, 4),
)
def test_other_settings_move_nobody_and_leave_nobody_out(before: list[str], after: list[str], workers: int) -> None:
    """Each wanted camera has one worker; who was and stays is where it was; no more workers than there may be."""
    groups = Groups(tuple(before), workers).due(0.0)
    kept, fresh = regrouped(groups, tuple(after), workers)
    assert set(kept) == set(groups)
    assert sorted(camera for group in [*kept.values(), *fresh] for camera in group) == sorted(after)
    for old, new in kept.items():
        assert set(old) & set(after) <= set(new)
    assert len([group for group in [*kept.values(), *fresh] if group]) <= max(workers, len(groups))


def test_a_group_that_waits_for_its_turn_waits_on_with_other_cameras() -> None:
    """And its crashes are remembered."""
    groups = Groups(("a", "b"), 1)
    assert groups.due(0.0) == [("a", "b")]
    groups.crashed(("a", "b"), 1.0)
    groups.replace(("a", "b"), ("a", "c"))
    assert groups.waiting == [("a", "c")]
    assert groups.due(1.0) == [("a", "c")]
    groups.crashed(("a", "c"), 2.0)  # the second within ten minutes: halved
    assert sorted(groups.waiting) == [("a",), ("c",)]
    groups.replace(("a",), ())
    assert groups.waiting == [("c",)]
