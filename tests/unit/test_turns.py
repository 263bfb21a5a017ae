"""Two sides in turns: what changes from turn to turn costs an interleaved comparison nothing."""

from __future__ import annotations

import numpy as np
import pytest
from comparisons import level

from benchkit.stats.difference import difference
from benchkit.stats.replicates import Replicate


def in_turns(
    turns: int, more: float, wander: float, seed: int
) -> tuple[list[Replicate], list[Replicate]]:
    """Runs of both sides in turns of base, candidate, candidate, base, on a machine that wanders from turn to turn."""
    rng = np.random.default_rng(seed)
    base, candidate = [], []
    for _ in range(turns):
        middle = 8.5 + wander * rng.standard_normal()
        first, second, third, fourth = middle + 0.02 * rng.standard_normal(4)
        base += [level(first), level(fourth)]
        candidate += [level(second + more), level(third + more)]
    return base, candidate


def test_what_changes_from_turn_to_turn_costs_an_interleaved_comparison_nothing() -> None:
    sides = in_turns(5, 0.4, wander=1.0, seed=1)
    alternated, apart = difference(*sides, turns=5), difference(*sides)
    assert (alternated.method, apart.method) == ("interleaved", "runs")
    found, unaware = alternated.interval(0.95), apart.interval(0.95)
    assert found.value == unaware.value == pytest.approx(0.4, abs=0.03)
    assert 5 * (found.high - found.low) < unaware.high - unaware.low


def test_an_interleaved_comparison_of_a_thing_with_itself_keeps_its_level() -> None:
    wrong = sum(
        not found.low <= 0 <= found.high
        for seed in range(1000)
        if (found := difference(*in_turns(3, 0.0, wander=1.0, seed=seed), turns=3).interval(0.95))
    )
    assert 25 <= wrong <= 75


def test_turns_that_are_not_whole_are_compared_run_by_run() -> None:
    base, candidate = in_turns(3, 0.0, wander=0.0, seed=1)
    assert difference(base[1:], candidate, turns=3).method == "runs"
    assert difference(base[:2], candidate[:2], turns=1).method == "blocks"
