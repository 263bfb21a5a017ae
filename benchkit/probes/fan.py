"""Round trips by STAMP from one site to many, over one socket: what a mesh of thousands of paths takes.

Packets are laid out before the first is due. A timer sends those that are due, many in one call, and takes in answers and
stamps as they lie; they are read by columns now and then, for the kernel has stamped them long ago.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns, realtime_ns, realtime_offset_ns
from benchkit.errors import MeasureError
from benchkit.linux import quiet, timestamping
from benchkit.linux.clock_quality import clock_quality
from benchkit.linux.gathered import (
    Datagrams,
    ErrorQueue,
    Numbers,
    Taken,
    Volley,
    prepare,
)
from benchkit.linux.stamped_batches import TransmitStamps, name_of
from benchkit.model.far_end import FarFlags
from benchkit.model.samples import (
    DUPLICATES,
    FAR_COPIES,
    FAR_FLAGS,
    FAR_SEQUENCE,
    FAR_TTL,
    Samples,
    column,
)
from benchkit.model.spec import FanSpec, StampSpec
from benchkit.model.stamp_options import BASE_OCTETS
from benchkit.probes.fan_turns import staggered
from benchkit.probes.flight_rows import on_the_way_ns
from benchkit.probes.near_clock import NearClock
from benchkit.probes.own_drops import OwnDrops
from benchkit.probes.pacer import Pacer
from benchkit.probes.stamp_columns import REPLY, REQUEST, from_ntp_columns
from benchkit.probes.stamp_time import SYNCHRONISED, pack_error_estimate, to_ntp
from benchkit.units import show_count

# What has come is read now and then: each look costs half a millisecond, however little there is.
SOON_NS, LOOK_S, LAST_LOOK_S = 100 * NS_PER_MS, 1.0, 0.1
# So many rows of a session, or what so long a time brought, go home together: each batch costs this process and the
# campaign's half a millisecond, and a mesh has thousands of sessions. They take turns, or once in such a time the machine
# would do nothing else for seconds.
ENOUGH_ROWS, ENOUGH_NS = 100, 10 * NS_PER_S
INTAKE = 4096
# Real-time, for dozens of these share two cores with whatever else runs there, and each has dozens of paths to keep the
# pace of; below the emulator's, for what that does late is a wrong figure, and what a sender does late, whose packets the
# kernel stamps when they leave, only a bunch of packets. The campaign's own process has none: it may always wait.
PRIORITY = 5
STAMPS = {timestamping.SND: "t1_ns", timestamping.SCHED: "t1_sched_ns"}
SENT = ("sent_ns", "t1_sched_ns", "t1_ns")
ANSWERED = ("received_ns", "t4_ns", "t2_ns", "t3_ns", FAR_SEQUENCE, FAR_TTL, FAR_FLAGS)


async def fan(spec: FanSpec) -> AsyncIterator[Samples]:
    """Send every packet of every session on schedule and yield their rows as they settle.

    Raises MeasureError at the end where a session had no answer at all; the others' rows have been yielded by then.
    """
    quiet.take_priority(PRIORITY)  # one process has dozens of paths to keep the pace of
    with timestamping.stamped_udp_socket() as udp:
        prepare(udp)
        flight, drops = _Fan(spec.sessions, udp), OwnDrops(udp)
        try:
            with Pacer(flight.moments, flight.send) as pacer:
                while not flight.finished:
                    await _a_while(pacer)
                    for rows in flight.settle():
                        yield rows
                        await asyncio.sleep(0)  # what is due meanwhile leaves
        except asyncio.CancelledError:  # it is broken off: what is known is told all the same
            for rows in flight.settle(at_once=True):
                yield rows
            raise
        dropped, silent = drops.untold(), flight.silent()
    if dropped is not None:
        yield dropped
    if silent:
        names = ", ".join(one.path for one in silent[:3])
        more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""  # noqa: PLR2004  as many as are named
        raise MeasureError(
            f"{names}{more}: none of {show_count(silent[0].count, 'packet')} was answered: is a STAMP reflector running there?"
        )


async def _a_while(pacer: Pacer) -> None:
    """Until it is worth while to look at what has come; after the last packet soon."""
    if pacer.finished.is_set():
        await asyncio.sleep(LAST_LOOK_S)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(pacer.finished.wait(), LOOK_S)


class _Fan:
    """Every packet of every session; all columns have shape (sessions, packets), 0 is what has not happened."""

    def __init__(self, sessions: tuple[StampSpec, ...], udp: socket.socket) -> None:
        self._sessions = sessions
        self._count = sessions[0].count
        start_ns = max(sessions[0].start_ns, monotonic_ns() + SOON_NS)
        due = staggered(sessions, start_ns)
        self._due = np.stack(due)
        shape = self._due.shape
        self._columns = {name: np.zeros(shape, np.int64) for name in (*SENT, *ANSWERED)}
        self._duplicates, self._copies = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        # Packets in the order in which they leave: which row of the flattened columns each is.
        self._row_of = np.argsort(self._due, axis=None, kind="stable")
        self.moments, starts = np.unique(self._due.ravel()[self._row_of], return_index=True)
        self._starts = [*starts.tolist(), self._due.size]
        self._packets = self._laid_out()
        self._times = self._packets.view(REQUEST).reshape(-1)["time"]
        names = [name_of(udp, one.address, one.port) for one in sessions]
        places = self._row_of // self._count
        self._names = np.frombuffer(b"".join(names), np.uint8).reshape(-1, 16)[places].copy()
        self._volley = Volley(udp, self._packets, self._names)
        self._answers = Datagrams(udp, INTAKE, BASE_OCTETS)
        self._stamps = ErrorQueue(udp, INTAKE)
        self._left = np.zeros(self._due.size, np.int64)  # by transmit identity: which row that was
        self._gone = 0
        self._settled = np.zeros(len(sessions), np.int64)
        turns = np.arange(1, len(sessions) + 1) / len(sessions)
        self._enough = np.ceil(turns * ENOUGH_ROWS).astype(np.int64)
        self._told_ns = start_ns - ENOUGH_NS + (turns * ENOUGH_NS).astype(np.int64)
        self._place_of = np.full(1 << 16, -1, np.int64)
        self._place_of[[one.ssid for one in sessions]] = np.arange(len(sessions))
        self._echo = np.zeros(self._due.size, np.uint64)  # by row: the time that its packet carried
        self._clock = NearClock()

    def _laid_out(self) -> NDArray[np.uint8]:
        quality = clock_quality()
        packets = np.zeros(self._due.size, REQUEST)
        packets["sequence"] = self._row_of % self._count
        ssids = np.array([one.ssid for one in self._sessions])
        packets["ssid"] = ssids[self._row_of // self._count]
        packets["error_estimate"] = pack_error_estimate(
            quality.error_ns, synchronised=quality.synchronised
        )
        return packets.view(np.uint8).reshape(-1, BASE_OCTETS)

    def send(self, moment: int) -> None:
        """Send what is due at a moment, and take in what has come."""
        first, last = self._starts[moment], self._starts[moment + 1]
        self._clock.look()
        high, low = to_ntp(realtime_ns())
        self._times[first:last] = high << 32 | low
        rows = self._row_of[first:last]
        self._columns["sent_ns"].ravel()[rows] = monotonic_ns()
        self._echo[rows] = high << 32 | low
        gone = self._volley.send(first, last)
        self._left[self._gone : self._gone + len(gone)] = self._row_of[gone]
        self._gone += len(gone)
        self.collect()

    def collect(self) -> None:
        """Take in answers and stamps, and read them before there is no more room."""
        for intake in (self._answers, self._stamps):
            intake.fill()
            if intake.is_half_full:
                self._read()

    def _read(self) -> None:
        # Answers were sent before they came: their stamps first.
        self._read_stamps(self._stamps.take())
        self._read_answers(self._answers.take())

    def _read_stamps(self, came: TransmitStamps) -> None:
        for point, name in STAMPS.items():
            ours = (came.points == point) & (came.identities < self._gone)
            rows = self._left[came.identities[ours]]
            self._columns[name].ravel()[rows] = self._steady(rows, came.stamps_ns[ours])

    def _steady(self, rows: Numbers, stamps_ns: Numbers) -> Numbers:
        """Stamps of our own kernel as if its clock had not been stepped since the session began."""
        if not self._clock.steps:
            return stamps_ns
        sent = self._columns["sent_ns"].ravel()[rows]
        pairs = zip(stamps_ns.tolist(), sent.tolist(), strict=True)
        return np.array([self._clock.steady(stamp, since) for stamp, since in pairs], np.int64)

    def _read_answers(self, came: Taken) -> None:
        reply = came.payloads.view(REPLY).reshape(-1)
        places = self._place_of[reply["ssid"]]
        numbers = reply["sender_sequence"].astype(np.int64)
        ours = (came.lengths == BASE_OCTETS) & (places >= 0) & (numbers < self._count)
        rows = np.where(ours, places * self._count + numbers, 0)
        ours &= (reply["sender_time"] == self._echo[rows]) & (self._echo[rows] > 0)
        rows, reply = rows[ours], reply[ours]
        if not len(rows):
            return
        stamps, seen = came.stamps_ns[ours], came.seen_ns[ours]
        received = self._columns["received_ns"].ravel()
        first = np.zeros(len(rows), np.bool_)
        first[np.unique(rows, return_index=True)[1]] = True
        first &= received[rows] == 0
        near = np.where(stamps > 0, stamps, realtime_ns())
        estimates = reply["error_estimate"]
        flags = np.where(estimates & SYNCHRONISED, int(FarFlags.SYNCHRONISED), 0)
        flags |= np.where(reply["t2"] == reply["t3"], int(FarFlags.NO_DWELL), 0)
        found = {
            "received_ns": self._arrivals(rows, stamps, seen),
            "t4_ns": self._steady(rows, stamps),
            "t2_ns": from_ntp_columns(reply["t2"], near),
            "t3_ns": from_ntp_columns(reply["t3"], near),
            FAR_SEQUENCE: reply["sequence"].astype(np.int64),
            FAR_TTL: reply["ttl"].astype(np.int64),
            FAR_FLAGS: flags.astype(np.int64),
        }
        for name, values in found.items():
            self._columns[name].ravel()[rows[first]] = values[first]
        self._count_copies(rows[~first], found[FAR_SEQUENCE][~first])

    def _arrivals(self, rows: Numbers, stamps_ns: Numbers, seen_ns: Numbers) -> Numbers:
        """When the kernel had the answers, on CLOCK_MONOTONIC: they may lie there for as long as nobody waits for them."""
        arrived = stamps_ns - realtime_offset_ns()
        sent = self._columns["sent_ns"].ravel()[rows]
        plausible = (stamps_ns > 0) & (arrived >= sent) & (arrived <= seen_ns)
        return np.where(plausible, arrived, seen_ns)

    def _count_copies(self, rows: Numbers, sequences: Numbers) -> None:
        """Further answers to the same packets: the first counts. Those counted apart there were doubled on the way there."""
        known = self._columns[FAR_SEQUENCE].ravel()
        for row, sequence in zip(rows.tolist(), sequences.tolist(), strict=True):
            self._duplicates.ravel()[row] += 1
            self._copies.ravel()[row] += sequence != known[row]

    @property
    def finished(self) -> bool:
        """Whether every packet is settled."""
        return bool((self._settled == self._count).all())

    def silent(self) -> list[StampSpec]:
        """The sessions that nobody answered."""
        unheard = np.flatnonzero(self._columns["received_ns"].max(axis=1) == 0)
        return [self._sessions[place] for place in unheard.tolist()]

    def settle(self, *, at_once: bool = False) -> Iterator[Samples]:
        """The rows that can no longer change, session by session, when it is time to send them home."""
        self.collect()
        self._read()
        now = monotonic_ns()
        timeout = self._sessions[0].timeout_ns
        done = (self._columns["received_ns"] > 0) | (self._begins() <= now - timeout)
        last = np.where(done.all(axis=1), self._count, done.argmin(axis=1))
        ready = last - self._settled
        late = at_once | (now - self._told_ns >= ENOUGH_NS)
        enough = late | (ready >= self._enough) | (last == self._count)
        for place in np.flatnonzero((ready > 0) & enough).tolist():
            yield self._rows(place, slice(int(self._settled[place]), int(last[place])))
            self._settled[place] = last[place]
            self._enough[place], self._told_ns[place] = ENOUGH_ROWS, now

    def _begins(self) -> Numbers:
        """Since when each packet is waited for, shape (sessions, packets): one that was sent late is not lost for that."""
        return np.maximum(self._due, self._columns["sent_ns"])

    def _took(self, place: int, rows: slice) -> Numbers:
        times = {name: of[place, rows] for name, of in self._columns.items()}
        read: Numbers = times["received_ns"] - np.maximum(self._due[place, rows], times["sent_ns"])
        return on_the_way_ns(times, read)

    def _rows(self, place: int, rows: slice) -> Samples:
        one = self._sessions[place]
        due = self._due[place, rows]
        received = self._columns["received_ns"][place, rows]
        missing = (received == 0) | (self._took(place, rows) > one.timeout_ns)
        columns = {
            "sequence": column(np.arange(rows.start, rows.stop)),
            "due_ns": column(due.copy()),
        }
        for name, values in self._columns.items():
            own = values[place, rows].copy()
            absent = missing if name in ANSWERED else np.zeros(len(own), np.bool_)
            if name.endswith("_ns"):
                absent = absent | (own == 0)
            columns[name] = column(own, absent)
        columns[DUPLICATES] = column(self._duplicates[place, rows].copy())
        columns[FAR_COPIES] = column(self._copies[place, rows].copy())
        return Samples("rtt", one.path, one.phase, columns)
