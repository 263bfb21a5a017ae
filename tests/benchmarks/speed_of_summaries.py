"""Print how long summaries and comparisons take, and how much memory, beside what numpy and scipy need for less.

    python tests/benchmarks/speed_of_summaries.py

Each row is a process of its own, so that its peak is its own, interpreter and input included; the time is that of the work
alone. The goals: a summary of 10 million samples with intervals under 2 s and 400 MB; `benchkit compare` of two runs of a
million packets under 5 s, the whole command.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TESTS = Path(__file__).parents[1]
MANY, MILLION = 10_000_000, 1_000_000


def latencies_ns(seed: int, n: int) -> NDArray[np.float64]:
    """Round trips of 8 ms and a tail; one in a thousand is lost."""
    rng = np.random.default_rng(seed)
    values = rng.standard_exponential(n)
    values *= 1e5
    values += 8e6
    values[rng.random(n) < 0.001] = np.inf
    return values


def summary() -> Callable[[], object]:
    from benchkit.stats.latency import latency_metric  # noqa: PLC0415  each row its own imports

    values = latencies_ns(1, MANY)
    return lambda: latency_metric("rtt", "idle", values)


def bare_numpy() -> Callable[[], object]:
    values = latencies_ns(1, MANY)
    return lambda: np.percentile(values, [50, 90, 95, 99, 99.9, 100], method="inverted_cdf")


def compare() -> Callable[[], object]:
    sys.path.append(str(TESTS))
    from synthetic_runs import write  # noqa: PLC0415  as above

    folder = Path(tempfile.mkdtemp())
    names = [write(folder, seed, latencies_ns(seed, MILLION) / 1e6) for seed in (1, 2)]
    words = ["compare", *names, "--results", str(folder)]
    return lambda: subprocess.run(
        [sys.executable, "-m", "benchkit", *words], check=True, stdout=subprocess.DEVNULL
    )


def mann_whitney() -> Callable[[], object]:
    from scipy.stats import mannwhitneyu  # noqa: PLC0415  as above

    sides = [latencies_ns(seed, MILLION) for seed in (1, 2)]
    return lambda: mannwhitneyu(*sides)


ROWS: dict[str, Callable[[], Callable[[], object]]] = {
    "summary of 10 million, with intervals": summary,
    "numpy.percentile of 10 million, without": bare_numpy,
    "benchkit compare, two runs of a million": compare,
    "scipy Mann-Whitney, two times a million": mann_whitney,
}


def measure(name: str) -> None:
    """One row, in this process: seconds and peak MiB, of children too."""
    work = ROWS[name]()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    who = resource.RUSAGE_CHILDREN if ROWS[name] is compare else resource.RUSAGE_SELF
    print(f"{name:<42}{seconds:8.2f}{resource.getrusage(who).ru_maxrss / 1024:10.0f}")  # noqa: T201


def main() -> None:
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    print(f"{'':<42}{'s':>8}{'peak MiB':>10}", flush=True)  # noqa: T201
    for name in ROWS:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
