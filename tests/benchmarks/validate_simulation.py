"""How near the simulator comes to an emulated path: `python tests/benchmarks/validate_simulation.py [--quick]`.

Each cell is one TCP stream through the emulator, its goodput after the ramp beside the prediction for the same
rate, round trip, loss and buffer. Random losses make both vary, so a prediction is the mean over seeds, and a
measurement the mean over rounds. It ends with how many cells came within 10 % and 25 %; with -o as Markdown.
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import argparse
import itertools
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as File

import numpy as np

sys.path.append(str(File(__file__).parents[1]))

from emulated import Emulated, both_ways, emulated, ms, probed

from benchkit.clock import NS_PER_S
from benchkit.emulators.choice import EMULATORS
from benchkit.linux import process
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.spec import StreamServerSpec, TcpSpec
from benchkit.planning.framing import Framing
from benchkit.planning.simulation import Scenario, simulate
from benchkit.planning.window import bdp_bits

RATES_MBPS = (10, 100, 500, 1000)
RTTS_MS = (10, 16)
LOSSES = (0.0, 1e-4, 1e-3, 1e-2)
BUFFERS_BDP = (0.25, 1.0, 4.0)
NEAR, FAR = 0.10, 0.25
SEEDS = 8
RAMP_S = 1.0  # of both: what comes before is not compared


@dataclass(frozen=True)
class Cell:
    """One path and one congestion control; what was predicted and measured, in Mbit/s over the rounds."""

    rate_mbps: int
    rtt_ms: int
    loss: float
    buffer_bdp: float
    congestion: str
    predicted: tuple[float, ...] = ()
    measured: tuple[float, ...] = ()

    @property
    def rate_bps(self) -> int:
        return self.rate_mbps * 1_000_000

    @property
    def buffer_octets(self) -> int:
        """At least one packet: a queue that holds none passes none."""
        bdp = bdp_bits(self.rate_bps, ms(self.rtt_ms)) / 8
        return max(round(self.buffer_bdp * bdp), Framing().wire_octets)

    @property
    def model(self) -> PathModel:
        """Loss and queue on the way there; the way back is clean, as in the simulator."""
        half = ms(self.rtt_ms / 2)
        there = Direction(half, loss=self.loss)
        return both_ways(
            there, Direction(half), rate_bps=self.rate_bps, buffer_octets=self.buffer_octets
        )

    @property
    def error(self) -> float:
        """Predicted over measured, less one."""
        return statistics.mean(self.predicted) / statistics.mean(self.measured) - 1


def predicted_mbps(cell: Cell, seconds: float, seed: int) -> float:
    """The simulator's goodput after the ramp."""
    scenario = Scenario(
        rate_bps=cell.rate_bps,
        rtt_ns=ms(cell.rtt_ms),
        buffer_octets=cell.buffer_octets,
        loss=cell.loss,
        congestion=cell.congestion,
        duration_ns=round(seconds * NS_PER_S),
        skip_ns=round(RAMP_S * NS_PER_S),
        seed=seed,
    )
    return simulate(scenario).goodput_bps / 1e6


def measured_mbps(running: Emulated, cell: Cell, seconds: float) -> float:
    """One stream between our own probes; octets that arrived after the ramp over the time they took."""

    def spec(path: Path, address: str, port: int, _: int) -> TcpSpec:
        lasts = round(seconds * NS_PER_S)
        return TcpSpec(
            path.name,
            "up",
            address,
            port,
            direction="up",
            duration_ns=lasts,
            congestion=cell.congestion,
        )

    running.apply(cell.model)
    (rows,) = probed(running, [0], StreamServerSpec, spec, "goodput")
    start, end, octets = (rows.columns[name].data for name in ("start_ns", "end_ns", "octets"))
    # The last interval drains the queue while nothing is sent any more.
    keep = (start >= start[0] + RAMP_S * NS_PER_S) & (end <= start[0] + seconds * NS_PER_S)
    lasted_s = float((end - start)[keep].sum()) / NS_PER_S
    return float(octets[keep].sum()) * 8 / lasted_s / 1e6


def cells(congestions: Sequence[str], *, quick: bool) -> Iterator[Cell]:
    """All of the table; `quick` takes every seventh, which still meets each rate, loss and buffer."""
    every = itertools.product(congestions, RATES_MBPS, RTTS_MS, LOSSES, BUFFERS_BDP)
    for congestion, rate, rtt, loss, buffer in itertools.islice(every, 0, None, 7 if quick else 1):
        yield Cell(rate, rtt, loss, buffer, congestion)


def compared(emulator: str, cell: Cell, seconds: float, rounds: int) -> Cell:
    """The cell with its prediction and its measurement."""
    measured = []
    for seed in range(1, rounds + 1):
        with emulated(emulator, [cell.model], seed=seed) as running:
            measured.append(measured_mbps(running, cell, seconds))
    predicted = [predicted_mbps(cell, seconds, seed) for seed in range(SEEDS if cell.loss else 1)]
    return replace(cell, predicted=tuple(predicted), measured=tuple(measured))


HEADER = (
    "control",
    "Mbit/s",
    "RTT ms",
    "loss",
    "buffer BDP",
    "measured",
    "range",
    "predicted",
    "error",
    "",
)


def row(cell: Cell) -> tuple[str, ...]:
    low, high = min(cell.measured), max(cell.measured)
    verdict = "" if abs(cell.error) <= NEAR else "> 10 %" if abs(cell.error) <= FAR else "> 25 %"
    return (
        cell.congestion,
        str(cell.rate_mbps),
        str(cell.rtt_ms),
        f"{cell.loss:g}",
        f"{cell.buffer_bdp:g}",
        f"{statistics.mean(cell.measured):.2f}",
        f"{low:.2f}..{high:.2f}",
        f"{statistics.mean(cell.predicted):.2f}",
        f"{100 * cell.error:+.1f} %",
        verdict,
    )


def conclusion(done: Sequence[Cell]) -> str:
    errors = np.abs([cell.error for cell in done])
    near, far = int((errors <= NEAR).sum()), int((errors > FAR).sum())
    return (
        f"{near} of {len(done)} cells within 10 % ({100 * near / len(done):.0f} %, must be 80 %), "
        f"{far} beyond 25 % (must be two or fewer); median error {100 * float(np.median(errors)):.1f} %"
    )


def markdown(done: Sequence[Cell], said: str) -> str:
    lines = ["# Simulated against emulated", "", said, ""]
    lines += [f"| {' | '.join(HEADER)} |", "|" + "--|" * len(HEADER)]
    lines += [f"| {' | '.join(row(cell))} |" for cell in done]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emulator", choices=list(EMULATORS), default="userspace")
    parser.add_argument(
        "--congestion", nargs="+", default=["cubic"], choices=["cubic", "reno", "bbr"]
    )
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="every seventh cell")
    parser.add_argument("--cell", help="only this one: rate,rtt,loss,buffer, like 100,10,1e-3,1")
    parser.add_argument("-o", "--output", type=File)
    words = parser.parse_args()
    process.warm_up(["benchkit.probes.door", "benchkit.emulators.line"])
    chosen = list(cells(words.congestion, quick=words.quick))
    if words.cell:
        rate, rtt, loss, buffer = words.cell.split(",")
        chosen = [
            Cell(int(rate), int(rtt), float(loss), float(buffer), congestion)
            for congestion in words.congestion
        ]
    print("  ".join(f"{word:>12}" for word in HEADER).rstrip())
    done = []
    for cell in chosen:
        done.append(compared(words.emulator, cell, words.seconds, words.rounds))
        print("  ".join(f"{word:>12}" for word in row(done[-1])).rstrip(), flush=True)
    said = conclusion(done)
    print(said)
    if words.output:
        words.output.write_text(markdown(done, said), encoding="utf-8")


if __name__ == "__main__":
    main()
