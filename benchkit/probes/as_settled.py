"""Rows of requests as they settle, while others are still due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchkit.model.samples import Samples

BATCH_S = 0.25


class Settling:
    """Which rows of a session can no longer change, in order: each is given out once."""

    def __init__(self, count: int) -> None:
        """None yet, of so many."""
        self._first, self._count = 0, count

    def take(self, over: NDArray[np.bool_], *, whole: bool) -> slice | None:
        """The next rows, up to the first that is not `over` (count,), or all that are left; None where there are none."""
        first, last = self._first, self._count
        if not whole:
            undecided = np.flatnonzero(~over[first:])
            last = first + int(undecided[0]) if len(undecided) else self._count
        self._first = last
        return slice(first, last) if last > first else None


async def as_settled(
    work: Coroutine[Any, Any, None], settle: Callable[[bool], Samples | None]
) -> AsyncIterator[Samples]:
    """Do the work, and yield meanwhile what `settle` gives; once it is done, what that gives of all the rest.

    Raises what the work raises, after the rows.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        while not task.done():
            await asyncio.wait((task,), timeout=BATCH_S)
            rows = settle(task.done())
            if rows is not None:
                yield rows
        await task
    finally:
        task.cancel()
        await asyncio.wait((task,))
