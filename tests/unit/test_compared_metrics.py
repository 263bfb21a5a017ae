"""Datagrams, completion and workloads are compared like latencies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sample_records import passing

from benchkit.campaign.comparing import StoredRun, compare_runs
from benchkit.model.record import Estimate, Metric
from benchkit.reports.comparison import render_comparison


def udp(rate: float, lost: int, jitter: float) -> Metric:
    return Metric(
        metric="udp",
        phase="up",
        unit="Mbit/s",
        n=1000,
        lost=lost,
        estimate=Estimate(rate, rate - 0.1, rate + 0.1),
        details={"jitter_ms": jitter, "dropped_by_the_receiving_host": 100},
    )


def stored(number: int, *metrics: Metric) -> StoredRun:
    made = passing()
    path = replace(made.paths[0], metrics=metrics, verdicts=())
    run = f"20261126T00000{number}Z-x-0000"
    return StoredRun(replace(made, run=run, paths=(path,)), Path(run))


def test_datagrams_and_completion_are_compared_like_the_rest() -> None:
    """Their rate by its interval, from one run; what has none within a run, by how runs differ."""

    def completion(seconds: float) -> Metric:
        return Metric("completion", "train", "s", n=3, estimate=Estimate(seconds))

    def side(first: int, rate: float, lost: int, seconds: float, runs: int) -> list[StoredRun]:
        return [
            stored(first + at, udp(rate, lost, 0.02), completion(seconds + 0.01 * at))
            for at in range(runs)
        ]

    alone = compare_runs(side(0, 10, 0, 2.0, 1), side(5, 8, 90, 4.0, 1))
    words = {(cell.metric, cell.statistic): (cell.word, cell.gated) for cell in alone.cells}
    assert words["udp", "mean"] == ("regression", True)
    assert words["udp", "loss"] == ("no difference seen", False)
    assert words["completion", "mean"] == ("no difference seen", False)
    many = compare_runs(side(0, 10, 0, 2.0, 3), side(5, 10, 90, 4.0, 3))
    found = {(cell.metric, cell.statistic): cell for cell in many.cells}
    assert found["udp", "mean"].word == "no difference seen"
    assert found["udp", "loss"].word == "regression"
    assert found["udp", "loss"].unit == "%"
    loss = found["udp", "loss"].candidate
    assert loss is not None
    assert loss.value == 10.0  # of 900: the host dropped the rest
    assert found["udp", "jitter"].unit == "ms"
    assert not found["udp", "jitter"].gated
    assert (found["completion", "mean"].word, found["completion", "mean"].gated) == ("regression", True)  # fmt: skip
    text = render_comparison(many, "text")
    assert "UDP, up, Mbit/s" in text
    assert "completion, train, s" in text
    assert "jitter, ms" in text


def test_a_workload_that_did_not_end_is_missing_and_fails_a_gate() -> None:
    ended = Metric("completion", "train", "s", n=3, estimate=Estimate(2.0))
    base = [stored(at, ended) for at in range(3)]
    (cell,) = compare_runs(base, [stored(5, replace(ended, lost=1, estimate=None))]).cells
    assert (cell.missing, cell.gated) == ("candidate", True)
