"""The data of a UDP test: numbered, paced datagrams out; in, what became of each."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from benchkit.clock import NS_PER_MS, NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.linux import datagrams, libc
from benchkit.linux.datagrams import Incoming, Outgoing
from benchkit.probes.data_thread import DataThread
from benchkit.probes.datagram_credit import Granted, Granting
from benchkit.probes.datagram_terms import UdpTerms
from benchkit.probes.talk import TalkError
from benchkit.stats.reception import Reception

# No more leaves at once than the rate allows in this time, so that a shallow buffer holds it.
BURST_NS = 250 * NS_PER_US
# What was late is made up for at this many times the rate, and never in one burst.
CATCH_UP = 1.25
MOST_AT_ONCE = 1024
# What is still on its way when the sender has ended is waited for; nothing comes later than this.
QUIET_NS, LINGER_NS = 150 * NS_PER_MS, 2 * NS_PER_S


def burst_of(terms: UdpTerms) -> int:
    """How many datagrams may leave at once."""
    if not terms.rate_bps:
        return MOST_AT_ONCE
    return max(1, min(MOST_AT_ONCE, int(BURST_NS / interval_ns(terms))))


def interval_ns(terms: UdpTerms) -> float:
    """How far apart datagrams are due."""
    return terms.payload * 8 * NS_PER_S / terms.rate_bps


class UdpSource(DataThread):
    """Sends on an absolute schedule. `refused` counts calls that the kernel had no room for."""

    def __init__(self, udp: socket.socket, terms: UdpTerms, mark: int) -> None:
        """Own a connected socket."""
        super().__init__(0, udp, sends=True)
        self._terms = terms
        self._out = Outgoing(udp, terms.payload, mark, burst_of(terms), segmented=terms.joined)
        self._granted = Granted(udp, mark, self._out.heap)
        self.refused = 0

    def move(self) -> None:
        """Send for the time agreed, or until told to end as fast as the far end takes it."""
        if self._terms.rate_bps:
            each_ns = interval_ns(self._terms)
            self._paced(each_ns, max(1, round(self._terms.duration_ns / each_ns)))
        else:
            while self.running:
                self._send(self._granted.room(self._out.sent, self._out.burst))

    def _paced(self, each_ns: float, wanted: int) -> None:
        libc.wake_on_time()
        began = earliest = monotonic_ns()
        least_ns = self._out.burst * each_ns / CATCH_UP
        while self.running and self._out.sent < wanted:
            due = max(began + round(self._out.sent * each_ns), earliest)
            early = due - monotonic_ns()
            if early > 0:
                time.sleep(min(early, NS_PER_S // 4) / NS_PER_S)
                continue
            earliest = monotonic_ns() + round(least_ns)
            self._send()

    def _send(self, most: int = MOST_AT_ONCE) -> None:
        try:
            self.octets += self._out.send(most) * self._terms.payload
        except ConnectionRefusedError:
            self.refused += 1  # an ICMP error for one that was sent before
        except (BlockingIOError, InterruptedError):
            self.refused += 1
        except OSError as error:
            if error.errno not in datagrams.FULL:
                raise
            self.refused += 1

    def total(self) -> dict[str, Any]:
        """How many were sent, and how many at a time in one heap."""
        return {"sent": self._out.sent, "refused": self.refused, "heap": self._out.heap}


class UdpSink(DataThread):
    """Receives and keeps account until all has come, or nothing comes any more after the sender has ended."""

    def __init__(self, udp: socket.socket, terms: UdpTerms, mark: int) -> None:
        """Own a connected socket."""
        super().__init__(0, udp, sends=False)
        self.reception = Reception()
        self._payload = terms.payload
        self._in = Incoming(udp, terms.payload, mark, joined=terms.joined)
        # Where there is a rate, the sender heeds nothing else.
        self._granting = None if terms.rate_bps else Granting(udp, terms.payload, mark)
        self._dropped_before = datagrams.udp_drops(udp)
        self._each_ns = interval_ns(terms) if terms.rate_bps else 0.0
        self._began_ns = 0
        self._sent = -1
        self._told_ns = 0

    def move(self) -> None:
        """Receive."""
        add, payload = self.reception.add, self._payload
        heard_ns = monotonic_ns()
        granting = self._granting
        while self.running:
            if granting:
                granting.grant(self.reception.expected)
            try:
                batch = self._in.receive()
            except (BlockingIOError, InterruptedError, ConnectionRefusedError):
                if self._is_over(heard_ns):
                    break
                if granting:
                    granting.repeat()
                continue
            heard_ns = monotonic_ns()
            if not self._began_ns and batch.numbers.size:
                self._began_ns = heard_ns - round(int(batch.numbers[0]) * self._each_ns)
            self.octets += add(batch.numbers, batch.sent_ns, batch.received_ns) * payload
            if self._sent >= 0 and self._is_over(heard_ns):
                break
        self.ended_ns = heard_ns

    def _is_over(self, heard_ns: int) -> bool:
        if self._sent < 0:
            return False
        now = monotonic_ns()
        quiet = now - max(heard_ns, self._told_ns) > QUIET_NS
        return quiet or self.reception.received >= self._sent or now - self._told_ns > LINGER_NS

    def finish(self, theirs: Mapping[str, Any]) -> None:
        """Hear how many were sent. Raises TalkError for what is no count."""
        sent = theirs.get("sent")
        if not isinstance(sent, int) or isinstance(sent, bool) or not 0 <= sent < 2**62:
            raise TalkError("it sent no count of its datagrams")
        self._told_ns, self._sent = monotonic_ns(), sent

    def total(self) -> dict[str, Any]:
        """What became of them, how many arrivals the kernel here had no room for, and when they came.

        `began_ns` is when the first was due here, had none been lost before it, and `came_ns` the end of the time
        that the last one stands for, both on this end's clock; they are left out where nothing came.
        """
        found = {**asdict(self.reception.totals(self._sent)), "dropped_here": self.dropped()}
        if self._began_ns:
            found |= {"began_ns": self._began_ns, "came_ns": self.ended_ns + round(self._each_ns)}
        return found

    def dropped(self) -> int:
        """How many the kernel dropped at this socket: of joined ones it counts each heap as one."""
        return datagrams.udp_drops(self.connection) - self._dropped_before
