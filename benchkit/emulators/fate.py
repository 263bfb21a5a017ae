"""Which packets are lost, by their number alone: the same seed loses the same packets, whatever the timing."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from benchkit.model.impairment import Bursts
from benchkit.model.place import Direction

Fate = Callable[[], bool]  # asked once for each packet, in order: is this one lost?


def fate_of(direction: Direction, seed: int) -> Fate | None:
    """What decides a direction's losses, or None where it loses nothing."""
    draw = random.Random(seed).random  # noqa: S311  a model of weather, not a secret
    if direction.bursts is not None:
        return _in_bursts(direction.bursts, draw)
    if direction.loss >= 1:
        return lambda: True
    return _at_random(direction.loss, draw) if direction.loss else None


def _at_random(share: float, draw: Callable[[], float]) -> Fate:
    """Each packet by itself. Drawing how many pass until the next loss costs one draw a loss, not one a packet."""
    scale = 1 / math.log1p(-share)
    passing = int(math.log(1 - draw()) * scale)

    def lost() -> bool:
        nonlocal passing
        if passing:
            passing -= 1
            return False
        passing = int(math.log(1 - draw()) * scale)
        return True

    return lost


def _in_bursts(bursts: Bursts, draw: Callable[[], float]) -> Fate:
    """As netem's gemodel: the state that a packet finds decides over it, and is drawn anew for the next."""
    bad = False

    def lost() -> bool:
        nonlocal bad
        share = bursts.bad_loss if bad else bursts.good_loss
        turns = draw() < (bursts.leave if bad else bursts.enter)
        bad = bad != turns
        return draw() < share

    return lost
