"""Who is cast: the same by the same seed, twins that differ in the hat alone, and what `--force` may say."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synth.casting import (
    CIGARETTES,
    HAIR,
    HATS,
    LIGHTS,
    LOOKALIKES,
    RECIPES,
    VIEWS,
    BadForce,
    Streams,
    cast,
    drawn,
    parsed_force,
    scene_seed,
)

GENERAL, DARK = RECIPES["general"], RECIPES["dark-caps"]
seeds = st.integers(0, 10**6)


@given(seeds, st.sampled_from(sorted(RECIPES)))
def test_the_same_seed_gives_the_same_cook(seed: int, recipe: str) -> None:
    assert cast(seed, RECIPES[recipe]) == cast(seed, RECIPES[recipe])


@given(st.integers(0, 10**5))
def test_twins_differ_in_the_hat_alone(pair: int) -> None:
    covered, bare = cast(2 * pair, DARK), cast(2 * pair + 1, DARK)
    assert covered.hat is not None
    assert bare.hat is None
    hat = {"hat": None, "hat_colour": None}
    if covered.hat != "bandana":  # long hair under a bandana is tucked away
        assert replace(covered, **hat) == bare
    assert scene_seed(2 * pair, DARK) == scene_seed(2 * pair + 1, DARK) == pair


@given(seeds)
def test_dark_caps_are_dark_and_on_dark_hair(seed: int) -> None:
    cook = cast(seed, DARK)
    assert cook.dark_hair
    assert cook.hair != "bald"
    assert cook.hat_colour is None or max(cook.hat_colour) < 0.07
    assert cook.hat in ("cap", "flat", "bandana", None)


@given(seeds)
def test_no_cook_is_impossible(seed: int) -> None:
    cook = cast(seed, GENERAL)
    assert cook.hat is None or cook.hat_colour is not None
    assert not (cook.cigarette and cook.lookalike)
    if cook.cigarette in ("mouth", "held") or cook.lookalike == "straw":
        assert cook.mask in (None, "chin", "ear")
    if cook.hat == "hairnet":
        assert cook.hair not in ("bald", "afro", "long")
    if cook.hair == "afro":
        assert cook.race == "african"


def test_every_kind_occurs() -> None:
    cooks = [cast(seed, GENERAL) for seed in range(2500)]
    assert {cook.hat for cook in cooks} == {*HATS, None}
    assert {cook.mask for cook in cooks} == {"on", "nose", "chin", "ear", None}
    assert {cook.cigarette for cook in cooks} == {*CIGARETTES, None}
    assert {cook.lookalike for cook in cooks} == {*LOOKALIKES, None}
    assert {cook.light for cook in cooks} == set(LIGHTS)
    assert {cook.view for cook in cooks} == set(VIEWS)
    assert {cook.hair for cook in cooks} == {*HAIR["male"], *HAIR["female"]}


def test_shares_are_those_of_the_recipe() -> None:
    cooks = [cast(seed, GENERAL) for seed in range(3000)]
    covered = sum(cook.hat is not None for cook in cooks) / len(cooks)
    smoking = sum(cook.cigarette is not None for cook in cooks) / len(cooks)
    assert covered == pytest.approx(GENERAL.hat, abs=0.03)
    assert smoking == pytest.approx(GENERAL.smoking, abs=0.03)


def test_dark_caps_are_seen_from_all_sides() -> None:
    views = Counter(cast(seed, DARK).view for seed in range(0, 2000, 2))
    assert min(views[view] for view in VIEWS) > 100


def test_streams_do_not_shift_each_other() -> None:
    one, other = Streams(5), Streams(5)
    one("hair").random()
    assert one("pose").random() == other("pose").random()
    assert one("hair").random() == other("hair").random()
    assert Streams(5)("pose").random() != Streams(6)("pose").random()


def test_force_takes_its_values_in_turn() -> None:
    force = parsed_force(["hat=toque|none", "mask=on", "view=back"])
    assert [cast(seed, GENERAL, force).hat for seed in range(4)] == ["toque", None, "toque", None]
    assert {cast(seed, GENERAL, force).mask for seed in range(20)} == {"on"}
    assert cast(0, GENERAL, force).hat_colour is not None


@pytest.mark.parametrize("word", ["hut=toque", "hat=fez", "age=3", "light=moon", "hat"])
def test_what_does_not_exist_cannot_be_forced(word: str) -> None:
    with pytest.raises(BadForce, match="--force"):
        parsed_force([word])


def test_weights_are_respected() -> None:
    rng = Streams(1)("x")
    assert {drawn({"a": 1.0, "b": 0.0}, rng) for _ in range(50)} == {"a"}
