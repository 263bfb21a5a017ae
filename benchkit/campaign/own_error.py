"""The instrument's own error where nothing is in between: its floor over the loopback, and how late it sends."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.linux import timestamping
from benchkit.linux.timerfd import TimerFd
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.spec import StampSpec
from benchkit.probes.precise import PrecisePacer
from benchkit.probes.stamp import stamp
from benchkit.probes.stamp_reflector import Reflector, reflecting
from benchkit.stats.round_trip import network_ns

LOOPBACK = "127.0.0.1"
NAME = "floor"
PACKETS, STEP_NS = 300, NS_PER_MS
SOON_NS = 5 * NS_PER_MS


def floor_ns() -> NDArray[np.int64]:
    """Network round trips over the loopback by kernel stamps, (T4 - T1) - (T3 - T2) as in RFC 8762: of each packet that has all four.

    In ns, of shape (n,). Raises MeasureError where nothing passes, OSError where the kernel does not stamp.
    """
    return asyncio.run(_floor())


async def _floor() -> NDArray[np.int64]:
    harvest = Harvest()
    with timestamping.stamped_udp_socket() as udp:
        udp.bind((LOOPBACK, 0))
        port = int(udp.getsockname()[1])
        far_end = Reflector(udp, ReflectorSpec(LOOPBACK, port))
        ssid = harvest.open_session(NAME, NAME)
        spec = StampSpec(NAME, NAME, LOOPBACK, port, ssid, PACKETS, STEP_NS, NS_PER_S)
        with reflecting(udp, far_end):
            async for rows in stamp(spec):
                harvest.add(rows)
            departures = far_end.departures()
    if departures is not None:
        harvest.add(departures)
    whole = harvest.samples("rtt", NAME, NAME)
    if whole is None:
        return np.empty(0, dtype=np.int64)
    found: NDArray[np.int64] = network_ns(whole).compressed()
    return found


def precise_lateness_ns() -> list[int]:
    """How late each of a row of sends, a millisecond apart, leaves when pacing is `precise`."""
    due = monotonic_ns() + SOON_NS + STEP_NS * np.arange(PACKETS, dtype=np.int64)
    late = np.zeros(PACKETS, dtype=np.int64)
    ended = threading.Event()

    def send(index: int) -> None:
        late[index] = monotonic_ns() - due[index]
        if index == PACKETS - 1:
            ended.set()

    # Nothing ever arrives at a timer that is not set.
    with TimerFd() as silent, PrecisePacer(due, send, silent.fileno(), lambda: None):
        ended.wait(PACKETS * STEP_NS / NS_PER_S + 1.0)
    found: list[int] = late.tolist()
    return found
