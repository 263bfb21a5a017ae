"""Measures what one stream does in each cell, through the emulator, and keeps it: what was measured stays measured."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import numpy as np
from emulated import Emulated, brought_home, emulated
from simulation_cells import SECONDS, SKIP_S, Cell

from benchkit.clock import NS_PER_S
from benchkit.emulators.line import quantile_ns
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.place import Path
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.model.samples import Samples

LATE_NS = 300_000  # of the line at p99: what came of a batch beyond it is measured again
MOST_AT_ONCE = 12


@dataclass(frozen=True)
class Stream:
    """What one stream did after the ramp: Mbit/s, and what its sender's kernel said."""

    round: int
    goodput_mbps: float
    window_segments: float
    rtt_ms: float
    retransmits: int


class Book:
    """Everything that was measured, in one file that is written after each batch."""

    def __init__(self, file: File) -> None:
        """Read what is there."""
        self._file = file
        told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self._streams: dict[str, list[dict[str, Any]]] = told.get("streams", {})

    @property
    def count(self) -> int:
        """How many streams were measured."""
        return sum(len(each) for each in self._streams.values())

    def of(self, cell: Cell) -> list[Stream]:
        """The streams of a cell, none where it was not measured yet."""
        return [Stream(**each) for each in self._streams.get(cell.name, [])]

    def missing(self, wanted: Sequence[Cell]) -> list[tuple[Cell, int]]:
        """The cells and rounds that are still to be measured."""
        found = [
            (cell, number)
            for cell in wanted
            for number in range(1, cell.rounds + 1)
            if number not in {stream.round for stream in self.of(cell)}
        ]
        return sorted(found, key=lambda each: each[1])  # a whole table first, then its repetitions

    def add(self, found: Sequence[tuple[Cell, Stream]]) -> None:
        """Keep these, and write the file."""
        for cell, stream in found:
            self._streams.setdefault(cell.name, []).append(
                {name: getattr(stream, name) for name in Stream.__dataclass_fields__}
            )
        about = {
            "measured": "one TCP stream of this kernel through the userspace emulator",
            "seconds": SECONDS, "without_the_first_seconds": SKIP_S, "streams": dict(sorted(self._streams.items())),
        }  # fmt: skip
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def batches(missing: Sequence[tuple[Cell, int]]) -> Iterator[list[tuple[Cell, int]]]:
    """As many at once as the emulator carries with ease."""
    batch: list[tuple[Cell, int]] = []
    load = 0.0
    for cell, number in missing:
        if batch and (load + cell.costs > 1 or len(batch) == MOST_AT_ONCE):
            yield batch
            batch, load = [], 0.0
        batch.append((cell, number))
        load += cell.costs
    if batch:
        yield batch


def measure(emulator: str, wanted: Sequence[Cell], book: Book, seconds: float) -> Iterator[str]:
    """Measure what is missing, batch by batch, for at most so long; yields a line for each batch."""
    until = time.monotonic() + seconds
    for batch in batches(book.missing(wanted)):
        if time.monotonic() + SECONDS + 5 > until:
            return
        found, late_ns = _measured(
            emulator, batch, book.count + 1
        )  # losses that no other batch had
        if late_ns <= LATE_NS:
            book.add(found)
        told = ", ".join(f"{cell.name}: {stream.goodput_mbps:.1f}" for cell, stream in found)
        late = "" if late_ns <= LATE_NS else ": not kept"
        yield f"{told}; line late by {late_ns / 1e3:.0f} us at p99{late}"


def _measured(
    emulator: str, batch: Sequence[tuple[Cell, int]], seed: int
) -> tuple[list[tuple[Cell, Stream]], int]:
    with emulated(emulator, [cell.model for cell, _ in batch], seed=seed) as running:
        running.apply(*(cell.model for cell, _ in batch))
        goodputs, infos = _streams(running, [cell.congestion for cell, _ in batch])
        report = running.emulation.report()
    late = quantile_ns(report, 0.99) if report else None
    found = [
        (cell, _stream(number, goodput, info))
        for (cell, number), goodput, info in zip(batch, goodputs, infos, strict=True)
    ]
    return found, late or 0


def _streams(running: Emulated, congestions: Sequence[str]) -> tuple[list[Samples], list[Samples]]:
    """What arrived, and what the senders said of themselves, along each path, all at once."""
    controls = dict(zip((path.name for path in running.paths), congestions, strict=True))

    def spec(path: Path, address: str, port: int, _: int) -> TcpSpec:
        lasts = round(SECONDS * NS_PER_S)
        control = controls[path.name]
        return TcpSpec(path.name, "up", address, port, "up", lasts, control)

    indices = list(range(len(running.paths)))
    return brought_home(running, indices, StreamServerSpec, spec, "goodput", "tcp_info")


def _stream(number: int, goodput: Samples, info: Samples) -> Stream:
    start, end, octets = (goodput.columns[name].data for name in ("start_ns", "end_ns", "octets"))
    # The last interval drains the queue while nothing is sent any more.
    keep = (start >= start[0] + SKIP_S * NS_PER_S) & (end <= start[0] + SECONDS * NS_PER_S)
    lasted_s = float((end - start)[keep].sum()) / NS_PER_S
    at = info.columns["at_ns"].data
    late = at >= at[0] + SKIP_S * NS_PER_S
    window, rtt = (info.columns[name].data[late] for name in ("window_segments", "rtt_us"))
    return Stream(
        round=number,
        goodput_mbps=round(float(octets[keep].sum()) * 8 / lasted_s / 1e6, 3),
        window_segments=round(float(np.mean(window)), 1),
        rtt_ms=round(float(np.mean(rtt)) / 1e3, 3),
        retransmits=int(info.columns["retransmits"].data[-1]),
    )
