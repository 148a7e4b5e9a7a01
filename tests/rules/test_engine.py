"""All rules over all tracks: one accusation per person and rule, its end, zones and hours, people who come back."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from builders import SIZE, cigarette, look, track

from kitchenvision.rules.engine import Engine
from kitchenvision.rules.registry import all_rules
from kitchenvision.types import HeadLook, RuleSettings, Track, Violation, Zone

EVERYWHERE = Zone("kitchen", (), ("no_hat", "no_mask", "smoking"))
BARE, FINE, HIDDEN = look(bare=0.97), look(), look(bare=0.97, head=0.1)
NOON = 12 * 60


def engine(*zones: Zone, **settings: float) -> Engine:
    rules = all_rules()
    return Engine(rules, {k: replace(r.defaults, **settings) for k, r in rules.items()}, zones or (EVERYWHERE,))


class Run:
    """Feeds an engine at 5 frames a second and keeps what it says."""

    def __init__(self, *zones: Zone, **settings: float) -> None:
        self.engine = engine(*zones, **settings)
        self.confirmed: list[Violation] = []
        self.ended: list[Violation] = []
        self.now_s = 0.0

    def step(
        self, seen: Sequence[tuple[Track, HeadLook]], ended: Sequence[int] = (), minute: int = NOON, dt: float = 0.2
    ) -> None:
        self._take(self.engine.update(self.now_s, minute, seen, ended, SIZE))
        self.now_s = round(self.now_s + dt, 6)

    def shown(self, seconds: float, *seen: tuple[Track, HeadLook], minute: int = NOON) -> "Run":
        for _ in range(round(seconds * 5)):
            self.step(seen, minute=minute)
        return self

    def gone(self, seconds: float, *track_ids: int) -> "Run":
        """Nobody is seen; these tracks end at the beginning."""
        self.step((), track_ids)
        return self.shown(seconds - 0.2)

    def finish(self, reason: str = "source ended") -> "Run":
        self._take(self.engine.finish(reason))
        return self

    def _take(self, events: Iterable) -> None:
        for event in events:
            (self.confirmed if event.violation.ended_s is None else self.ended).append(event.violation)


def test_a_cook_without_a_hat_is_accused_once_however_long_it_lasts() -> None:
    run = Run().shown(60, (track(), BARE))
    assert [(v.rule_id, v.track_id, v.zone) for v in run.confirmed] == [("no_hat", 1, "kitchen")]
    assert run.confirmed[0].started_s == 0
    assert 2.4 <= run.confirmed[0].confirmed_s <= 3.2
    assert run.ended == []


def test_a_cook_in_order_is_never_accused() -> None:
    run = Run().shown(60, (track(), FINE)).finish()
    assert (run.confirmed, run.ended) == ([], [])


def test_somebody_who_can_never_be_judged_is_never_accused() -> None:
    assert Run().shown(60, (track(), HIDDEN)).confirmed == []


def test_two_rules_and_two_persons_are_four_accusations_at_most() -> None:
    both = look(bare=0.97, no_mask=0.97)
    run = Run().shown(30, (track(1, x=150), both), (track(2, x=450), both))
    assert sorted((v.track_id, v.rule_id) for v in run.confirmed) == [
        (1, "no_hat"),
        (1, "no_mask"),
        (2, "no_hat"),
        (2, "no_mask"),
    ]


def test_putting_the_hat_on_ends_it_at_the_last_violating_look() -> None:
    run = Run().shown(5, (track(), BARE)).shown(60, (track(), FINE))
    assert len(run.ended) == 1
    assert run.ended[0].end_reason == "cleared"
    assert run.ended[0].ended_s == pytest.approx(4.8)


def test_a_hat_that_is_off_again_within_the_time_to_return_goes_on_as_the_same() -> None:
    run = Run().shown(5, (track(), BARE)).shown(20, (track(), FINE)).shown(10, (track(), BARE)).finish()
    assert len(run.confirmed) == 1
    assert [v.end_reason for v in run.ended] == ["source ended"]


@pytest.mark.parametrize("fine_s", [31, 35, 39, 60])
def test_a_hat_that_is_off_again_much_later_is_a_new_one(fine_s: float) -> None:
    run = Run().shown(5, (track(), BARE)).shown(fine_s, (track(), FINE)).shown(10, (track(), BARE)).finish()
    assert len(run.confirmed) == 2
    assert [v.started_s for v in run.ended] == [v.started_s for v in run.confirmed], "each has its own end"


@pytest.mark.parametrize("away_s", [1, 10, 20, 25, 28, 29.4])
def test_who_returns_within_30_s_near_the_old_place_is_not_accused_again(away_s: float) -> None:
    run = Run().shown(5, (track(1), BARE)).gone(away_s, 1).shown(20, (track(2, x=330), BARE))
    assert len(run.confirmed) == 1
    assert run.ended == []


@pytest.mark.parametrize("away_s", [31, 60])
def test_who_returns_later_is_accused_anew_and_the_old_one_has_ended(away_s: float) -> None:
    run = Run().shown(5, (track(1), BARE)).gone(away_s, 1).shown(20, (track(2), BARE))
    assert [v.track_id for v in run.confirmed] == [1, 2]
    assert [(v.track_id, v.end_reason) for v in run.ended] == [(1, "track ended")]
    assert run.ended[0].ended_s == pytest.approx(4.8), "the end is when it was last seen, not when it was given up"


@pytest.mark.parametrize(
    "somebody", [track(2, x=580), track(2, y=400), track(2, px=80)], ids=["far", "below", "bigger"]
)
def test_somebody_far_away_or_of_another_size_is_somebody_else(somebody: Track) -> None:
    run = Run().shown(5, (track(1, x=100), BARE)).gone(3, 1).shown(5, (somebody, BARE))
    assert [v.track_id for v in run.confirmed] == [1, 2]


def test_who_is_still_there_does_not_lend_an_accusation_to_a_newcomer() -> None:
    run = Run().shown(5, (track(1, x=300), BARE)).shown(6, (track(1, x=300), BARE), (track(2, x=340), BARE))
    assert [v.track_id for v in run.confirmed] == [1, 2]


def test_who_has_put_the_hat_on_and_is_still_there_does_not_either() -> None:
    run = Run().shown(5, (track(1, x=300), BARE)).shown(8, (track(1, x=300), FINE))
    run.shown(6, (track(1, x=300), FINE), (track(2, x=340), BARE))
    assert [v.track_id for v in run.confirmed] == [1, 2]


def test_who_returns_with_another_fault_is_accused_of_that() -> None:
    run = Run().shown(5, (track(1), BARE)).gone(5, 1).shown(50, (track(2), look(no_mask=0.97))).finish()
    assert [(v.track_id, v.rule_id) for v in run.confirmed] == [(1, "no_hat"), (2, "no_mask")]
    assert [(v.rule_id, v.ended_s) for v in run.ended] == [("no_hat", pytest.approx(4.8)), ("no_mask", 59.8)]


def test_who_returned_keeps_the_old_identity_until_the_end() -> None:
    run = Run().shown(5, (track(1), BARE)).gone(5, 1).shown(5, (track(2), BARE)).gone(45, 2)
    assert [(v.track_id, v.started_s) for v in run.ended] == [(1, 0.0)]
    assert run.ended[0].ended_s == pytest.approx(14.8)


@pytest.mark.parametrize("reason", ["source ended", "restarted"])
def test_what_is_open_when_the_source_is_over_ends_then_and_says_why(reason: str) -> None:
    run = Run().shown(5, (track(), BARE)).finish(reason)
    assert [(v.ended_s, v.end_reason) for v in run.ended] == [(pytest.approx(4.8), reason)]
    assert run.finish().ended == run.ended, "it ends once"


def test_no_violation_ends_before_it_was_confirmed() -> None:
    run = Run().shown(5, (track(), BARE)).gone(45, 1)
    assert all(v.ended_s is not None and v.started_s <= v.confirmed_s <= v.ended_s for v in run.ended)


def test_a_crossing_takes_the_votes_away() -> None:
    run = Run().shown(2.2, (track(stretch=0), BARE)).shown(2.2, (track(stretch=1), BARE))
    assert run.confirmed == []


LEFT = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), ("no_hat",))
LOWER = Zone("lower", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)), ("no_hat",))


def test_outside_every_zone_nothing_is_due() -> None:
    run = Run(LEFT).shown(10, (track(1, x=100), BARE), (track(2, x=500), BARE))
    assert [(v.track_id, v.zone) for v in run.confirmed] == [(1, "left")]


def test_a_person_whose_feet_are_seen_stands_where_the_feet_are() -> None:
    head_above_feet_below = replace(track(y=100), feet_seen=True)
    assert len(Run(LOWER).shown(5, (head_above_feet_below, BARE)).confirmed) == 1


def test_a_person_without_feet_stands_where_the_head_is() -> None:
    assert Run(LOWER).shown(5, (replace(track(y=100), feet_seen=False), BARE)).confirmed == []


def test_a_rule_that_its_zone_does_not_name_is_not_due() -> None:
    run = Run(LEFT).shown(5, (track(x=100), look(bare=0.97, no_mask=0.97)))
    assert {v.rule_id for v in run.confirmed} == {"no_hat"}


def test_of_two_zones_the_first_that_asks_is_named() -> None:
    run = Run(LEFT, EVERYWHERE).shown(5, (track(x=100), look(bare=0.97, no_mask=0.97)))
    assert {(v.rule_id, v.zone) for v in run.confirmed} == {("no_hat", "left"), ("no_mask", "kitchen")}


@pytest.mark.parametrize(
    ("hours", "minute", "due"),
    [
        ((), 0, True),
        (((360, 840),), 360, True),
        (((360, 840),), 839, True),
        (((360, 840),), 840, False),
        (((360, 840),), 359, False),
        (((1320, 120),), 1330, True),
        (((1320, 120),), 1439, True),
        (((1320, 120),), 0, True),
        (((1320, 120),), 119, True),
        (((1320, 120),), 120, False),
        (((1320, 120),), 720, False),
        (((360, 420), (700, 1440)), 1439, True),
        (((360, 420), (700, 1440)), 600, False),
    ],
)
def test_hours_say_when_a_rule_is_due_also_past_midnight(
    hours: tuple[tuple[int, int], ...], minute: int, due: bool
) -> None:
    run = Run(replace(EVERYWHERE, hours=hours)).shown(5, (track(), BARE), minute=minute)
    assert bool(run.confirmed) == due


def test_one_cigarette_between_two_heads_accuses_the_nearer_only() -> None:
    smoking = look(cigarettes=[cigarette(315, 112)])
    run = Run().shown(10, (track(1, x=300), smoking), (track(2, x=370), smoking))
    assert [(v.rule_id, v.track_id) for v in run.confirmed] == [("smoking", 1)]


def test_a_look_is_due_often_while_little_is_known_and_seldom_when_all_is_well() -> None:
    run = Run().shown(5, (track(), FINE))
    assert not run.engine.building(1)
    run.shown(0.2, (track(), BARE))
    assert run.engine.building(1)


def test_while_a_violation_is_open_it_needs_no_more_looks_than_when_all_is_well() -> None:
    run = Run().shown(5, (track(), BARE))
    assert run.engine.is_open(1, "no_hat")
    assert not run.engine.building(1)


def test_a_bare_head_alone_asks_for_no_cigarettes() -> None:
    run = Run().shown(5, (track(), FINE)).shown(0.2, (track(), BARE))
    assert run.engine.building(1)
    assert not run.engine.building(1, cigarettes=True)
    run.shown(0.2, (track(), look(cigarettes=[cigarette(310, 112)])))
    assert run.engine.building(1, cigarettes=True)


def test_a_look_without_cigarettes_is_no_observation_of_smoking() -> None:
    run = Run().shown(1, (track(), replace(FINE, cigarette_looked=None)))
    assert {o.rule_id for o in run.engine.observations} == {"no_hat", "no_mask"}


def test_where_no_rule_is_due_nobody_is_looked_at_often() -> None:
    run = Run(LEFT).shown(5, (track(2, x=500), BARE))
    assert not run.engine.building(2)


def test_every_observation_of_a_frame_is_told_also_those_that_could_not_be_judged() -> None:
    run = Run().shown(1, (track(), HIDDEN))
    told = run.engine.observations
    assert [(o.rule_id, o.why) for o in told] == [
        (r, "not surely a head") for r in ("no_hat", "no_mask", "smoking")
    ]


def test_with_own_settings_a_rule_confirms_as_they_say() -> None:
    slow = Run(window_s=8.0).shown(20, (track(), BARE))
    assert slow.confirmed[0].confirmed_s >= 0.8 * 8
    assert Run(min_ratio=1.0, min_looks=400).shown(20, (track(), BARE)).confirmed == []
    assert isinstance(slow.confirmed[0].looks, tuple)
    assert RuleSettings().window_s == 3


def test_a_person_whose_track_switches_is_not_accused_again() -> None:
    """The holder is not in the frame and another track stands where it stood: it is the same violation."""
    run = Run().shown(5, (track(1), BARE)).shown(6, (track(2), BARE)).finish()
    assert [v.track_id for v in run.confirmed] == [1]
    assert run.ended[0].ended_s == pytest.approx(10.8)


def test_one_head_under_two_tracks_is_accused_once() -> None:
    """Two boxes of one head in the same frames are one person."""
    run = Run().shown(8, (track(1), BARE), (track(2, x=305.0), BARE))
    assert len(run.confirmed) == 1


def test_somebody_else_beside_a_missing_person_is_accused_too() -> None:
    """Two heads away it is another person, even in the moment when the first one is not seen."""
    run = Run().shown(5, (track(1), BARE)).shown(4, (track(2, x=400.0), BARE))
    assert [v.track_id for v in run.confirmed] == [1, 2]


def test_who_lost_an_accusation_to_another_track_is_accused_by_none_of_the_looks_before() -> None:
    """Two tracks of one head: what was seen while the first was accused belongs to the accusation, not to it."""
    run = Run().shown(5, (track(1), BARE))
    run.shown(3.6, (track(1), BARE), (track(2), BARE))
    parted_s = run.now_s
    run.shown(6, (track(1, x=700), BARE), (track(2), BARE))
    first, second = run.confirmed
    assert (first.track_id, second.track_id) == (1, 1)
    accused_before = {look.media_s for look in first.looks} | {4.8, 5.0, 5.2}
    assert not accused_before & {look.media_s for look in second.looks}
    assert second.confirmed_s > parted_s + 1
