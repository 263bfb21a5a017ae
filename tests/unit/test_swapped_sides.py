"""A run has one interval, whichever side it stands on, and swapped sides turn a difference round and no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic_runs import write

from benchkit.campaign.comparing import compare_runs, load_measured
from benchkit.model.comparison import Cell


def spiked(seed: int, share: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A path of 8.5 ms on which a few packets in bursts are late: its p99 is known upwards far less than downwards."""
    rng = np.random.default_rng(seed)
    late = np.repeat(rng.random(200) < share, 10)
    return 8.5 + 0.05 * rng.standard_normal(2000) + late * rng.exponential(3.0, 2000)


def both_ways(results: Path) -> tuple[dict[str, Cell], dict[str, Cell]]:
    one, other = (write(results, at, spiked(at, 0.01 + 0.01 * at)) for at in (1, 2))
    runs = [load_measured(results, [name]) for name in (one, other)]
    ways = (compare_runs(*runs), compare_runs(*reversed(runs)))
    there, back = ({each.statistic: each for each in way.cells} for way in ways)
    return there, back


def test_a_run_in_a_comparison_has_the_interval_of_its_report(tmp_path: Path) -> None:
    there, back = both_ways(tmp_path)
    for run, ours, theirs in ((1, there, back), (2, back, there)):
        (found,) = load_measured(tmp_path, [f"20261123T10{run:02d}"])
        metric = found.record.paths[0].metrics[0]
        for statistic, reported in (*metric.percentiles.items(), ("loss", metric.loss)):
            if statistic in ours:
                assert ours[statistic].base == reported
                assert theirs[statistic].candidate == reported


def test_swapped_sides_turn_every_difference_round(tmp_path: Path) -> None:
    there, back = both_ways(tmp_path)
    assert {"p50", "p99", "loss"} < there.keys()
    for statistic, cell in there.items():
        found, turned = cell.difference, back[statistic].difference
        assert found is not None
        assert turned is not None
        assert (found.value, found.low, found.high) == pytest.approx(
            tuple(None if end is None else -end for end in (turned.value, turned.high, turned.low))
        )
