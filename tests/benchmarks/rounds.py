"""What rounds of a benchmark find: measured in turns, shown by their median and range."""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Found = TypeVar("Found")


def in_turns(ways: Mapping[str, Callable[[], Found]], rounds: int) -> dict[str, list[Found]]:
    """What each way finds in each round, whose order turns round each time: a steady drift is in no way's mean."""
    found: dict[str, list[Found]] = {name: [] for name in ways}
    for at in range(rounds):
        for name in list(ways) if at % 2 == 0 else reversed(list(ways)):
            found[name].append(ways[name]())
    return found


def row(words: str, values: Sequence[float], unit: str, bar: str = "") -> None:
    """Median and range over the rounds, beside what it must reach."""
    spread = f"{min(values):9.3f} ..{max(values):9.3f}"
    print(f"{words:56} {statistics.median(values):9.3f}  {spread}  {unit:8} {bar}", flush=True)
