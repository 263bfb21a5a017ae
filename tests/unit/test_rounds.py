"""Rounds of a mesh: no site twice in one, every pair once in all, and hardly more of them than there must be."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchkit.planning.rounds import Pair, rounds

SITES = [f"site-{number}" for number in range(14)]
MESHES = st.lists(st.sampled_from(list(combinations(SITES, 2))), unique=True, max_size=91)


def least(pairs: list[Pair]) -> int:
    """No colouring has fewer than the busiest site has pairs."""
    return max(Counter(site for pair in pairs for site in pair).values(), default=0)


def check(pairs: list[Pair]) -> None:
    found = rounds(pairs)
    assert sorted(pair for one in found for pair in one) == sorted(pairs)
    for one in found:
        assert len({site for pair in one for site in pair}) == 2 * len(one)


@settings(max_examples=300, deadline=None)
@given(MESHES, st.randoms(use_true_random=False))
def test_any_mesh_takes_at_most_one_round_more_than_its_busiest_site_has_pairs(
    pairs: list[Pair], random: object
) -> None:
    random.shuffle(pairs)  # type: ignore[attr-defined]
    check(pairs)
    assert least(pairs) <= len(rounds(pairs)) <= least(pairs) + 1 or not pairs


@pytest.mark.parametrize("count", range(2, 49))
def test_a_full_mesh_takes_as_few_rounds_as_can_be(count: int) -> None:
    pairs = list(combinations([f"site-{number}" for number in range(count)], 2))
    check(pairs)
    assert len(rounds(pairs)) == (count - 1 if count % 2 == 0 else count)


def test_a_full_mesh_with_one_pair_less_keeps_the_bound() -> None:
    for count in (5, 8, 13):
        pairs = list(combinations(SITES[:count], 2))[1:]
        check(pairs)
        assert len(rounds(pairs)) <= least(pairs) + 1


def test_a_pair_and_its_reverse_are_one() -> None:
    assert rounds([("a", "b"), ("b", "a"), ("c", "d")]) == [[("a", "b"), ("c", "d")]]


def test_no_pair_takes_no_round() -> None:
    assert rounds([]) == []
