"""How a full mesh is held by this machine: `python tests/benchmarks/mesh.py [SITES[@RATE]…] [-o FILE]` prints a table.

Each column is one run of `benchkit run guizhou-47 --sites N`, 10 packets/s on every path or what stands behind its @:
how soon all probes had sent their first packet, how late they and the emulator's switch were, what the round trips were
off the model, how busy the machine was and with what, and what the page of it takes. Cores are those that the switch, the
sites' reflectors, their senders and the campaign itself took while round trips were measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
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
    *("line late p50/p95/p99 us", "p50 off model ms", "lost", "busy %"),
    *("cores switch/refl/send/run", "judged s", "page s / MB"),
)
SETTLING_S = 3
RATE = "10/s"
TICK = os.sysconf("SC_CLK_TCK")
Times = dict[int, tuple[str, int, float]]


def times() -> Times:
    """Name, parent and seconds of processor time of every process, by its number."""
    found: Times = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                head, _, rest = (entry / "stat").read_text().rpartition(")")
            except OSError:
                continue
            fields = rest.split()
            used = (int(fields[11]) + int(fields[12])) / TICK
            found[int(entry.name)] = head.partition("(")[2], int(fields[1]), used
    return found


class Watch(threading.Thread):
    """Looks at all processes twice a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[int, Times]] = []

    def run(self) -> None:
        while True:
            self.seen.append((time.monotonic_ns(), times()))
            time.sleep(0.5)

    def cores(self, campaign: int, began_ns: int, seconds: float) -> str:
        """What each part took of a phase that began then, in cores."""
        first, last = began_ns + SETTLING_S * 10**9, began_ns + round(seconds * 1e9)
        during = [(at, found) for at, found in self.seen if first <= at <= last]
        before = next((found for at, found in reversed(self.seen) if at < began_ns), {})
        if len(during) < 2:
            return "-"
        (begin, at_first), (end, at_last) = during[0], during[-1]
        took = dict.fromkeys(("switch", "reflectors", "senders", "campaign"), 0.0)
        for pid in descendants(at_last, campaign):
            name, _, used = at_last[pid]
            role = "campaign" if pid == campaign else "senders"
            if name.startswith("benchkit line"):
                role = "switch"
            elif role == "senders" and pid in before:
                role = "reflectors"
            took[role] += used - at_first.get(pid, ("", 0, 0.0))[2]
        return " / ".join(f"{each * 1e9 / (end - begin):.2f}" for each in took.values())


def descendants(found: Times, root: int) -> set[int]:
    """A process and all that it started, with what those started."""
    ours = {root}
    while more := {pid for pid, (_, parent, _) in found.items() if parent in ours} - ours:
        ours |= more
    return ours & found.keys()


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
    told: list[tuple[int, str]] = []
    # A file: the record of a mesh is larger than a pipe, and the notes are read first.
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchkit", *words],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
        watch = Watch()
        watch.start()
        assert process.stderr is not None
        for line in process.stderr:
            told.append((time.monotonic_ns(), line))
            print("   ", line, end="", file=sys.stderr)  # noqa: T201  a table is what it is for
        process.wait()
        took = (time.monotonic_ns() - began) / 1e9
        out.seek(0)
        record = json.load(out)
    cores = watch.cores(process.pid, _began(told), seconds)
    return _row(sites, record, results, told, took, cores), "; ".join(record.get("unfit", []))


def _began(told: list[tuple[int, str]]) -> int:
    """When round trips were begun."""
    lines = (at for at, line in told if "round trips, idle" in line and "/" in line[:4])
    return next(lines, 0)


def _row(
    sites: int,
    record: dict[str, Any],
    results: Path,
    told: list[tuple[int, str]],
    took: float,
    cores: str,
) -> list[str]:
    rows = read_samples(list_runs(results)[-1], "rtt")
    idle = [each for each in rows if each.phase == "idle"]
    instrument = record["instrument"]
    late = np.concatenate(
        [(each.columns["sent_ns"] - each.columns["due_ns"]).data for each in idle]
    )
    phase_began = _began(told)
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
    line = " / ".join(
        f"{instrument.get(f'line_lateness_p{share}_us', 0):.0f}" for share in (50, 95, 99)
    )
    seconds = record["duration_s"]
    return [
        str(sites), str(len(record["paths"])), f"{due / _span(idle):.0f}", record["verdict"],
        f"{took - seconds:.1f}", f"{(max(firsts) - phase_began) / 1e9:.2f}",
        f"{fifty:.2f} / {most:.2f} / {tail:.2f}", line,
        f"{np.median(off):+.3f} ({min(off):+.3f}..{max(off):+.3f})", f"{lost} of {due}",
        f"{instrument.get('cpu_busy_percent', 0):.0f}", cores, f"{(kept - last_phase) / 1e9:.1f}",
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


def markdown(table: list[list[str]], notes: list[str]) -> str:
    """The same to be kept."""
    head, *rows = (f"| {' | '.join(row)} |" for row in zip(*table, strict=True))
    again = f"`python tests/benchmarks/mesh.py {' '.join(sys.argv[1:])}`"
    said = f"{os.cpu_count()} cores; remade by {again}. Each column is a run of `benchkit run guizhou-47`; "
    said += "what each row says stands at the head of that program."
    lines = ["# A full mesh on one machine", "", said, "", head, "|--" * len(table) + "|", *rows]
    lines += ["", *(f"{note}  " for note in notes)]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sites", nargs="*", default=["12", "24", "47", "47@5/s"])
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    table = [list(HEADER)]
    notes = []
    for word in asked.sites:
        sites, _, rate = word.partition("@")
        with tempfile.TemporaryDirectory() as folder:
            row, unfit = measured(int(sites), rate or RATE, asked.seconds, Path(folder))
        table.append(row)
        notes.append(f"{word}: {unfit or 'nothing was unfit'}")
    for row in zip(*table, strict=True):
        print(f"{row[0]:26}", *(f"{cell:>32}" for cell in row[1:]))  # noqa: T201  a table is what it is for
    print(*notes, sep="\n")  # noqa: T201  a table is what it is for
    if asked.output is not None:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        asked.output.write_text(markdown(table, notes))


if __name__ == "__main__":
    main()
