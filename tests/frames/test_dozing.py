"""Packets that need not be decoded: what comes out can always be decoded, comes soon, and motion wakes."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.frames.dozing import Dozing, Held

STEP_S = 0.04


@dataclass
class FakePacket:
    """A packet's number, size and kind."""

    number: int
    size: int = 100
    is_keyframe: bool = False


def still(seconds: float, key_every: int = 50, size: int = 100) -> list[FakePacket]:
    """A camera that shows nothing new."""
    return [
        FakePacket(n, 20_000 if n % key_every == 0 else size, n % key_every == 0)
        for n in range(round(seconds / STEP_S))
    ]


def play(dozing: Dozing[FakePacket], packets: list[FakePacket], calm_from: int = 0) -> list[tuple[float, int]]:
    """(when, which) was decoded; calm is said from that packet on."""
    out = []
    for packet in packets:
        dozing.calm = packet.number >= calm_from
        at_s = packet.number * STEP_S
        out += [(at_s, held.packet.number) for held in dozing.due(Held(packet, at_s))]
    return out


def test_a_still_scene_costs_its_key_frames_only() -> None:
    """After three seconds in which the usual size is learned."""
    given_out = [number for _, number in play(Dozing(), still(30))]
    late = [number for number in given_out if number >= 200]
    assert late == list(range(200, 750, 50))


def test_nothing_is_left_out_where_something_happens() -> None:
    """As long as nobody says that it is calm."""
    packets = still(10)
    assert [number for _, number in play(Dozing(), packets, calm_from=10_000)] == list(range(len(packets)))


@pytest.mark.parametrize("mark", ["size", "word"])
def test_who_enters_is_seen_at_once_with_all_that_was_held(mark: str) -> None:
    """A larger packet wakes, and so does whoever looks; then every packet is decoded, also those before."""
    packets, dozing, out = still(20), Dozing[FakePacket](), []
    if mark == "size":
        packets[420].size = 2_000
    for packet in packets:
        dozing.calm = packet.number < 420 if mark == "word" else True
        at_s = packet.number * STEP_S
        out += [(at_s, held.packet.number) for held in dozing.due(Held(packet, at_s))]
    woken = [number for at_s, number in out if at_s == 420 * STEP_S]
    assert woken == list(range(401, 421))
    after = [number for at_s, number in out if 420 * STEP_S < at_s < 420 * STEP_S + 2.9]
    assert after == list(range(421, 421 + len(after)))
    assert len(after) >= 72


def test_after_a_surprise_it_sleeps_again() -> None:
    """A cat crosses the kitchen; three seconds later key frames are enough."""
    packets = still(30)
    packets[310].size = 5_000
    late = [number for _, number in play(Dozing(), packets) if number >= 450]
    assert late == list(range(450, 750, 50))


def test_a_stream_whose_key_frames_need_others_is_decoded_in_full() -> None:
    """It says so itself when a key frame gives no picture."""
    dozing, packets = Dozing[FakePacket](), still(10)
    dozing.usable = False
    assert [number for _, number in play(dozing, packets)] == list(range(len(packets)))


@given(
    sizes=st.lists(st.integers(10, 4000), min_size=80, max_size=400),
    keys=st.integers(2, 300),
    calm=st.lists(st.booleans(), min_size=400, max_size=400),
)
def test_what_comes_out_can_be_decoded_and_comes_in_time(sizes: list[int], keys: int, calm: list[bool]) -> None:
    """Of each group the first packets, in order, none twice; never more than two and a half seconds without any."""
    dozing, out = Dozing[FakePacket](), []
    for number, size in enumerate(sizes):
        dozing.calm = calm[number]
        at_s = number * STEP_S
        packet = FakePacket(number, size * (10 if number % keys == 0 else 1), number % keys == 0)
        out += [(at_s, held.packet.number) for held in dozing.due(Held(packet, at_s))]
    numbers = [number for _, number in out]
    assert numbers == sorted(set(numbers))
    for before, after in pairwise(numbers):
        assert after == before + 1 or after % keys == 0
    times = [at_s for at_s, _ in out]
    assert all(b - a <= 2.5 + STEP_S for a, b in pairwise([*times, (len(sizes) - 1) * STEP_S]))
