"""What loss leaves of the line, drawn in characters: a bar for each congestion control at each loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchkit.planning.figure import Table
from benchkit.planning.scale import shown

FULL, EMPTY = "█", "·"
DECADES = 6
FIRST = 2  # after the loss, and Reno by Mathis: PFTK stands for Reno


def loss_chart(ceilings: Table, most: float, width: int) -> Iterator[str]:
    """One line for each loss and control: the rate on a logarithmic scale that ends at the line's own."""
    names = {column.key: at for at, column in enumerate(ceilings.columns) if at >= FIRST}
    label = max(len(name) for name in names)
    bar = max(10, width - label - 28)
    low = math.log10(most) - DECADES
    yield f"{'loss':>8}  {'':{label}}  {'data rate of one stream, logarithmic, up to ' + shown(most, 'bit/s')}"
    for row in ceilings.rows:
        for name, at in names.items():
            rate = row[at]
            assert isinstance(rate, float)  # noqa: S101  the table's own shape
            cells = round(bar * (math.log10(max(rate, 1.0)) - low) / DECADES)
            cells = min(bar, max(0, cells))
            said = shown(row[0], "share") if at == FIRST else ""
            yield f"{said:>8}  {name:{label}}  {FULL * cells}{EMPTY * (bar - cells)} {shown(rate, 'bit/s')}"
