"""A far end that stood still: what it held for longer than the timeout counts as lost, and no path has lost it."""

from __future__ import annotations

import numpy as np

from benchkit.model.samples import Samples

# So much of the timeout: the first answer in time was held for nearly all of it, whatever the path takes of the rest.
TELLING_SHARE = 0.5


def held_back(rows: Samples, timeout_ns: int) -> int:
    """How many of the lost may have been held by the far end, by the stamps of its own (T2, T3 of RFC 8762).

    While it stands still packets wait there. When it goes on, the last of them are answered in time, after a dwell that
    falls from nearly the timeout to nothing; those before them are answered too late. So the losses count that end at an answer
    with such a dwell. `rows` are in the order of their packets.
    """
    columns = rows.columns
    if not {"t2_ns", "t3_ns"} <= columns.keys():
        return 0
    answered = np.flatnonzero(~np.ma.getmaskarray(columns["received_ns"]))
    dwell = (columns["t3_ns"][answered] - columns["t2_ns"][answered]).filled(0)
    lost_before = np.diff(answered, prepend=-1) - 1
    return int(lost_before[dwell >= TELLING_SHARE * timeout_ns].sum())
