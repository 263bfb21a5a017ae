"""What a computing channel is bought for, as work that can be measured to its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """One sort of request: its weight among all, and the octets asked and answered."""

    share: float
    request_octets: int
    response_octets: int


@dataclass(frozen=True, slots=True)
class Workload:
    """One piece of work on each path.

    data set: `octets` in `files` files, over `streams` connections, each file answered for before the next.
    checkpoint: `octets` every `every_ns`, `rounds` times, in as many parts as there are streams.
    inference: `mix` of requests over HTTP, `rate_per_s` of them for `duration_ns`.
    """

    name: str
    kind: str
    octets: int = 0
    files: int = 1
    streams: int = 1
    every_ns: int = 0
    rounds: int = 1
    mix: tuple[Exchange, ...] = ()
    rate_per_s: float = 0.0
    duration_ns: int = 0

    @property
    def longest_ns(self) -> int:
        """How long its schedule takes; a transfer takes as long as it takes."""
        return self.duration_ns or self.every_ns * self.rounds
