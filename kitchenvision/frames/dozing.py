"""Which packets of a live stream need not be decoded while nothing happens: pure, packets in, packets out.

A still scene without people is looked at once in two seconds: its key frames are enough, at a tenth of the cost.
What comes between is held, not lost: as soon as a packet is larger than those of a still scene, or somebody is
found in a key frame, or too long a time has passed, all that is held is decoded and the decoder misses nothing.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Generic, Protocol, TypeVar

_LONGEST_S = 2.5  # without a picture: three seconds would count as not observed
_SURPRISE = 2.0  # times the usual size of a packet: something moves
_SLACK = 0.015  # of the last key frame's size: a clock that counts on, a sensor's noise
_USUAL_OF = 60  # packets
_AWAKE_S = 3.0  # after a surprise, before the next nap


class Sized(Protocol):
    """What is asked of a packet."""

    size: int
    is_keyframe: bool


P = TypeVar("P", bound=Sized)


@dataclass(frozen=True)
class Held(Generic[P]):
    """A packet and when it came: `at_s` in seconds that never go back, `stamp` as the caller likes."""

    packet: P
    at_s: float
    stamp: object = None


class Dozing(Generic[P]):
    """One connection. Of each group from key frame to key frame the first packets come out, in order.

    Attributes:
        calm: whether whoever looks has nothing to look at; may be set from another thread.
        usable: cleared for a stream whose key frames do not stand for themselves.
    """

    def __init__(self) -> None:
        self.calm = False
        self.usable = True
        self._held: list[Held[P]] = []
        self._sizes: deque[int] = deque(maxlen=_USUAL_OF)
        self._key_bytes = 0
        self._given_s, self._awake_until_s = 0.0, float("-inf")

    def due(self, now: Held[P]) -> list[Held[P]]:
        """What is to be decoded now that this packet has come; it may be among what is held."""
        if now.packet.is_keyframe:
            self._held, self._key_bytes = [], now.packet.size
            return self._given([now])
        usual = median(self._sizes) if len(self._sizes) == _USUAL_OF else None
        self._sizes.append(now.packet.size)
        self._held.append(now)
        if usual is None or now.packet.size > _SURPRISE * usual + _SLACK * self._key_bytes:
            self._awake_until_s = now.at_s + _AWAKE_S
        wanted = not (self.calm and self.usable) or now.at_s < self._awake_until_s
        if wanted or now.at_s - self._given_s >= _LONGEST_S:
            held, self._held = self._held, []
            return self._given(held)
        return []

    def _given(self, packets: list[Held[P]]) -> list[Held[P]]:
        self._given_s = packets[-1].at_s
        return packets
