"""A client of ours on loopback, and how long the two ends wait for each other."""

from __future__ import annotations

import asyncio

import pytest
from loopback import LOCAL

from benchkit.errors import BenchkitError
from benchkit.model.bulk_spec import Iperf3Spec
from benchkit.model.samples import Samples
from benchkit.probes import (
    iperf3_client,
    iperf3_far_end,
    iperf3_flow,
    iperf3_served,
    iperf3_server,
    iperf3_wire,
)

MS = 1_000_000
PATIENCE_S = 10.0
# How long each end waits for a word of the other.
LIMITS = (
    (iperf3_client, "RESULTS_S"),
    (iperf3_client, "CONNECT_S"),
    (iperf3_far_end, "CONNECT_S"),
    (iperf3_server, "COOKIE_S"),
    (iperf3_served, "STREAMS_S"),
    (iperf3_served, "RESULTS_S"),
)


def wait_for(patch: pytest.MonkeyPatch, seconds: float) -> None:
    for module, name in LIMITS:
        patch.setattr(module, name, seconds)
    for read in (iperf3_wire.Control.read_state, iperf3_wire.Control.read_message):
        patch.setattr(read, "__defaults__", (seconds,))


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Have both ends wait for no longer than a test may take."""
    patch.setattr(iperf3_flow, "BACK_S", 0.05)
    patch.setattr(iperf3_client, "HELLO_S", 0.02)
    wait_for(patch, 0.3)


def spec_of(port: int) -> Iperf3Spec:
    return Iperf3Spec("a-b", "load", LOCAL, port, 100 * MS)


def measured(spec: Iperf3Spec) -> tuple[list[Samples], BenchkitError | None]:
    """What a client yielded, and what it ended with."""
    found = []

    async def work() -> None:
        async for batch in iperf3_client.iperf3(spec):
            found.append(batch)  # noqa: PERF401  what came before an error stays

    async def bounded() -> None:
        await asyncio.wait_for(work(), PATIENCE_S)

    outcome: BenchkitError | None = None
    try:
        asyncio.run(bounded())
    except BenchkitError as error:
        outcome = error
    assert "\n" not in str(outcome)
    return found, outcome
