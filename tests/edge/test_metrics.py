"""Metrics as Prometheus reads them: whatever names people give, every line can be read back to what it said."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.metrics import metrics_text
from kitchenvision.edge.state import CameraState, RuleTime
from kitchenvision.wire import ClockState
from kitchenvision.wire_box import BoxModel, BoxShadow, ShadowRule

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DELIVERY = {"waiting": 3, "dead": 1, "delivered": 40, "oldest_s": 12.5, "problem": ""}
_SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$')
_LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> tuple[Series, dict[str, str]]:
    """Values by name and labels, and kinds by name; fails for what the exposition format does not allow."""
    values: Series = {}
    kinds: dict[str, str] = {}
    family = ""
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in kinds, "a family stands once"
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == family
            kinds[family] = line.split(" ")[3]
        else:
            sample = _SAMPLE.match(line)
            assert sample, line
            assert sample[1] == family
            labels = {(k, re.sub(r"\\(.)", _plain, v)) for k, v in _LABEL.findall(sample[2] or "")}
            key = family, frozenset(labels)
            assert key not in values, "a series stands once"
            values[key] = float(sample[3])
    return values, kinds


def _plain(match: "re.Match[str]") -> str:
    return "\n" if match[1] == "n" else match[1]


def of(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """A key of `read`."""
    return f"kitchenvision_{name}", frozenset(labels.items())


def shadow() -> BoxShadow:
    """Of two rules."""
    hats = ShadowRule(
        rule_id="no_hat",
        both=10,
        opposite=2,
        only_old=3,
        only_new=4,
        confirmed_both=5,
        confirmed_old=6,
        confirmed_new=7,
    )
    model = BoxModel(name="next", version="2", sha256="ab" * 32)
    rules = (hats, ShadowRule(rule_id="smoking"))
    return BoxShadow(model=model, since=NOW, looked=100, left_out=20, errors=1, rules=rules)


ZONES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)


@given(st.lists(ZONES, unique=True, max_size=6), st.floats(0, 1e9))
def test_zones_of_any_name_are_told_and_none_breaks_a_line(zones: list[str], seconds: float) -> None:
    """Quotation marks, back-slashes and line ends too: people draw and name zones on the page."""
    times = tuple(RuleTime(zone, "no_hat", observed_s=seconds / 2, due_s=seconds) for zone in zones)
    state = CameraState("cooking", "热菜间", "rtsp://c", "live", rule_times=times)
    values, kinds = read(metrics_text([state], DELIVERY, DiskFacts()))
    for zone in zones:
        told = values[of("rule_due_seconds_total", camera="cooking", zone=zone, rule="no_hat")]
        assert abs(told - seconds) <= seconds * 1e-9
    assert kinds["kitchenvision_rule_due_seconds_total"] == "counter"


def test_all_that_a_camera_tells_is_there_under_its_id() -> None:
    """Counters end in _total, what goes up and down does not."""
    state = CameraState(
        "cooking", "热菜间", "rtsp://c", "live", analysed=7, skipped=2, violations=1, muted=True, unsaved=3,
        reconnects={"stalled": 2, "refused": 1}, troubles=("moved",), main_looks={"used": 5, "absent": 6},
    )  # fmt: skip
    values, kinds = read(metrics_text([state, CameraState("b", "b", "rtsp://b")], DELIVERY, DiskFacts(1, 2, 3)))
    assert values[of("camera_up", camera="cooking")] == 1
    assert values[of("camera_up", camera="b")] == 0
    assert values[of("camera_analysed_total", camera="cooking")] == 7
    assert values[of("camera_muted", camera="cooking")] == 1
    assert values[of("camera_unsaved", camera="cooking")] == 3
    assert values[of("camera_reconnects_total", camera="cooking", cause="stalled")] == 2
    assert values[of("camera_trouble", camera="cooking", trouble="moved")] == 1
    assert values[of("camera_main_looks_total", camera="cooking", result="absent")] == 6
    assert values[of("outbox_waiting")] == 3
    assert values[of("outbox_oldest_seconds")] == 12.5
    assert values[of("disk_free_bytes")] == 2
    for name, kind in kinds.items():
        assert name.endswith("_total") == (kind == "counter"), name


def test_without_cameras_clock_or_shadow_there_are_families_and_no_invented_values() -> None:
    """A box that is being set up."""
    values, kinds = read(metrics_text([], DELIVERY, DiskFacts()))
    assert "kitchenvision_camera_up" in kinds
    assert not any(name.startswith("kitchenvision_camera") for name, _ in values)
    assert not any("clock_sync" in name or "shadow" in name for name in kinds)


def test_what_both_models_said_adds_up_to_what_they_said() -> None:
    """Same and opposite are all looks that both could judge."""
    values, _ = read(metrics_text([], DELIVERY, DiskFacts(), shadow=shadow()))
    looks = {result: values[of("shadow_looks_total", rule="no_hat", result=result)] for result in
             ("same", "opposite", "old alone", "new alone")}  # fmt: skip
    assert looks == {"same": 8, "opposite": 2, "old alone": 3, "new alone": 4}
    found = {result: values[of("shadow_violations_total", rule="no_hat", result=result)] for result in
             ("both", "old alone", "new alone")}  # fmt: skip
    assert found == {"both": 5, "old alone": 6, "new alone": 7}
    assert values[of("shadow_looks_total", rule="smoking", result="same")] == 0
    assert values[of("shadow_frames_total", result="left out")] == 20
    assert values[of("shadow_errors_total")] == 1


def test_the_time_of_the_last_correction_is_unix_time_to_the_second() -> None:
    """And is left out where it is not known."""
    clock = ClockState(
        checked_at=NOW, synchronised=True, by="chrony", last_sync_at=NOW - timedelta(seconds=90),
        max_error_s=0.0125, steps=2, last_step_s=-3.5,
    )  # fmt: skip
    values, _ = read(metrics_text([], DELIVERY, DiskFacts(), clock))
    assert values[of("clock_last_sync_timestamp_seconds")] == NOW.timestamp() - 90
    assert (values[of("clock_synchronised")], values[of("clock_error_seconds")]) == (1, 0.0125)
    assert values[of("clock_steps_total")] == 2
    values, _ = read(metrics_text([], DELIVERY, DiskFacts(), clock.model_copy(update={"last_sync_at": None})))
    assert of("clock_last_sync_timestamp_seconds") not in values
