"""Ten million samples: all percentiles with intervals, beside plain numpy without any.

The goal is under 2 s and 400 MB.
"""

from __future__ import annotations

import resource

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from benchkit.model.target import PERCENTILES
from benchkit.stats.percentiles import percentile_intervals

SAMPLES = 10_000_000


@pytest.fixture(scope="module")
def latencies_ns() -> NDArray[np.float64]:
    rng = np.random.default_rng(1)
    values = rng.standard_exponential(SAMPLES)
    values *= 1e5
    values += 8e6
    values[rng.random(SAMPLES) < 0.001] = np.inf
    return values


@pytest.mark.benchmark(group="percentiles of 10 million samples")
def test_percentiles_with_their_intervals(
    benchmark: BenchmarkFixture, latencies_ns: NDArray[np.float64]
) -> None:
    found = benchmark(percentile_intervals, latencies_ns, PERCENTILES)
    # The peak of the whole process: interpreter, numpy, and the samples themselves.
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    benchmark.extra_info["peak_mib"] = peak_mib
    print(f"peak of the process: {peak_mib} MiB")  # noqa: T201
    assert found["p99"].low <= found["p99"].value <= found["p99"].high


@pytest.mark.benchmark(group="percentiles of 10 million samples")
def test_plain_numpy_percentiles(
    benchmark: BenchmarkFixture, latencies_ns: NDArray[np.float64]
) -> None:
    shares = [50, 90, 95, 99, 99.9, 100]
    found = benchmark(np.percentile, latencies_ns, shares, method="inverted_cdf")
    assert found[0] < found[3]
