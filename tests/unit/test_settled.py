"""What a phase came to, as it is told in passing: the report's own figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_runs import jitter, rtt_samples

from benchkit.campaign.live import SHOWN, latencies_ns, settled
from benchkit.cli import progress
from benchkit.clock import NS_PER_MS
from benchkit.model.record_json import significant
from benchkit.model.samples import Samples, column
from benchkit.stats.percentiles import percentile_intervals


def losing(share: float) -> Samples:
    rows = rtt_samples(jitter(1, n=200))
    lost = np.arange(200) < share * 200
    names = ("received_ns", "t2_ns", "t3_ns", "t4_ns")
    holes = {name: column(rows.columns[name].data, lost) for name in names}
    return replace(rows, columns={**rows.columns, **holes})


@pytest.mark.parametrize("share", [0, 0.02, 0.3, 1])
def test_its_percentiles_are_those_of_the_report(share: float) -> None:
    rows = losing(share)
    found, moved = percentile_intervals(latencies_ns(rows), SHOWN), settled(rows)
    reached = {
        name: significant(each.value / NS_PER_MS)
        for name, each in found.items()
        if each.value < np.inf
    }
    assert moved.percentiles_ms == reached
    assert (moved.settled, moved.lost, moved.unmeasured) == (200, share * 200, 0)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "p99 "),
        (0.02, " ms, p99 lost"),
        (0.3, " ms, p95 lost"),
        (0.6, ", p50 lost"),
        (1, ", no answer"),
    ],
)
def test_the_lowest_that_is_lost_tells_of_those_above_it(
    share: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.progress() as observe:
        observe(settled(losing(share)))
    line = capsys.readouterr().err.rstrip()
    assert said in line
    assert line.endswith(said) == (share > 0)
    assert "lost ms" not in line
