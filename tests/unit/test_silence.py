"""A far end that falls silent to the end is told apart from a path that loses packets."""

from __future__ import annotations

import numpy as np
import pytest

from benchkit.model.samples import Samples, column
from benchkit.stats.silence import Silence, silence

S = 1_000_000_000
# 2023-11-14, 22:13:20 UTC.
BEGAN_NS = 1_700_000_000 * S


def rows(count: int, *lost: range, rate: int = 10) -> Samples:
    """So many packets, and which of them were lost."""
    due = np.arange(count) * S // rate
    gone = np.isin(np.arange(count), [each for some in lost for each in some])
    columns = {"due_ns": column(due), "received_ns": column(due + 1, gone)}
    return Samples("rtt", "a-b", "idle", columns | {"t4_ns": column(due + BEGAN_NS, gone)})


def test_a_far_end_that_answers_no_more_says_until_when_it_did() -> None:
    found = silence(rows(100, range(60, 100)))
    assert found == Silence(40, 60, 4 * S, BEGAN_NS + 59 * S // 10)
    assert found.words() == (
        "it answered until 22:13:25 UTC, and none of 40 packets in the 4.0 s after that"
    )


@pytest.mark.parametrize(
    "told",
    [
        rows(100),
        rows(100, range(100)),  # nothing was ever heard of it: that is told elsewhere
        rows(100, range(40, 99)),  # an interface that went down, and up again
        rows(100, range(85, 100)),  # too few
        rows(100, range(60, 100), rate=100),  # too short
        rows(100, range(20, 50), range(60, 100)),  # a path that has such holes
    ],
)
def test_whatever_else_is_lost_is_the_paths(told: Samples) -> None:
    assert silence(told) is None


def test_requests_are_looked_at_in_the_order_in_which_they_were_due() -> None:
    told = rows(100, range(60, 100))
    mixed = np.random.default_rng(1).permutation(100)
    columns = {name: values[mixed] for name, values in told.columns.items()}
    del columns["t4_ns"]
    found = silence(Samples("http", "a-b", "http", columns))
    assert found == Silence(40, 60, 4 * S, None)
    assert found.words() == (
        "it answered among the first 60, and none of 40 packets in the 4.0 s after that"
    )
