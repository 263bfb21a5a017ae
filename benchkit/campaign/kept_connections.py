"""Servers that keep no connection open, though requests are measured over kept ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.phases import HTTP, Phase

# New ones are also opened where more requests are on their way than there are connections; never for so many.
MOST = 0.5


def unkept(phase: Phase, harvest: Harvest) -> Iterator[str]:
    """A sentence for each path of a phase of requests over kept connections whose server closes them after each answer."""
    if phase.name != HTTP:
        return
    for path in phase.paths:
        rows = harvest.samples("http", path.name, phase.name)
        if rows is None:
            continue
        answered = ~np.ma.getmaskarray(rows.columns["received_ns"])
        opened = answered & ~np.ma.getmaskarray(rows.columns["connect_ns"])
        count, of = int(opened.sum()), int(answered.sum())
        if count > MOST * of:
            yield (
                f"{path.name}: HTTP: {count} of {of} answers came over a new connection, for the server keeps none open: their times "
                "have its opening in them; have it keep them (HTTP/1.1), or ask for --probe http-fresh, which says so"
            )
