"""What each emulator can do and how exact it is: an entry in NATURES is held to all of `tests/contract/test_emulated_*`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from emulated import delays, ms
from flows import Flow

from benchkit.clock import NS_PER_US
from benchkit.emulators import choice, netem
from benchkit.model.place import Direction, PathModel


class Nature(NamedTuple):
    """What an emulator can do, and how far from the model it may be on a machine that has other work too."""

    missing: Callable[[], str | None]  # why it cannot run here, in the kernel's own words
    repeats_losses: Callable[[], bool]  # whether the same seed loses the same packets
    tells_lateness: bool  # whether it reports how late it was with each packet
    median_ns: int  # how much later than asked the median packet may come
    tail_ns: int  # the same of the slowest tenth
    early_ns: int  # how much earlier than asked any packet may come: the error of two stamps
    step_ns: int  # how much later than asked a step of a trace may come
    floor_ns: int  # how long the median packet may take where no delay is asked
    goodput: tuple[float, float]  # share of what a rate leaves after headers


NATURES = {
    "userspace": Nature(
        missing=choice.why_no_userspace,
        repeats_losses=lambda: True,
        tells_lateness=True,
        median_ns=ms(0.3),
        tail_ns=ms(0.5),
        early_ns=20 * NS_PER_US,
        step_ns=ms(40),
        floor_ns=ms(0.5),
        goodput=(0.94, 1.003),
    ),
    "netem": Nature(
        missing=choice.why_no_netem,
        repeats_losses=netem.tc_knows_seed,
        tells_lateness=False,
        median_ns=ms(0.5),
        tail_ns=ms(1.2),
        early_ns=50 * NS_PER_US,
        step_ns=ms(60),
        floor_ns=ms(0.7),
        goodput=(0.94, 1.003),
    ),
}

CONFIDENCE = 0.999
RATE_BPS = 20_000_000
BUFFER = 64 * 1024
MTU, JUMBO = 1500, 9000
HEADERS = 28  # IPv4 and UDP
ETHERNET = 14
# The paths of the emulation that most tests share. Rate, buffer and MTU are those it was built with.
PLAIN, WIDE, NARROW = 0, 1, 2
SHARED = (
    delays(0, 0),
    delays(0, 0, mtu=JUMBO),
    delays(0, 0, rate_bps=RATE_BPS, buffer_octets=BUFFER),
)


def like(index: int, there: Direction, back: Direction | None = None) -> PathModel:
    """The shared path of that index with other directions."""
    return replace(SHARED[index], forward=there, backward=back or Direction(0))


def assert_delayed(flow: Flow, asked_ns: int, nature: Nature) -> None:
    """Nothing is lost, nothing comes early, and most come when they should."""
    assert flow.lost == []
    found = flow.delays_ns()
    assert found.min() >= asked_ns - nature.early_ns
    assert np.median(found) <= asked_ns + max(nature.median_ns, not asked_ns and nature.floor_ns)
