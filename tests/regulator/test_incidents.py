"""Promises of incidents: a pure function of the set of violations, whatever the order; each is in exactly one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.regulator.incidents import GAP_S, Incident, Sighting, group

BEGAN = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
PLACE = ("canteen-1", "no_hat", "kitchen")


def sighting(
    number: int, from_s: float, lasted_s: float = 10.0, camera: str = "c1", place: tuple = PLACE
) -> Sighting:
    """One that starts so many seconds after `BEGAN`."""
    start = BEGAN + timedelta(seconds=from_s)
    return Sighting(f"v{number:03}", place, camera, start, start + timedelta(seconds=lasted_s))


@st.composite
def many(draw: st.DrawFn) -> list[Sighting]:
    """Up to 25 sightings at two places, some at the same instant."""
    seconds = st.integers(0, 60).map(lambda n: n * 100.0)
    place = st.sampled_from([PLACE, (*PLACE[:2], "serving")])
    drawn = draw(st.lists(st.tuples(seconds, st.integers(0, 500), place), max_size=25))
    return [sighting(i, start, lasted, place=where) for i, (start, lasted, where) in enumerate(drawn)]


def ids(incidents: tuple[Incident, ...]) -> list[list[str]]:
    """Members of each."""
    return [[one.violation_id for one in incident.sightings] for incident in incidents]


def test_two_cameras_of_one_zone_and_a_changed_track_are_one_incident() -> None:
    found = group([sighting(1, 0), sighting(2, 3, camera="c2"), sighting(3, 300)])
    assert ids(found) == [["v001", "v002", "v003"]]
    assert found[0].cameras == ("c1", "c2")
    assert found[0].incident_id == "v001"
    assert found[0].started_at == BEGAN
    assert found[0].ended_at == BEGAN + timedelta(seconds=310)
    assert found[0].widest_gap_s == 287.0


def test_another_canteen_rule_or_zone_is_another_incident() -> None:
    others = [("canteen-2", *PLACE[1:]), (PLACE[0], "no_mask", PLACE[2]), (*PLACE[:2], "serving")]
    assert len(group([sighting(0, 0), *(sighting(i, 0, place=one) for i, one in enumerate(others, 1))])) == 4


def test_the_gap_counts_from_the_end_and_to_the_second() -> None:
    assert len(group([sighting(1, 0), sighting(2, 10 + GAP_S)])) == 1
    assert len(group([sighting(1, 0), sighting(2, 10.001 + GAP_S)])) == 2
    long = sighting(1, 0, lasted_s=5000)
    assert len(group([long, sighting(2, 100), sighting(3, 5500)])) == 1


@given(many(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(sightings: list[Sighting], chance: object) -> None:
    shuffled = list(sightings)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert group(shuffled) == group(sightings)


@given(many())
def test_every_violation_is_in_exactly_one_incident_of_its_place(sightings: list[Sighting]) -> None:
    found = group(sightings)
    assert sorted(one for members in ids(found) for one in members) == sorted(one.violation_id for one in sightings)
    assert all(one.place == incident.place for incident in found for one in incident.sightings)


@given(many())
def test_inside_there_is_no_wider_gap_and_between_two_there_is(sightings: list[Sighting]) -> None:
    found = group(sightings)
    for incident in found:
        assert incident.widest_gap_s <= GAP_S
    for one in found:
        for other in found:
            if one is not other and one.place == other.place and one.started_at <= other.started_at:
                assert (other.started_at - one.ended_at).total_seconds() > GAP_S


@given(many(), st.data())
def test_a_later_violation_never_takes_a_case_apart_nor_gives_a_violation_two_cases(
    sightings: list[Sighting], data: st.DataObject
) -> None:
    half = sightings[: len(sightings) // 2]
    chosen = [one for one in group(half) if data.draw(st.booleans())]
    cases = {one.violation_id: number for number, incident in enumerate(chosen, 1) for one in incident.sightings}
    found = group(sightings, cases)
    assert sorted(one for members in ids(found) for one in members) == sorted(one.violation_id for one in sightings)
    for number, incident in enumerate(chosen, 1):
        (kept,) = [one for one in found if one.case_id == number]
        named = {one.violation_id for one in kept.sightings} - kept.attached
        assert named == {one.violation_id for one in incident.sightings}
    assert {one.case_id for one in found if one.case_id} == set(range(1, len(chosen) + 1))


def test_what_touches_two_cases_goes_to_the_nearer_one() -> None:
    both = [sighting(1, 0), sighting(2, 1000)]
    found = group([*both, sighting(3, 400)], {"v001": 7, "v002": 8})
    assert [(one.case_id, one.attached) for one in found] == [(7, frozenset({"v003"})), (8, frozenset())]
    assert group([*both, replace(sighting(3, 700))], {"v001": 7, "v002": 8})[1].attached == frozenset({"v003"})


def test_nothing_makes_no_incident() -> None:
    assert group([]) == ()
