"""How every testbed ends: all of its sites at once, and then each of them seen to."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor


def shut_down(sites: Iterable[Executor]) -> None:
    """Kill what runs at every site, and see it end."""
    executors = tuple(sites)
    for wait in (False, True):
        for each in executors:
            each.shutdown(wait=wait, cancel_futures=True)
