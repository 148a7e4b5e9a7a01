"""Media time starts at 0 and never decreases, whatever the source's own times do."""

from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.frames.timeline import Timeline

OWN = st.lists(st.one_of(st.none(), st.floats(-1e5, 1e5)), min_size=1, max_size=80)


@given(OWN)
def test_never_negative_never_decreasing(own: list[float | None]) -> None:
    """Holds for garbage too."""
    timeline = Timeline(0.04)
    media = [timeline.at(time) for time in own]
    assert media[0] == 0.0
    assert media == sorted(media)


def test_sound_times_are_only_shifted() -> None:
    """Variable frame rates stay as they are."""
    timeline = Timeline(0.04)
    assert [timeline.at(t) for t in (7.0, 7.5, 7.54, 12.0)] == [0.0, 0.5, 0.54, 5.0]
    assert not timeline.rebased


def test_missing_times_go_on_by_the_step() -> None:
    """A program stream has a time now and then."""
    timeline = Timeline(0.04)
    media = [timeline.at(t) for t in (10.0, None, None, 10.12)]
    assert [round(t, 6) for t in media] == [0.0, 0.04, 0.08, 0.12]


def test_without_any_time_the_step_counts() -> None:
    """A bare stream."""
    timeline = Timeline(0.5)
    assert [timeline.at(None) for _ in range(3)] == [0.0, 0.5, 1.0]
    assert timeline.rebased


def test_a_first_frame_without_time_does_not_shift_the_rest() -> None:
    """RTSP's first packet comes without one."""
    timeline = Timeline(0.04)
    assert [round(timeline.at(t), 6) for t in (None, 5.0, 5.04)] == [0.0, 0.04, 0.08]


def test_a_wrap_goes_on_by_the_step() -> None:
    """The 33 bits of a transport stream last 26.5 hours."""
    timeline = Timeline(0.04)
    media = [round(timeline.at(t), 6) for t in (95_443.0, 95_443.04, 0.0, 0.04)]
    assert media == [0.0, 0.04, 0.08, 0.12]
    assert timeline.rebased


def test_one_late_frame_does_not_shift_those_after_it() -> None:
    """Jitter of a single frame is not a new clock."""
    timeline = Timeline(0.04)
    assert [round(timeline.at(t), 6) for t in (0.0, 0.08, 0.04, 0.12)] == [0.0, 0.08, 0.08, 0.12]
    assert not timeline.rebased


def test_a_clock_that_stands_still_is_replaced_by_the_step() -> None:
    """Recorders that write the same time for every frame."""
    timeline = Timeline(0.04)
    assert [round(timeline.at(3.0), 6) for _ in range(5)] == [0.0, 0.0, 0.04, 0.08, 0.12]


def test_a_jump_beyond_the_container_is_not_believed() -> None:
    """Days of nothing in a file of ten seconds are a broken time; a gap that fits is a gap."""
    timeline = Timeline(0.04, duration_s=10.0)
    assert [round(timeline.at(t), 6) for t in (0.0, 90_000.0, 90_000.04)] == [0.0, 0.04, 0.08]
    fits = Timeline(0.04, duration_s=7200.0)
    assert [fits.at(t) for t in (0.0, 3600.0)] == [0.0, 3600.0]


def test_with_a_known_origin_it_can_begin_in_the_middle() -> None:
    """After a seek media time is that of the file."""
    assert Timeline(0.04, origin_s=2.0).at(12.0) == 10.0
