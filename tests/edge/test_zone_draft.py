"""What is drawn becomes zones, or words on what is wrong with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.words import WORDS
from kitchenvision.edge.zone_draft import Draft, Wrong, area_of, crosses_itself, row_of, zones_of

RULES = ("no_hat", "no_mask")
GOOD = {"name": "stove", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], "rules": ["no_hat"], "hours": []}


def drawn(*zones: dict[str, object]) -> Draft:
    return Draft(seen="x", zones=list(zones))


def test_good_zones_are_taken_and_written_as_the_settings_want_them() -> None:
    """Corners with four decimals: a tenth of a pixel of a main stream."""
    sections, wrong = zones_of(drawn(GOOD | {"polygon": [[1 / 3, 0], [1, 0], [1, 1]]}), RULES)
    assert wrong == []
    assert row_of(sections[0])["polygon"][0] == [0.3333, 0.0]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"name": "  "}, "wrong_name"),
        ({"name": "x" * 61}, "wrong_name"),
        ({"polygon": [[0, 0], [1, 1]]}, "wrong_corners"),
        ({"polygon": [[0, 0], [1, 0], [1, 1.2]]}, "wrong_corners"),
        ({"polygon": [[0, 0], [1, 0], [1, "x"]]}, "wrong_corners"),
        ({"polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}, "wrong_crossing"),
        ({"polygon": [[0.5, 0.5], [0.51, 0.5], [0.51, 0.51]]}, "wrong_tiny"),
        ({"hours": ["6-14"]}, "wrong_hours"),
        ({"hours": ["06:00-06:00"]}, "wrong_hours"),
        ({"hours": ["-14:00"]}, "wrong_hours"),
        ({"rules": []}, "wrong_rules"),
        ({"rules": ["no_shoes"]}, "wrong_rules"),
        ({"colour": "red"}, "wrong_zone"),
    ],
)
def test_what_is_wrong_is_named_in_words_that_there_are(change: dict[str, object], key: str) -> None:
    """With the place of the zone."""
    _, wrong = zones_of(drawn(GOOD, GOOD | {"name": "other"} | change), RULES)
    assert wrong == [Wrong(1, key)]
    assert key in WORDS


def test_a_name_stands_once_and_there_is_an_end_to_zones() -> None:
    """Observed time is told by the zone's name."""
    assert zones_of(drawn(GOOD, GOOD), RULES)[1] == [Wrong(1, "wrong_same_name")]
    many = [GOOD | {"name": str(i)} for i in range(21)]
    assert zones_of(drawn(*many), RULES)[1] == [Wrong(None, "too_many_zones")]


def test_no_corners_are_the_whole_picture() -> None:
    """As in the settings."""
    assert zones_of(drawn(GOOD | {"polygon": []}), RULES)[1] == []


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=3))
def test_a_triangle_never_crosses_itself(corners: list[tuple[float, float]]) -> None:
    """Whatever its shape."""
    assert not crosses_itself(corners)


def test_area_and_concave_shapes() -> None:
    """An L is no crossing."""
    shape = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0)]
    assert area_of(shape) == pytest.approx(0.75)
    assert not crosses_itself(shape)


CORNERS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=4, max_size=8, unique=True)


@given(CORNERS, st.integers(0, 7))
def test_where_a_shape_begins_and_which_way_it_runs_changes_nothing(
    corners: list[tuple[int, int]], turn: int
) -> None:
    """Neither its area nor whether it crosses itself."""
    shape = [(x / 50, y / 50) for x, y in corners]
    turned = shape[turn % len(shape) :] + shape[: turn % len(shape)]
    assert area_of(turned) == pytest.approx(area_of(shape))
    assert area_of(shape[::-1]) == pytest.approx(area_of(shape))
    assert crosses_itself(turned) == crosses_itself(shape)
