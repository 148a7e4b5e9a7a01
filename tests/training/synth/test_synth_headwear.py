"""Hair, hats and masks on a ball: they sit outside the skull, end where they should, and leave what they must."""

import random
from itertools import pairwise

import numpy as np
import pytest
from tiny_cook import HEAD_AT, RADIUS, Ball, tiny_skull

from training.synth.caps import skull_cap
from training.synth.casting import HATS
from training.synth.hair import STYLES, Growth, grown
from training.synth.hats import BLACK, Hat, ring_hat
from training.synth.held import (
    Segment,
    at_mouth,
    cigarette,
    cup_in_hand,
    in_fingers,
    lookalike,
    spoon_bowl,
    straw_with_cup,
)
from training.synth.masks import KINDS, STATES, mask
from training.synth.mesh import Array
from training.synth.scalp import hairline, scalp_shade
from training.synth.skull import directions, filled_ring, folded

SKULL = tiny_skull()
RING = ("toque", "flat", "forage")


def hat_of(kind: str, seed: int = 1) -> Hat:
    rng = random.Random(seed)
    if kind in RING:
        return ring_hat(kind, SKULL, rng, BLACK, 0.0045)
    hair = grown(SKULL, Growth("bun", squash=0.35, tie_deg=15), random.Random(seed)) if kind == "hairnet" else None
    return skull_cap(kind, SKULL, rng, BLACK, 0.0045, hair)


def from_middle(points: Array) -> Array:
    return np.linalg.norm(points.reshape(-1, 3) - HEAD_AT, axis=1)


def test_the_map_of_a_ball_is_a_ball() -> None:
    azimuth = np.linspace(-3, 3, 40)
    points = SKULL.point(azimuth, np.full(40, 0.6))
    assert from_middle(points) == pytest.approx(RADIUS, abs=0.002)


def test_spherical_undoes_point() -> None:
    azimuth, elevation = np.array([0.3, -2.0, 1.5]), np.array([0.2, 0.9, -0.3])
    a, e, r = SKULL.spherical(SKULL.point(azimuth, elevation, 0.01))
    assert a == pytest.approx(azimuth)
    assert e == pytest.approx(elevation)
    assert r == pytest.approx(SKULL.radius(azimuth, elevation) + 0.01)


def test_elevation_at_a_height_has_that_height() -> None:
    azimuth = np.array([0.0, 1.0, 3.0])
    elevation = SKULL.elevation_at(azimuth, np.full(3, 0.05))
    assert SKULL.point(azimuth, elevation)[:, 2] == pytest.approx(HEAD_AT[2] + 0.05, abs=0.003)


def test_an_edge_has_its_heights_in_front_at_the_side_and_behind() -> None:
    edge = SKULL.edge(np.array([0, np.pi / 2, np.pi]), 0.06, 0.02, -0.03)
    assert edge == pytest.approx([0.06, 0.02, -0.03])


def test_directions_and_folded_angles() -> None:
    assert directions(0, 0) == pytest.approx([0, -1, 0])
    assert directions(np.pi / 2, 0) == pytest.approx([1, 0, 0])
    assert folded(np.array([0.5, -0.5, 2 * np.pi - 0.5])) == pytest.approx(0.5)


def test_gaps_of_a_ring_are_filled_from_their_neighbours() -> None:
    ring = np.array([1.0, np.nan, 3.0, np.nan])
    assert filled_ring(ring, 9.0).tolist() == [1, 2, 3, 2]
    assert filled_ring(np.full(3, np.nan), 9.0).tolist() == [9, 9, 9]


@pytest.mark.parametrize("style", sorted(STYLES))
def test_hair_stays_outside_the_skull_and_has_its_points(style: str) -> None:
    hair = grown(SKULL, Growth(style), random.Random(4))
    assert hair is not None
    assert hair.points.shape[1:] == (STYLES[style].points, 3)
    assert np.isfinite(hair.points).all()
    assert np.mean(from_middle(hair.points) < RADIUS - 0.006) < 0.03


def test_the_same_stream_grows_the_same_hair() -> None:
    one, other = (grown(SKULL, Growth("short"), random.Random(7)) for _ in range(2))
    assert one is not None
    assert other is not None
    assert (one.points == other.points).all()


def test_bald_heads_have_none() -> None:
    assert grown(SKULL, Growth("bald"), random.Random(1)) is None


def test_hair_begins_above_the_hairline() -> None:
    hair = grown(SKULL, Growth("crew"), random.Random(2))
    assert hair is not None
    azimuth, _, _ = SKULL.spherical(hair.points[:, 0])
    under = hair.points[:, 0, 2] - HEAD_AT[2] < hairline(SKULL, azimuth) - 0.025
    assert under.mean() < 0.01


@pytest.mark.parametrize("kind", ["cap", "flat", "toque", "bouffant", "bandana"])
def test_under_a_hat_hair_grows_below_its_edge_only(kind: str) -> None:
    hat = hat_of(kind)
    assert hat.line is not None
    hair = grown(SKULL, Growth("short", hat.line), random.Random(3))
    if hair is None:
        return
    azimuth, _, _ = SKULL.spherical(hair.points[:, 0])
    assert (hair.points[:, 0, 2] - HEAD_AT[2] < hat.line(azimuth) + 0.0061).all()


def test_a_bald_crown_has_far_less_hair() -> None:
    full, bald = (grown(SKULL, Growth("crew", crown=crown), random.Random(3)) for crown in (0.0, 0.7))
    assert full is not None
    assert bald is not None

    def on_crown(points: Array) -> int:
        _, elevation, _ = SKULL.spherical(points[:, 0])
        azimuth, _, _ = SKULL.spherical(points[:, 0])
        near = np.arccos(np.clip(directions(azimuth, elevation) @ directions(np.pi, np.radians(62)), -1, 1)) < 0.4
        return int(near.sum())

    assert on_crown(bald.points) < 0.2 * on_crown(full.points)


def test_hair_hangs_beside_the_face_not_over_it() -> None:
    hair = grown(SKULL, Growth("long"), random.Random(5))
    assert hair is not None
    low = hair.points[hair.points[..., 2] < HEAD_AT[2] - 0.03]
    azimuth, _, _ = SKULL.spherical(low)
    assert np.mean(np.abs(azimuth) < 0.85) < 0.02


def test_a_bun_is_told_to_the_net() -> None:
    hair = grown(SKULL, Growth("bun", tie_deg=15), random.Random(5))
    assert hair is not None
    assert hair.bun is not None
    centre, radii = hair.bun
    assert centre[1] > HEAD_AT[1]
    assert (radii > 0.02).all()


def test_hair_under_a_net_lies_close() -> None:
    loose, netted = (grown(SKULL, Growth("short", squash=squash), random.Random(6)) for squash in (1.0, 0.35))
    assert loose is not None
    assert netted is not None
    assert from_middle(netted.points).max() < from_middle(loose.points).max()


def test_the_scalp_is_shaded_where_hair_grows() -> None:
    shade = scalp_shade(SKULL)
    v = SKULL.human.part("head").v
    assert shade[v[:, 2].argmax()] > 0.9
    assert shade[v[:, 1].argmin()] == 0
    assert (shade[SKULL.human.base.ears] == 0).all()
    assert scalp_shade(SKULL, crown=0.6)[v[:, 2].argmax()] <= shade[v[:, 2].argmax()]


@pytest.mark.parametrize("kind", HATS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_hat_covers_the_crown_and_lies_outside_the_skull(kind: str, seed: int) -> None:
    hat = hat_of(kind, seed)
    v = np.concatenate([part.v for part in hat.parts])
    assert v[:, 2].max() > HEAD_AT[2] + RADIUS
    assert np.isfinite(v).all()
    above = v[v[:, 2] > HEAD_AT[2] + 0.03]
    assert np.mean(from_middle(above) < RADIUS - 0.001) < 0.02
    for part in hat.parts:
        assert max(max(face) for face in part.faces) < len(part.v)
        assert part.name.startswith("hat")


def test_a_toque_is_taller_than_a_flat_cap() -> None:
    tops = {kind: max(part.v[:, 2].max() for part in hat_of(kind).parts) for kind in ("toque", "flat", "forage")}
    assert tops["toque"] > tops["flat"] + 0.02


def test_a_cap_has_a_peak_in_front() -> None:
    reach = [hat_of("cap", seed).parts[0].v[:, 1].min() for seed in range(6)]
    assert sum(y < -RADIUS - 0.04 for y in reach) >= 4  # one in ten is worn backwards


def test_only_a_hairnet_lets_the_hair_through() -> None:
    assert hat_of("hairnet").line is None
    assert all(hat_of(kind).line is not None for kind in HATS if kind != "hairnet")
    assert {part.look.kind for part in hat_of("hairnet").parts} == {"net", "fabric"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", STATES)
def test_a_mask_is_before_the_face_where_its_state_says(kind: str, state: str) -> None:
    human = SKULL.human
    sheet, loop = mask(state, kind, SKULL, Ball(), random.Random(2), (0.8, 0.8, 0.8))
    v = sheet.v
    assert np.isfinite(v).all()
    assert np.isfinite(loop.v).all()
    middle = v[np.abs(v[:, 0]) < 0.01]
    if state == "ear":
        assert len(middle) == 0
        return
    top = middle[:, 2].max()
    assert (top > human.nose[2]) == (state == "on")
    if state == "nose":
        assert human.mouth[2] < top < human.nose[2]
    if state == "chin":
        assert top < human.mouth[2] + 0.001
    assert (middle[:, 1] < 0).all()
    assert (from_middle(v) > RADIUS).mean() > 0.95


def test_cigarettes_are_as_long_as_asked_and_start_with_a_filter() -> None:
    for seed in range(8):
        segments = cigarette(random.Random(seed), 0.084)
        assert segments[0].start == 0
        assert segments[-1].end == pytest.approx(0.084, abs=1e-9)
        assert all(a.end == pytest.approx(b.start) for a, b in pairwise(segments))


@pytest.mark.parametrize("kind", ["pen", "chopstick", "thermometer", "spoon"])
def test_lookalikes_are_longer_than_a_cigarette(kind: str) -> None:
    for seed in range(4):
        assert lookalike(kind, random.Random(seed))[-1].end > 0.1


def test_things_are_where_they_are_held() -> None:
    human = SKULL.human
    lips = at_mouth(human, cigarette(random.Random(1), 0.084), random.Random(1))
    assert np.linalg.norm(lips.origin - human.mouth) < 0.03
    assert lips.tip[1] < lips.origin[1]
    held = in_fingers(human, "cig", [Segment(0, 0.08, BLACK, (0.004, 0.004))])
    assert np.linalg.norm(held.origin - human.between_fingers()) == pytest.approx(0.03)
    assert {part.name[:3] for part in held.parts} == {"cig"}
    assert spoon_bowl(human, held).name == "propbowl"
    straw, at = straw_with_cup(human, random.Random(3))
    assert straw.tip[2] < straw.origin[2]
    assert at[2] < human.mouth[2]
    cup = cup_in_hand(human)
    assert np.linalg.norm(cup.origin - human.joints["hand_r"][0]) < 0.15
