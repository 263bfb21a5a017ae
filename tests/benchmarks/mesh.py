"""How a full mesh is held by this machine: `python tests/benchmarks/mesh.py [SITES…]` prints a row for each size.

Each row is one run of `benchkit run guizhou-47 --sites N` (10 packets/s on every path unless `--rate` says otherwise):
how soon all probes had sent their first packet, how late they and the emulator's switch were, what the round trips were
off the model, how busy the machine was, and what the page of it takes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchkit.store import list_runs, read_samples

HEADER = (
    *(
        "sites",
        "paths",
        "packets/s",
        "verdict",
        "up and down s",
        "all begun s",
        "sent late p50/p95/p99 ms",
    ),
    *("line late p50/p99 us", "p50 off model ms", "lost", "busy %", "judged s", "page s / MB"),
)


def measured(sites: int, rate: str, seconds: int, results: Path) -> tuple[list[str], str]:
    """A row, and what the run said if it was unfit."""
    words = [
        "run",
        "guizhou-47",
        "--sites",
        str(sites),
        "--rate",
        rate,
        "--duration",
        f"{seconds}s",
    ]
    words += ["--results", str(results), "--format", "json"]
    began = time.monotonic_ns()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchkit", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    told: list[tuple[int, str]] = []
    assert process.stderr is not None
    for line in process.stderr:
        told.append((time.monotonic_ns(), line))
        print("   ", line, end="", file=sys.stderr)  # noqa: T201  a table is what it is for
    out = process.stdout.read() if process.stdout else ""
    took = (time.monotonic_ns() - began) / 1e9
    process.wait()
    record = json.loads(out)
    return _row(sites, record, results, told, took), "; ".join(record.get("unfit", []))


def _row(
    sites: int, record: dict[str, Any], results: Path, told: list[tuple[int, str]], took: float
) -> list[str]:
    rows = read_samples(list_runs(results)[-1], "rtt")
    idle = [each for each in rows if each.phase == "idle"]
    instrument = record["instrument"]
    late = np.concatenate(
        [(each.columns["sent_ns"] - each.columns["due_ns"]).data for each in idle]
    )
    phase_began = next(
        (at for at, line in told if "round trips, idle" in line and "/" in line[:4]), 0
    )
    firsts = [int(each.columns["sent_ns"].data[0]) for each in idle]
    metrics = [path["metrics"][0] for path in record["paths"] if path["metrics"]]
    off = [
        metric["percentiles"]["p50"]["value"] - metric["model"]
        for metric in metrics
        if metric["percentiles"]["p50"].get("value")
    ]
    lost, due = sum(m["lost"] for m in metrics), sum(m["n"] for m in metrics)
    last_phase = max((at for at, line in told if line[:1].isdigit()), default=0)
    kept = next((at for at, line in told if line.startswith("kept in")), 0)
    page, octets = _page(record["run"], results)
    fifty, most, tail = np.quantile(late, (0.5, 0.95, 0.99)) / 1e6
    line = f"{instrument.get('line_lateness_p50_us', 0):.0f} / {instrument.get('line_lateness_p99_us', 0):.0f}"
    seconds = record["duration_s"]
    return [
        str(sites), str(len(record["paths"])), f"{due / _span(idle):.0f}", record["verdict"],
        f"{took - seconds:.1f}", f"{(max(firsts) - phase_began) / 1e9:.2f}",
        f"{fifty:.2f} / {most:.2f} / {tail:.2f}", line,
        f"{np.median(off):+.3f} ({min(off):+.3f}..{max(off):+.3f})", f"{lost} of {due}",
        f"{instrument.get('cpu_busy_percent', 0):.0f}", f"{(kept - last_phase) / 1e9:.1f}",
        f"{page:.1f} / {octets / 1e6:.1f}",
    ]  # fmt: skip


def _span(idle: list[Any]) -> float:
    first = min(int(each.columns["due_ns"].data[0]) for each in idle)
    last = max(int(each.columns["due_ns"].data[-1]) for each in idle)
    return max((last - first) / 1e9, 1e-9)


def _page(run: str, results: Path) -> tuple[float, int]:
    words = ["report", run, "--results", str(results), "--format", "html"]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "benchkit", *words], capture_output=True, check=True
    )
    return time.monotonic() - began, len(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sites", type=int, nargs="*", default=[12, 24, 47])
    parser.add_argument("--rate", default="10/s")
    parser.add_argument("--seconds", type=int, default=30)
    asked = parser.parse_args()
    table = [list(HEADER)]
    notes = []
    for sites in asked.sites:
        with tempfile.TemporaryDirectory() as folder:
            row, unfit = measured(sites, asked.rate, asked.seconds, Path(folder))
        table.append(row)
        notes += [f"{sites} sites: {unfit}"] if unfit else []
    for row in zip(*table, strict=True):
        print(f"{row[0]:26}", *(f"{cell:>32}" for cell in row[1:]))  # noqa: T201  a table is what it is for
    print(*notes, sep="\n")  # noqa: T201  a table is what it is for


if __name__ == "__main__":
    main()
