"""Promises of the trace plot: inside its frame, gaps where nothing could be judged, no trust in what came."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.sample import trace

from kitchenvision.regulator.trace import HEIGHT, WIDTH, read_trace

looks = st.lists(
    st.fixed_dictionaries(
        {
            "media_s": st.floats(0, 1e6, allow_nan=False),
            "verdict": st.sampled_from(["violating", "compliant", "cannot_judge"]),
            "probability": st.floats(0, 1),
            "why": st.text(max_size=5),
        }
    ),
    min_size=1,
    max_size=30,
)


@given(looks, st.floats(0, 1e6), st.floats(0, 1e6))
def test_every_point_lies_inside_the_plot(found: list[dict[str, Any]], a: float, b: float) -> None:
    told = {"looks": found, "started_s": min(a, b), "confirmed_s": max(a, b), "settings": {}}
    view = read_trace(json.dumps(told).encode())
    assert view is not None
    assert len(view.points) == len(found)
    for point in view.points:
        assert 0 <= point.x <= WIDTH
        assert 0 <= point.y <= HEIGHT
    assert 0 <= view.window[0] <= WIDTH
    assert view.window[0] + view.window[1] <= WIDTH
    assert view.violating <= view.judged
    assert 0 <= view.mean_percent <= 100


def test_what_could_not_be_judged_is_a_gap_in_the_line() -> None:
    verdicts = ["violating", "violating", "cannot_judge", "violating"]
    found = [{"media_s": i, "verdict": verdict, "probability": 0.9} for i, verdict in enumerate(verdicts)]
    view = read_trace(json.dumps({"looks": found, "started_s": 0, "confirmed_s": 3}).encode())
    assert view is not None
    assert re.sub(r"[\d. ]", "", view.line) == "MLM"
    assert (view.judged, view.violating, view.unjudged) == (3, 3, 1)


def test_only_looks_of_the_window_are_counted() -> None:
    view = read_trace(trace(1, "no_hat"))
    assert view is not None
    assert view.judged + view.unjudged == 13  # 12.0 to 15.2 s, four a second
    assert view.violating == view.judged


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"looks":[],"started_s":0,"confirmed_s":1}',
        b'{"looks":[{"media_s":NaN,"verdict":"violating","probability":1}],"started_s":0,"confirmed_s":1}',
        b'{"looks":[{"media_s":1,"verdict":"violating","probability":7}],"started_s":0,"confirmed_s":1}',
        b'{"looks":[{"media_s":1}],"started_s":0,"confirmed_s":1}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_trace_gives_no_plot_and_no_error(data: bytes) -> None:
    assert read_trace(data) is None
