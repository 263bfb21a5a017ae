"""How long packets take through a model's two directions where they catch up with each other.

Packets keep their order: under jitter, or at a rate that is slow for them, one waits for those in front of it, so that
the denser they come the longer they take than delay and jitter say alone. What a model gives to packets of a schedule
is drawn here, packet by packet, as the emulators do it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.probe_packets import transmission_ns
from benchkit.emulators.spread import deviations_ns
from benchkit.model.place import Direction, PathModel

Times = NDArray[np.int64]
# So many are drawn, over and over the first of a phase's due times: enough for the p99.9 of milliseconds of jitter.
PACKETS = 1 << 18
MOST_DUE = 1 << 12
FEWEST_BLOCKS = 16
# Nobody sees that packets wait for each other for less.
NEGLIGIBLE_NS = 2_000
# What is measured may be off by so many standard deviations: chance does that once in a thousand times.
CHANCE = 3.29
# A delay that no jitter takes below zero: directions of one jitter are drawn once, and differ by their delay alone.
FAR_NS = 10**12
SEED = 1


@dataclass(frozen=True, slots=True)
class Passage:
    """How long packets took, in ns, each of shape (n,) and in the order of their sending; lost ones are left out."""

    forward: Times
    backward: Times

    @property
    def both(self) -> Times:
        """The round trip."""
        return self.forward + self.backward


def catches_up(model: PathModel, due_ns: Times) -> bool:
    """Whether a packet that is due at one of these times may catch up with the one in front of it."""
    gaps = np.diff(due_ns[:MOST_DUE])
    least = int(gaps.min()) if gaps.size else FAR_NS
    longest = transmission_ns(model) + max(map(_span_ns, (model.forward, model.backward)))
    return longest > max(least, NEGLIGIBLE_NS)


def middle_ns(model: PathModel, name: str) -> int:
    """The median that is asked of a direction, "forward" or "backward", of packets that come one by one.

    A skewed jitter moves it, and a slow rate takes its time.
    """
    direction: Direction = getattr(model, name)
    deviations = deviations_ns(direction)
    skew = deviations[len(deviations) // 2] if deviations else 0
    return direction.delay_ns + skew + transmission_ns(model)


def median_ns(model: PathModel, due_ns: Times) -> float | None:
    """The median round trip of packets that are due at these times; None of a path whose delay follows a trace."""
    if model.forward.trace or model.backward.trace:
        return None
    if len(due_ns) and catches_up(model, due_ns):
        return float(np.median(passage(model, due_ns).both))
    return middle_ns(model, "forward") + middle_ns(model, "backward")


def passage(model: PathModel, due_ns: Times) -> Passage:
    """What the model, without its traces, makes of packets that are due at these times; drawn from a seed of its own."""
    there, back = (_far(each) for each in (model.forward, model.backward))
    due = due_ns[:MOST_DUE] if len(due_ns) else np.zeros(1, dtype=np.int64)  # of none, one alone
    offsets = (due - due[0]).astype(np.int64)
    found = _drawn(there, back, transmission_ns(model), offsets.tobytes())
    nearer = model.forward.delay_ns - there.delay_ns, model.backward.delay_ns - back.delay_ns
    return Passage(found.forward + nearer[0], found.backward + nearer[1])


def spread_of(statistic: Callable[[Times], float], drawn: Times, n: int) -> float:
    """The standard deviation of a statistic of `n` packets, by chance alone."""
    size = max(1, min(n, len(drawn) // FEWEST_BLOCKS))
    blocks = drawn[: len(drawn) // size * size].reshape(-1, size)
    return float(np.std([statistic(block) for block in blocks]))


def _span_ns(direction: Direction) -> int:
    deviations = deviations_ns(direction)
    return deviations[-1] - deviations[0] if deviations else 0


def _far(direction: Direction) -> Direction:
    """The same jitter on a delay that cuts none of it off, where none is; a packet that overtakes takes no delay."""
    deviations = deviations_ns(direction)
    cut = bool(deviations) and deviations[0] <= -direction.delay_ns
    still = replace(direction, trace=None)
    return still if cut or direction.reorder else replace(still, delay_ns=FAR_NS)


@lru_cache(maxsize=8)
def _drawn(there: Direction, back: Direction, transmission: int, offsets: bytes) -> Passage:
    due = np.frombuffer(offsets, dtype=np.int64)
    interval = int(due[-1]) // max(len(due) - 1, 1)
    lasts = int(due[-1]) + (interval or FAR_NS)  # what follows one time alone is far away
    rounds = -(-PACKETS // len(due))
    sent = (np.arange(rounds)[:, None] * lasts + due).ravel()
    random = np.random.default_rng(SEED)
    left, arrived = _through(there, sent, transmission, random)
    order = np.argsort(left[arrived], kind="stable")
    sent, left = sent[arrived][order], left[arrived][order]
    came_back, answered = _through(back, left, transmission, random)
    forward, backward = left - sent, came_back - left
    in_turn = np.argsort(sent[answered], kind="stable")
    return Passage(forward[answered][in_turn], backward[answered][in_turn])


def _through(
    direction: Direction, sent: Times, transmission: int, random: np.random.Generator
) -> tuple[Times, NDArray[np.bool_]]:
    """When packets that were sent then leave the direction, and which of them do: shape (n,) each."""
    deviations = np.array(deviations_ns(direction) or [0], dtype=np.int64)
    drawn = deviations[random.integers(deviations.size, size=sent.size)]
    places = np.arange(sent.size) * transmission
    sent = (
        np.maximum.accumulate(sent - places) + places + transmission
    )  # when the wire is done with each
    left = sent + direction.delay_ns + drawn
    passes = random.random(sent.size) >= direction.mean_loss
    overtakes = random.random(sent.size) < direction.reorder
    in_line = passes & ~overtakes
    left[in_line] = np.maximum.accumulate(left[in_line])
    left[overtakes] = sent[overtakes]
    return left, passes
