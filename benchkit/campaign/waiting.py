"""Waiting for far ends that serve somebody else, as long as was asked and no longer."""

from __future__ import annotations

from collections.abc import Callable, Collection

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError, TakenError

# After so long a far end that does not say how long it is taken is asked again.
ASK_AGAIN_S = 1.0
# What a lease is let go of later than its holder said.
MARGIN_S = 0.2


class Patience:
    """What is left of the time for which a campaign may wait, in all."""

    def __init__(
        self, wait_ns: int, rest: Callable[[float], None], say: Callable[[str], None]
    ) -> None:
        """Wait by `rest`, which takes seconds, and `say` what for."""
        self._left_s = wait_ns / NS_PER_S
        self._rest = rest
        self._say = say
        self._said: set[str] = set()

    def waited(self, troubles: Collection[MeasureError]) -> bool:
        """Wait until a far end that is taken should be free; False where none is, or the time left is too short."""
        taken = [error for error in troubles if isinstance(error, TakenError)]
        if not taken:
            return False
        seconds = max(error.left_s + MARGIN_S if error.left_s else ASK_AGAIN_S for error in taken)
        if seconds > self._left_s:
            return False
        words = str(taken[0]).partition(": run again")[0].partition(": try again")[0]
        if words not in self._said:
            self._said.add(words)
            self._say(f"{words}: waiting")
        began = monotonic_ns()
        self._rest(seconds)
        self._left_s -= (monotonic_ns() - began) / NS_PER_S
        return True
