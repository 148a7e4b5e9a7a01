"""When a kept stream's pictures were taken, by the times of its packets and of their arrival."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from builders import START
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.frames.tap import _beginning

STEP_S = 0.04


def taken(shown: Sequence[float], arrived: Sequence[float]) -> list[float]:
    """Seconds after START at which each packet's picture was taken, as the tap says when it comes."""
    began: datetime | None = None
    out = []
    for shown_s, arrived_s in zip(shown, arrived, strict=True):
        began = _beginning(began, START + timedelta(seconds=arrived_s - shown_s), STEP_S)
        out.append((began - START).total_seconds() + shown_s)
    return out


@given(
    late=st.lists(st.floats(0, 0.3), min_size=1, max_size=200),
    drift=st.floats(-9e-4, 9e-4),
    after_s=st.floats(0, 100),
)
def test_no_picture_is_taken_after_it_came_and_delays_are_evened_out(
    late: Sequence[float], drift: float, after_s: float
) -> None:
    """A packet that was held up on its way is known as one by those that were not."""
    shown = [i * STEP_S for i in range(len(late))]
    way = [0.0, *late[1:]]
    arrived = [after_s + shown_s * (1 + drift) + w for shown_s, w in zip(shown, way, strict=True)]
    for at, came, w in zip(taken(shown, arrived), arrived, way, strict=True):
        assert at <= came + 1e-5
        assert came - w - at <= 0.02, "eight seconds of a drift of a thousandth, and of what is allowed for it"


@pytest.mark.parametrize("drift", [-5e-4, 0.0, 5e-4])
def test_a_clock_that_runs_wrong_all_day_puts_no_picture_into_the_past(drift: float) -> None:
    """A camera that loses or gains two seconds an hour."""
    shown = [i * STEP_S for i in range(90_000)]
    arrived = [shown_s * (1 + drift) + 0.05 * (i % 7) / 7 for i, shown_s in enumerate(shown)]
    behind = [came - at for at, came in zip(taken(shown, arrived), arrived, strict=True)]
    assert max(behind[1000:]) < 0.06
    assert min(behind) > -1e-3


def test_times_that_jump_are_followed() -> None:
    """Forward at once; back, too, since nothing is on its way for half an hour; and a stall is only a stall."""
    shown = [
        *(i * STEP_S for i in range(50)),
        *(3600 + i * STEP_S for i in range(50)),
        *(i * STEP_S for i in range(50)),
    ]
    arrived = [i * STEP_S for i in range(150)]
    assert taken(shown, arrived) == pytest.approx(arrived, abs=0.01)
    arrived = [*(i * STEP_S for i in range(50)), *[8.0] * 100, *(i * STEP_S for i in range(200, 250))]
    shown = [i * STEP_S for i in range(len(arrived))]
    arrived[150:] = [8.0 if shown_s < 8.0 else shown_s for shown_s in shown[150:]]
    assert taken(shown, arrived)[-1] == pytest.approx(shown[-1], abs=0.05)
