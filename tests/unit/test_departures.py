"""When answers left, by sequence number."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchkit.campaign.departures import MOST, Departures

Told = st.lists(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 2**62)), max_size=20), max_size=5
)


@given(Told, st.lists(st.integers(0, 6000), max_size=30))
def test_it_knows_what_a_dictionary_would(
    told: list[list[tuple[int, int]]], asked: list[int]
) -> None:
    found, plain = Departures(), {}
    for batch in told:
        unique = dict(batch)
        plain |= unique
        found.add(
            np.array(list(unique), dtype=np.int64), np.array(list(unique.values()), dtype=np.int64)
        )
    assert bool(found) == bool(plain)
    wanted = np.array(asked, dtype=np.int64)
    known = [plain.get(each, 0) for each in asked]
    assert found.of(wanted).tolist() == known
    lately = found.lately(wanted).tolist()
    assert all(one in {0, other} for one, other in zip(lately, known, strict=True))
    assert found.newest == max(plain, default=-1)


def test_what_was_told_lately_is_at_hand_and_what_was_told_long_ago_is_not() -> None:
    found = Departures()
    for second in range(60):
        first = 10 * second
        found.add(np.arange(first, first + 10), np.full(10, (second + 1) * 10**9))
    told = found.lately(np.arange(600))
    assert told[500:].tolist() == [(at // 10 + 1) * 10**9 for at in range(500, 600)]
    assert not told[:400].any()


def test_a_sequence_beyond_every_session_takes_no_memory() -> None:
    found = Departures()
    found.add(np.array([MOST, 2**32 - 1, -1]), np.array([1, 2, 3]))
    assert not found
    assert found.of(np.array([3])).tolist() == [0]
