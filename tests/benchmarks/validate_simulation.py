"""How near the simulator comes to an emulated path: `python tests/benchmarks/validate_simulation.py`.

Each cell is one TCP stream through the emulator, its goodput after the ramp beside the prediction for the same
rate, round trip, loss and buffer. Losses are rare and fall as they fall, so a prediction is the median over seeds, a
measurement the median over streams, each with its range. What was measured is kept in results/published/simulation
and not measured again; --again forgets it, --for bounds the time. It ends with how many cells came within 10 % and 25 %.
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path as File

import numpy as np

sys.path.append(str(File(__file__).parents[1]))

from emulated import ms
from simulation_cells import SECONDS, SKIP_S, Cell, cells
from simulation_measured import Book, Stream, measure

from benchkit.clock import NS_PER_S
from benchkit.emulators.choice import EMULATORS
from benchkit.linux import process
from benchkit.planning.simulation import Scenario, simulate

NEAR, FAR = 0.10, 0.25
ENOUGH, FEW = 0.80, 2
SEEDS = 15
PUBLISHED = File(__file__).parents[2] / "results" / "published" / "simulation"


@dataclass(frozen=True)
class Compared:
    """One cell: what its streams reached, and what was predicted for each seed, in Mbit/s."""

    cell: Cell
    streams: Sequence[Stream]
    predicted: Sequence[float]

    @property
    def smooth(self) -> list[Stream]:
        """The streams whose line never stood still for longer than their queue holds, if there are any."""
        found = [stream for stream in self.streams if stream.stall_ms <= self.cell.queue_ms]
        return found or list(self.streams)

    @property
    def stalled(self) -> bool:
        """Whether the machine held up the line in every stream, for longer than the queue holds."""
        return all(stream.stall_ms > self.cell.queue_ms for stream in self.streams)

    @property
    def rates(self) -> list[float]:
        """What the streams reached that count."""
        return [stream.goodput_mbps for stream in self.smooth]

    @property
    def measured(self) -> float:
        """The median over the streams."""
        return statistics.median(self.rates)

    @property
    def error(self) -> float:
        """Predicted over measured, less one."""
        return statistics.median(self.predicted) / self.measured - 1

    @property
    def scatters(self) -> bool:
        """Whether streams of this one cell differ by more than what is asked of a prediction."""
        return max(self.rates) - min(self.rates) > NEAR * self.measured


def predicted_mbps(cell: Cell, seed: int) -> float:
    """The simulator's goodput after the ramp."""
    scenario = Scenario(
        rate_bps=cell.rate_bps,
        rtt_ns=ms(cell.rtt_ms),
        buffer_octets=cell.buffer_octets,
        loss=cell.loss,
        congestion=cell.congestion,
        offload_octets=cell.offload_octets,
        duration_ns=round(SECONDS * NS_PER_S),
        skip_ns=round(SKIP_S * NS_PER_S),
        seed=seed,
    )
    return simulate(scenario).goodput_bps / 1e6


def compared(chosen: Sequence[Cell], book: Book, seeds: int) -> Iterator[Compared]:
    """Each cell that was measured, with its predictions: without loss nothing is drawn, and one is enough."""
    measured = [cell for cell in chosen if book.of(cell)]
    with ProcessPoolExecutor() as pool:
        asked = {
            cell: [
                pool.submit(predicted_mbps, cell, seed)
                for seed in range(seeds if cell.loss or cell.congestion == "bbr" else 1)
            ]
            for cell in measured
        }
        for cell, futures in asked.items():
            yield Compared(cell, book.of(cell), [each.result() for each in futures])


HEADER = (
    "control", "Mbit/s", "RTT ms", "loss", "buffer BDP", "measured", "range", "streams", "predicted", "range", "error", "",
)  # fmt: skip


def row(found: Compared) -> tuple[str, ...]:
    cell = found.cell
    verdict = "" if abs(found.error) <= NEAR else "> 10 %" if abs(found.error) <= FAR else "> 25 %"
    said = [verdict] if verdict else []
    if found.scatters:
        said.append("scatters")
    if found.stalled:
        said.append("host stalled")
    return (
        cell.congestion,
        str(cell.rate_mbps),
        str(cell.rtt_ms),
        f"{cell.loss:g}",
        f"{cell.buffer_bdp:g}",
        f"{found.measured:.2f}",
        f"{min(found.rates):.2f}..{max(found.rates):.2f}",
        str(len(found.rates)),
        f"{statistics.median(found.predicted):.2f}",
        f"{min(found.predicted):.2f}..{max(found.predicted):.2f}",
        f"{100 * found.error:+.1f} %",
        ", ".join(said),
    )


def conclusion(done: Sequence[Compared]) -> str:
    errors = np.abs([found.error for found in done])
    near, far = int((errors <= NEAR).sum()), int((errors > FAR).sum())
    return (
        f"{near} of {len(done)} cells within 10 % ({100 * near / len(done):.0f} %, must be {100 * ENOUGH:.0f} %), "
        f"{far} beyond 25 % (must be {FEW} or fewer); median error {100 * float(np.median(errors)):.1f} %"
    )


def markdown(done: Sequence[Compared], said: str) -> str:
    lines = [
        "# Simulated against emulated", "", said, "",
        (
            f"Goodput in Mbit/s from second {SKIP_S:g} to {SECONDS:g} of one stream; remade by "
            "`python tests/benchmarks/validate_simulation.py`. What was measured is in `measured.json`. "
            "Measured and predicted are medians over streams and seeds, with their ranges. `scatters`: streams of the one "
            "cell differ by more than 10 %. A stream counts where the line never stood still for longer than its queue "
            "holds; `host stalled`: it did in all of them, so all count."
        ), "",
    ]  # fmt: skip
    lines += [f"| {' | '.join(HEADER)} |", "|" + "--|" * len(HEADER)]
    lines += [f"| {' | '.join(row(found))} |" for found in done]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emulator", choices=list(EMULATORS), default="userspace")
    parser.add_argument("--congestion", nargs="+", default=["cubic"], choices=["cubic", "reno", "bbr"])  # fmt: skip
    parser.add_argument("--for", dest="seconds", type=float, default=math.inf, help="of measuring")
    parser.add_argument(
        "--only", default="", help="measure only cells whose names have this in them"
    )
    parser.add_argument("--again", action="store_true", help="measure everything anew")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--quick", action="store_true", help="every seventh cell")
    parser.add_argument("-o", "--output", type=File, default=PUBLISHED)
    words = parser.parse_args()
    process.warm_up(["benchkit.probes.door", "benchkit.emulators.line"])
    chosen = list(cells(words.congestion, quick=words.quick))
    file = words.output / "measured.json"
    if words.again:
        file.unlink(missing_ok=True)
    book = Book(file)
    wanted = [cell for cell in chosen if words.only in cell.name]
    for line in measure(words.emulator, wanted, book, words.seconds):
        print(line, file=sys.stderr, flush=True)
    print("  ".join(f"{word:>12}" for word in HEADER).rstrip())
    done = []
    for found in compared(chosen, book, words.seeds):
        done.append(found)
        print("  ".join(f"{word:>12}" for word in row(found)).rstrip(), flush=True)
    if not done:
        sys.exit("nothing measured yet: give --for more seconds")
    said = conclusion(done)
    print(said)
    (words.output / "table.md").write_text(markdown(done, said), encoding="utf-8")


if __name__ == "__main__":
    main()
