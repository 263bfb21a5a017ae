"""STAMP packets of one session or of many, sent and taken in many to a system call: for rates that one by one cannot reach.

What is due leaves together, at most every GATHER_NS, or where much is every FAST_GATHER_NS, which costs a fifth less.
Each packet has its own stamps from the kernel and its own row, with how late it left. One socket carries all sessions,
told apart by their identifiers (RFC 8972) and by who answers.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_MS, NS_PER_S, NS_PER_US, monotonic_ns, realtime_ns
from benchkit.linux import datagrams
from benchkit.linux.messages import Messages
from benchkit.linux.stamped_batches import (
    AT_ONCE,
    NAME_OCTETS,
    STAMPS_AT_ONCE,
    Arrivals,
    Inbox,
    StampQueue,
    name_of,
)
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.probes.flight import POINTS
from benchkit.probes.near_clock import NearClock
from benchkit.probes.punctual_thread import PunctualThread
from benchkit.probes.reflector_departures import departures_of
from benchkit.probes.session_places import SessionPlaces
from benchkit.probes.stamp_batches import Replies, Requests
from benchkit.probes.stamp_sending import FAR_COLUMNS, Packets
from benchkit.probes.stamp_time import wire_time

GATHER_NS, FAST_GATHER_NS = 250 * NS_PER_US, NS_PER_MS
# Where packets are due so close together: of one session, and of many, whose rows keep this process busy too.
FAST_NS, FAST_CROWD_NS = 20 * NS_PER_US, 125 * NS_PER_US
MOST_SENT_AT_ONCE = 128
# Waits shorter than this are slept through; in longer ones answers are taken in as they come.
SHORT_NS, LOOK_NS = NS_PER_MS, 50 * NS_PER_MS
SSIDS = 1 << 16
NOBODY = -1
# What tells a socket address from another: not the flow label and the scope of IPv6.
_TELLING = {
    socket.AF_INET: np.array([0xFF] * 8 + [0] * 8, dtype=np.uint8),
    socket.AF_INET6: np.array([0xFF] * 4 + [0] * 4 + [0xFF] * 16 + [0] * 4, dtype=np.uint8),
}
Integers = NDArray[np.int64]


class BatchedFlight(PunctualThread):
    """The packets of sessions with the same options, sent and received by a thread of its own.

    Each packet has a place: its session's first place, and its number.
    """

    def __init__(self, specs: Sequence[StampSpec], udp: socket.socket) -> None:
        """Fly over a bound socket, which is connected where there is one session alone.

        Raises AskedWronglyError for options that cannot be, OSError for what is no address.
        """
        super().__init__(self._fly)
        self._udp = udp
        self._all = SessionPlaces(specs, FAR_COLUMNS)
        self.rows = self._all.rows
        # By transmit identity: which place that was. By the far end's count: which number, and 1.
        self._left, self._by_far = np.zeros((2, len(self._all)), dtype=np.int64)
        fast = self._all.apart_ns < (FAST_NS if len(specs) == 1 else FAST_CROWD_NS)
        self._gather_ns = FAST_GATHER_NS if fast else GATHER_NS
        self._next = self._identity = self._left_ns = 0
        self._latest_ns = max(spec.timeout_ns for spec in specs)
        self._clock = NearClock()
        self._packets = [
            Packets(spec.ssid, spec.count, spec.options, udp, left=self._all.wire[its])
            for spec, its in zip(specs, self._all.slices, strict=True)
        ]
        first = self._packets[0]
        self._octets, self._estimate = first.octets, first.estimate
        self._follows_up = first.follows_up
        self._followed: list[Integers] = []
        self._know_sessions(specs)
        self._stamps = StampQueue(udp)
        self._inbox = Inbox(udp, self._octets, named=self._named)
        self._replies = Replies(self._inbox.messages.rows)
        names = self._names.shape[1]
        self._outbox = Messages(MOST_SENT_AT_ONCE, self._octets, names=names)
        self._outbox.write_names(names)
        self._requests = Requests(self._outbox.rows, first.tail)

    def _know_sessions(self, specs: Sequence[StampSpec]) -> None:
        """Each by its identifier, and where there are several by its far end's socket address."""
        self._named = len(specs) > 1
        names = NAME_OCTETS[socket.AddressFamily(self._udp.family)] if self._named else 0
        self._names = np.zeros((len(specs), names), dtype=np.uint8)
        self._ssids = np.array([spec.ssid for spec in specs])
        self._by_ssid = np.full(SSIDS, NOBODY, dtype=np.int64)
        self._by_ssid[self._ssids] = np.arange(len(specs))
        if self._named:
            whole = b"".join(name_of(self._udp, spec.address, spec.port) for spec in specs)
            self._names[:] = np.frombuffer(whole, dtype=np.uint8).reshape(self._names.shape)
        else:
            self._by_ssid[0] = 0  # a reflector without RFC 8972

    @property
    def finished(self) -> bool:
        """Whether every packet of every session is settled."""
        return all(rows.finished for rows in self.rows)

    def _fly(self) -> None:
        while not self.stopped:
            self._clock.look()
            self._send_due()
            self._collect_stamps()
            self._collect()
            self._rest()

    def _rest(self) -> None:
        """Until more is due, and there has been time for some of it to gather."""
        left = self._next < len(self._all.due)
        wake = max(int(self._all.due[self._next]), self._left_ns + self._gather_ns) if left else 0
        early = wake - monotonic_ns() if left else LOOK_NS
        if early >= SHORT_NS:
            select.select([self._udp], (), (), min(early, LOOK_NS) / NS_PER_S)
        elif early > 0:
            time.sleep(early / NS_PER_S)

    def _send_due(self) -> None:
        """Send what is due, so much of it as goes at once."""
        due, now_ns = self._all.due, monotonic_ns()
        # What nobody waits for any more stays unsent, as in `flight`: this machine stood still.
        first = self._next = max(self._next, int(np.searchsorted(due, now_ns - self._latest_ns)))
        last = min(int(np.searchsorted(due, now_ns, "right")), first + MOST_SENT_AT_ONCE)
        if last == first:
            return
        places = self._all.order[first:last]
        sessions = self._all.session_of[places]
        if self._named:
            self._outbox.names[: last - first] = self._names[sessions]
        now = wire_time(realtime_ns(), self._estimate)
        numbers = places - self._all.first[sessions]
        self._requests.write(numbers, self._ssids[sessions], now)
        self._next = first + self._leave(places, np.uint64(now.high << 32 | now.low))

    def _leave(self, places: Integers, wire: np.uint64) -> int:
        """Have the kernel take them; for how many there is no more to do.

        Where it has no room the rest has to wait. An ICMP error to an earlier packet is told to who sends next, so
        that a second refusal alone is a packet's own: it is lost, as its missing answer will say.
        """
        at, refused = 0, NOBODY
        while at < len(places):
            self._left_ns = monotonic_ns()
            try:
                taken = self._outbox.send(self._udp, at, len(places), self._octets)
            except OSError as error:
                if error.errno in datagrams.FULL:
                    break
                at, refused = (at + 1, NOBODY) if refused == at else (at, at)
                continue
            gone = places[at : at + taken]
            self._all.times["sent_ns"][gone] = self._left_ns
            self._all.wire[gone] = wire
            self._left[self._identity : self._identity + taken] = gone
            self._identity += taken
            at += taken
        return at

    def _collect_stamps(self) -> None:
        """Take transmit stamps off the error queue."""
        while True:
            identities, points, stamps = self._stamps.take()
            if not len(identities):
                return
            known = identities < self._identity
            places = self._left[np.where(known, identities, 0)]
            for point, name in POINTS.items():
                these = known & (points == point)
                at = places[these]
                since = self._all.times["sent_ns"][at]
                self._all.times[name][at] = self._clock.steady_many(stamps[these], since)
            if len(identities) < STAMPS_AT_ONCE:
                return

    def _collect(self) -> None:
        """Take answers."""
        while (came := self._inbox.take()) is not None:
            self._read(came, monotonic_ns())
            if len(came) < AT_ONCE:
                return

    def _read(self, came: Arrivals, now_ns: int) -> None:
        """Write down at once the answers that are as most are, and the others one by one."""
        got, replies = len(came), self._replies
        numbers, sessions = replies.numbers(got), self._sessions_of(came)
        known = (sessions != NOBODY) & (numbers < self._all.counts[sessions])
        places = np.where(known, self._all.first[sessions] + numbers, 0)
        wire = self._all.wire[places]
        usual = known & (came.lengths == self._octets) & (wire == replies.sent(got)) & (wire != 0)
        usual &= replies.are_usual(got) & (self._all.times["received_ns"][places] == 0)
        if self._follows_up:
            usual &= replies.follow(got)
        at = np.flatnonzero(usual)
        if not (np.diff(places[at]) > 0).all():  # of several to one packet the first counts
            at = at[np.sort(np.unique(places[at], return_index=True)[1])]
        if len(at):
            self._note(came, at, places[at], now_ns)
        if len(at) < got:
            for other in np.setdiff1d(np.arange(got), at).tolist():
                self._note_other(came, other, int(sessions[other]), now_ns)

    def _sessions_of(self, came: Arrivals) -> Integers:
        """Whose answers these are by their identifier, NOBODY where another than that session's far end gave it."""
        found: Integers = self._by_ssid[self._replies.ssids(len(came))]
        if self._named:
            telling = _TELLING[socket.AddressFamily(self._udp.family)]
            other = ((came.names ^ self._names[found]) & telling).any(axis=1)
            found[other] = NOBODY
        return found

    def _note(self, came: Arrivals, at: Integers, places: Integers, now_ns: int) -> None:
        """Write down answers, one to each of these places; that they were received last, as in `Rows`."""
        near = realtime_ns()
        told = self._replies.far(at, near)
        for name, values in zip(FAR_COLUMNS, told, strict=True):
            self._all.times[name][places] = values
        since = self._all.times["sent_ns"][places]
        self._all.times["t4_ns"][places] = self._clock.steady_many(came.stamps_ns[at], since)
        self._all.times["received_ns"][places] = now_ns
        if self._follows_up:
            self._follow(at, places, told[2], near)

    def _follow(self, at: Integers, places: Integers, far: Integers, near_ns: int) -> None:
        """When earlier answers left, as these tell."""
        sessions = self._all.session_of[places]
        first, counts = self._all.first[sessions], self._all.counts[sessions]
        fits = far < counts
        self._by_far[(first + far)[fits]] = (places - first)[fits] + 1
        told, followed = self._replies.followed(at, near_ns)
        fits = followed.sequences < counts[told]
        where = (first[told] + followed.sequences)[fits]
        numbers = self._by_far[where] - 1
        self._by_far[where] = 0
        rows = np.stack(
            (self._ssids[sessions[told][fits]], numbers, followed.stamps_ns[fits]), axis=1
        )
        self._followed.append(rows[numbers >= 0])

    def _note_other(self, came: Arrivals, at: int, session: int, now_ns: int) -> None:
        received = came.one(at, self._udp.family)
        if session == NOBODY:
            session = self._session_by_name(came.names[at])
        if session == NOBODY:
            return
        answer = self._packets[session].read(received)
        if answer is not None:
            place = int(self._all.first[session]) + answer.number
            t4_ns = self._clock.steady(received.stamp_ns, int(self._all.times["sent_ns"][place]))
            self.rows[session].note(answer, t4_ns, now_ns)

    def _session_by_name(self, name: NDArray[np.uint8]) -> int:
        """Whose far end it is, where one has that address alone: without RFC 8972 it knows no identifier."""
        if not len(name):
            return NOBODY
        telling = _TELLING[socket.AddressFamily(self._udp.family)]
        found = np.flatnonzero(~((self._names ^ name) & telling).any(axis=1))
        return int(found[0]) if len(found) == 1 else NOBODY

    def departures(self) -> Iterator[Samples]:
        """When earlier answers left by the far ends' kernels, as later ones told: since this was last asked."""
        told, self._followed = self._followed, []  # at once: the thread goes on
        if told:
            yield departures_of(np.concatenate(told))
        for packets in self._packets if self._follows_up else ():
            departures = packets.departures()
            if departures is not None:
                yield departures
