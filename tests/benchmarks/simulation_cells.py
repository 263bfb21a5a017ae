"""The cells in which the simulator is held against an emulated path: one stream, one link, one loss, one queue."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulated import both_ways, ms

from benchkit.emulators.wiring import super_packet_octets
from benchkit.model.place import Direction, PathModel
from benchkit.planning.framing import Framing
from benchkit.planning.window import bdp_bits

RATES_MBPS = (10, 100, 500, 1000)
RTTS_MS = (10, 16)
LOSSES = (0.0, 1e-4, 1e-3, 1e-2)
BUFFERS_BDP = (0.25, 1.0, 4.0)
SECONDS = 10.0
SKIP_S = 2.0  # of both: what comes before is not compared
# Rare losses fall as they fall, and a host that stalls makes bursts that small queues drop: of such cells so many
# streams are measured to tell what is usual.
ROUNDS, ROUNDS_OF_ONE_COURSE = 5, 1
SMALL_BDP = 1.0
# What the emulator carries with ease on two cores, beside the ends of several streams.
FRAMES_PER_SECOND, MBPS_TOGETHER = 25_000.0, 400.0


@dataclass(frozen=True, order=True)
class Cell:
    """One link and one congestion control."""

    congestion: str
    rate_mbps: int
    rtt_ms: int
    loss: float
    buffer_bdp: float

    @property
    def name(self) -> str:
        """Its key in the file of what was measured."""
        return f"{self.congestion} {self.rate_mbps} Mbit/s {self.rtt_ms} ms {self.loss:g} {self.buffer_bdp:g} BDP"

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
        return both_ways(
            Direction(half, loss=self.loss),
            Direction(half),
            rate_bps=self.rate_bps,
            buffer_octets=self.buffer_octets,
        )

    @property
    def queue_ms(self) -> float:
        """How long its full queue takes to run dry."""
        return self.buffer_octets * 8 / self.rate_bps * 1e3

    @property
    def offload_octets(self) -> int:
        """The most that its sender hands to the emulated device at once."""
        return super_packet_octets(self.model, splits=True)

    @property
    def rounds(self) -> int:
        """How many streams of it are measured."""
        return ROUNDS if self.loss or self.buffer_bdp < SMALL_BDP else ROUNDS_OF_ONE_COURSE

    @property
    def costs(self) -> float:
        """What one stream of it takes of the emulator, about: for filling a batch, not for judging."""
        reached = self.rate_mbps
        if self.loss and self.congestion != "bbr":
            reached = min(reached, 1.5 * 1.2 / self.loss**0.5 * 1448 * 8 / self.rtt_ms / 1e3)
        frame = max(1538.0, self.rate_bps * 150e-6 / 8)
        frames = 2 * reached * 1e6 / 8 / min(frame, 64_000.0)
        return max(frames / FRAMES_PER_SECOND, reached / MBPS_TOGETHER)


def cells(congestions: Sequence[str], *, quick: bool = False) -> Iterator[Cell]:
    """All of the table; `quick` takes every seventh, which still meets each rate, loss and buffer."""
    every = itertools.product(congestions, RATES_MBPS, RTTS_MS, LOSSES, BUFFERS_BDP)
    for found in itertools.islice(every, 0, None, 7 if quick else 1):
        yield Cell(*found)
