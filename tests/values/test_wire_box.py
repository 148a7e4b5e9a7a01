"""What a box says of itself: it comes back as it went, and an older regulator may read what a newer box says."""

import json
from typing import Any

import pytest
from builders import PLACE, START
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kitchenvision.wire import ModelRef
from kitchenvision.wire_box import BoxCamera, BoxModel, BoxShadow, BoxState, ShadowRule, box_bytes, box_model

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
COUNTS = st.integers(0, 10**12)
MODELS = st.builds(BoxModel, name=NAMES, version=NAMES, sha256=st.just("0" * 64))
SHADOWS = st.builds(
    BoxShadow,
    model=MODELS,
    since=st.just(START),
    looked=COUNTS,
    left_out=COUNTS,
    errors=COUNTS,
    rules=st.lists(st.builds(ShadowRule, rule_id=NAMES, both=COUNTS, opposite=COUNTS), max_size=3).map(tuple),
)
CAMERAS = st.builds(BoxCamera, camera_id=NAMES, live=st.booleans(), model=st.none() | MODELS)


def state(**changes: Any) -> BoxState:
    """A box with one camera."""
    values: dict[str, Any] = {
        "canteen_id": "school-7",
        "started_at": START,
        "told_at": START,
        "software_version": "0.1.0",
        "profile": "fast",
        "cameras": [{"camera_id": "厨房-1", "live": True}],
    }
    return BoxState.model_validate(values | changes)


@given(st.lists(CAMERAS, max_size=4), st.none() | SHADOWS)
def test_what_a_box_says_comes_back_from_its_bytes(cameras: list[BoxCamera], shadow: BoxShadow | None) -> None:
    told = state(cameras=cameras, shadow=shadow)
    assert BoxState.model_validate_json(box_bytes(told)) == told
    assert box_bytes(BoxState.model_validate_json(box_bytes(told))) == box_bytes(told)


def test_what_a_later_edge_says_besides_is_left_out_and_the_rest_is_read() -> None:
    said = json.loads(box_bytes(state()))
    said["temperature_c"] = 61
    said["cameras"][0]["lens"] = "wide"
    assert BoxState.model_validate_json(json.dumps(said)) == state()


@pytest.mark.parametrize(
    "changes",
    [
        {"cameras": [{"camera_id": str(i), "live": False} for i in range(257)]},
        {"cameras": [{"camera_id": "", "live": False}]},
        {"told_at": "2026-03-02T08:00:00"},
        {"wire_version": 2},
        {"kind": "confirmed"},
        {"profile": ""},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_wrong_field_of_a_box_is_refused_by_its_name(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        state(**changes)
    assert refused.value.errors()[0]["loc"][0] == next(iter(changes))


@pytest.mark.parametrize("field", ["both", "only_old", "only_new", "opposite", "confirmed_both", "confirmed_new"])
def test_nothing_is_counted_below_zero(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        ShadowRule.model_validate({"rule_id": "no_hat", field: -1})


def test_a_model_is_named_by_all_of_its_files_and_not_by_their_order() -> None:
    files = {"model.onnx": "0" * 64, "zoom.onnx": "1" * 64}
    plain = ModelRef(name="canteen-n", version="1", files=files)
    turned = ModelRef(name="canteen-n", version="1", files=dict(reversed(files.items())))
    other = ModelRef(name="canteen-n", version="1", files={**files, "zoom.onnx": "2" * 64})
    assert box_model(plain) == box_model(turned)
    assert box_model(plain).sha256 != box_model(other).sha256
    assert box_model(PLACE.model).name == PLACE.model.name
