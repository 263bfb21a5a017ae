"""Measures what one stream does in each cell, through the emulator, and keeps it: what was measured stays measured."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import numpy as np
from emulated import emulated
from simulation_cells import SECONDS, SKIP_S, Cell
from simulation_streams import BareStream, bare_streams

from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.emulators.line import LineReport, quantile_ns

LATE_NS = 300_000  # of the line at p99: what came of a batch beyond it is measured again
MOST_AT_ONCE = 12
PASSES = 3  # over what was not kept


@dataclass(frozen=True)
class Stream:
    """What one stream did after the ramp: Mbit/s, and what its sender's kernel said.

    `stall_ms` is the most by which the line released a frame late meanwhile, as far as it counts: 10 ms.
    """

    round: int
    goodput_mbps: float
    window_segments: float
    rtt_ms: float
    retransmits: int
    stall_ms: float


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
            "measured": "one TCP stream of this kernel through the userspace emulator, acknowledged as it arrives",
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
    for batch in (each for _ in range(PASSES) for each in batches(book.missing(wanted))):
        if time.monotonic() + SECONDS + 5 > until:
            return
        # Losses that no other batch had.
        found, late_ns = _measured(emulator, batch, book.count + 1)
        if late_ns <= LATE_NS:
            book.add(found)
        told = ", ".join(f"{cell.name}: {stream.goodput_mbps:.1f}" for cell, stream in found)
        late = "" if late_ns <= LATE_NS else ": not kept"
        worst = max(stream.stall_ms for _, stream in found)
        yield f"{told}; line late by {late_ns / 1e3:.0f} us at p99, {worst:.1f} ms at most{late}"


def _measured(
    emulator: str, batch: Sequence[tuple[Cell, int]], seed: int
) -> tuple[list[tuple[Cell, Stream]], int]:
    with emulated(emulator, [cell.model for cell, _ in batch], seed=seed) as running:
        running.apply(*(cell.model for cell, _ in batch))
        running.emulation.report()
        streams = bare_streams(running, [cell.congestion for cell, _ in batch], SECONDS)
        report = running.emulation.report()
    late_ns, stall_ms = _lateness(report)
    found = [
        (cell, _stream(number, bare, stall_ms))
        for (cell, number), bare in zip(batch, streams, strict=True)
    ]
    return found, late_ns


def _lateness(report: LineReport | None) -> tuple[int, float]:
    """In ns at p99, and in ms at most; of an emulator that knows neither, none."""
    if report is None:
        return 0, 0.0
    return quantile_ns(report, 0.99) or 0, (quantile_ns(report, 1.0) or 0) / NS_PER_MS


def _stream(number: int, bare: BareStream, stall_ms: float) -> Stream:
    kept = [each for each in bare.samples if each.since_ns >= SKIP_S * NS_PER_S]
    lasted_s = (kept[-1].since_ns - kept[0].since_ns) / NS_PER_S
    octets = kept[-1].received - kept[0].received
    return Stream(
        round=number,
        goodput_mbps=round(octets * 8 / lasted_s / 1e6, 3),
        window_segments=round(float(np.mean([each.info.window_segments for each in kept])), 1),
        rtt_ms=round(float(np.mean([each.info.rtt_us for each in kept])) / 1e3, 3),
        retransmits=kept[-1].info.retransmits,
        stall_ms=stall_ms,
    )
