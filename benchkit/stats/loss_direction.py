"""Where packets were lost, there or back, from a stateful far end's own count of its answers (RFC 8762 section 4.3).

With the last answer to packet s as the far end's answer r, s - r packets did not arrive there; what it sent
and nobody received was lost on the way back (RFC 5357's two-way loss, divided).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.model.far_end import FarFlags
from benchkit.model.samples import FAR_COPIES, FAR_FLAGS, FAR_SEQUENCE, Samples

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class LossByDirection:
    """How many packets were lost on their way there, and on the way back; of the rest nobody can tell."""

    forward: int
    backward: int


def loss_by_direction(rows: Samples, *, stateful: bool = False) -> LossByDirection | None:
    """The loss of round trips in their order, by direction; None where the far end did not count.

    A stateless far end copies our numbers, and so does a stateful one as long as nothing is lost on the way
    there: `stateful` says that it is known to count.
    """
    if FAR_SEQUENCE not in rows.columns:
        return None
    answered = np.flatnonzero(~np.ma.getmaskarray(rows.columns["received_ns"]))
    counted = np.ma.getdata(rows.columns[FAR_SEQUENCE])[answered]
    copies = np.ma.getdata(rows.columns[FAR_COPIES])[answered]
    told = np.ma.getdata(rows.columns[FAR_FLAGS])[answered] & int(FarFlags.COUNTS)
    if not (stateful or told.any() or (counted != _numbers(rows)[answered]).any()):
        return None
    if not len(answered):
        return None
    forward = backward = 0
    for index, stretch in enumerate(_stretches(counted)):
        there, back = _lost_in(
            answered[stretch], counted[stretch], copies[stretch], first=not index
        )
        forward, backward = forward + there, backward + back
    return LossByDirection(forward, backward)


def _numbers(rows: Samples) -> Numbers:
    """The packets' own numbers: where some were never sent they are not their places."""
    places = np.arange(len(rows))
    return np.ma.getdata(rows.columns.get("sequence", places))


def _lost_in(sent: Numbers, counted: Numbers, copies: Numbers, *, first: bool) -> tuple[int, int]:
    """Losses up to the last answer of one count: on the way there, on the way back."""
    # A far end that counted others of ours before began above 0; after a fresh start it begins there, and
    # whatever was sent just before its first answer is nobody's.
    base = max(0, int(counted[0] - sent[0])) if first else 0
    begin = 0 if first else int(sent[0] - counted[0])
    reached = int(counted.max()) + 1 - base
    lost = int(sent[-1]) + 1 - max(begin, 0) - len(sent)
    back = min(max(reached - len(sent) - int(copies.sum()), 0), lost)
    return lost - back, back


def _stretches(counted: Numbers) -> Iterator[slice]:
    """The answers of one count at a time: a far end that was started again gives numbers that it gave before."""
    begin = 0
    if (np.diff(counted) <= 0).any():
        seen: set[int] = set()
        for at, number in enumerate(counted.tolist()):
            if number in seen:
                end = _fresh_start(counted, begin, at)
                yield slice(begin, end)
                begin, seen = end, set(counted[end:at].tolist())
            seen.add(number)
    yield slice(begin, len(counted))


def _fresh_start(counted: Numbers, begin: int, at: int) -> int:
    """Where a count began that gave a number again at `at`: its first numbers may be new to us, and are lower."""
    while at > begin + 1 and counted[at - 1] < counted[at]:
        at -= 1
    return at
