"""What the answers of a far end tell of it and of the way, in sentences."""

from __future__ import annotations

import numpy as np

from benchkit.model.far_end import WORDS
from benchkit.model.samples import FAR_FLAGS, FAR_TTL, Samples
from benchkit.units import show_count

SENT_TTL = 255


def far_end_remarks(rows: Samples) -> tuple[str, ...]:
    """A sentence for each thing that a reader should know, with how many answers told it where not all did."""
    if FAR_FLAGS not in rows.columns:
        return ()
    flags = rows.columns[FAR_FLAGS].compressed()
    found = []
    for flag, words in WORDS.items():
        count = int(np.count_nonzero(flags & int(flag)))
        if count:
            found.append(
                words if count == len(flags) else f"{words} ({count} of {len(flags)} answers)"
            )
    return (*found, *_hops(rows))


def _hops(rows: Samples) -> tuple[str, ...]:
    """How many routers the packets passed on their way there. A far end that cannot tell answers 255, as 0 hops do."""
    seen = rows.columns[FAR_TTL].compressed()
    hops = SENT_TTL - seen[(seen > 0) & (seen < SENT_TTL)]
    if not len(hops):
        return ()
    few, many = int(hops.min()), int(hops.max())
    return (
        f"{show_count(few, 'hop')} on the way there"
        if few == many
        else f"{few} to {many} hops on the way there",
    )
