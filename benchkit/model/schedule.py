"""When packets are due and how exactly they leave: data, fixed before the first is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from benchkit import units

Kind = Literal["periodic", "poisson", "bursts"]
Pacing = Literal["timer", "precise", "batched"]

_WORDS = re.compile(r"(periodic|poisson)|bursts of (\d{1,6})")
MOST_IN_A_BURST = 10_000
# On one path: one thread sends and takes all of its packets, with all their stamps; two slow cores hold 150,000.
MOST_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """Packets of one mean rate: evenly apart, at random (RFC 2330 section 11.1.1), or `burst` of them together.

    `seed` draws the random times. `pacing` "timer" costs next to nothing and is late by some 50 us; "precise"
    spins for the last of the wait; "batched" has many leave together, up to a quarter of a millisecond late, and
    takes a hundred thousand a second.
    """

    kind: Kind = "periodic"
    burst: int = 1
    seed: int = 1
    pacing: Pacing = "timer"

    def words(self) -> str:
        """As `read_schedule` reads it."""
        return f"bursts of {self.burst}" if self.kind == "bursts" else self.kind


PERIODIC = Schedule()


def read_pace(text: str) -> float:
    """Packets or requests a second, of a text: "500/s". Raises ValueError with what would be right.

    >>> read_pace("30/min")
    0.5
    """
    number = units.per_second(text)
    if number <= 0:
        raise ValueError(f"{text!r} is not above zero: it is written like '500/s'")
    if number > MOST_PER_S:
        raise ValueError(
            f"{text!r} is more than can be sent on a path: take {MOST_PER_S}/s or less; for load, the probe udp"
        )
    return number


def read_schedule(text: str) -> Schedule:
    """The schedule of a text: "periodic", "poisson" or "bursts of 8". Raises ValueError with what would be right.

    >>> read_schedule("bursts of 8")
    Schedule(kind='bursts', burst=8, seed=1, pacing='timer')
    """
    found = _WORDS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no schedule: write 'periodic', 'poisson' or 'bursts of 8'")
    if found[2] is None:
        return Schedule("poisson" if found[1] == "poisson" else "periodic")
    burst = int(found[2])
    if not 0 < burst <= MOST_IN_A_BURST:
        raise ValueError(f"{text!r}: a burst has 1 to {MOST_IN_A_BURST} packets")
    return Schedule("bursts", burst)
