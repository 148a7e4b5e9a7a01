"""Frames on their way to the worker: newest wins, everybody has a turn, the end of a session is never lost."""

from collections import Counter

from builders import frame
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.mailbox import Arrival, Mailbox


def arrival(camera_id: str, at_s: float | None) -> Arrival:
    """A frame, or the end of the session where `at_s` is None."""
    shown = None if at_s is None else frame(at_s)
    return Arrival(camera_id, 1, None, shown, at_s or 0.0)  # type: ignore[arg-type]


def test_a_worker_that_is_too_slow_gets_the_newest_and_the_rest_is_counted() -> None:
    """Never a growing queue."""
    box = Mailbox()
    for at_s in range(100):
        box.put(arrival("cooking", float(at_s)))
    taken = [box.take(0.0), box.take(0.0), box.take(0.0)]
    assert [one.frame.media_s for one in taken if one and one.frame] == [98.0, 99.0]
    assert taken[2] is None
    assert box.dropped == Counter(cooking=98)


def test_under_overload_every_camera_falls_evenly() -> None:
    """One that sends ten times as much does not take the others' turns."""
    box, served = Mailbox(), Counter[str]()
    for second in range(300):
        for _ in range(10):
            box.put(arrival("loud", float(second)))
        for quiet in ("a", "b", "c"):
            box.put(arrival(quiet, float(second)))
        for _ in range(2):  # half of what would be needed
            one = box.take(0.0)
            assert one is not None
            served[one.camera_id] += 1
    assert max(served.values()) - min(served.values()) <= 2


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=60))
def test_order_is_kept_and_no_end_is_dropped(moves: list[tuple[str, bool, bool]]) -> None:
    """Of one camera time never goes back; what was neither dropped nor taken is still there."""
    box, put, ends, taken = Mailbox(), Counter[str](), Counter[str](), []
    for number, (camera, is_end, take) in enumerate(moves):
        box.put(arrival(camera, None if is_end else float(number)))
        put[camera] += not is_end
        ends[camera] += is_end
        if take and (one := box.take(0.0)):
            taken.append(one)
    while one := box.take(0.0):
        taken.append(one)
    for camera in "ab":
        mine = [one for one in taken if one.camera_id == camera]
        times = [one.frame.media_s for one in mine if one.frame]
        assert times == sorted(times)
        assert len(times) + box.dropped[camera] == put[camera]
        assert sum(one.frame is None for one in mine) == ends[camera]
