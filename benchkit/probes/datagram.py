"""UDP at a paced rate: what was lost, doubled, overtaken, and how the delay varied, one direction at a time.

The far end is that of the bulk TCP test, by the same control connection and the same lease; the datagrams go to the
UDP port of the same number.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from benchkit.errors import MeasureError, told_by_system
from benchkit.linux import datagrams
from benchkit.model.bulk_spec import UdpSpec
from benchkit.model.samples import Samples, column
from benchkit.probes.datagram_flow import UdpSink, UdpSource
from benchkit.probes.datagram_terms import HELLO, UdpTerms, mark_of, terms_from
from benchkit.probes.far_end import FarEnd, FarTest
from benchkit.probes.outbox import Item, tested
from benchkit.probes.stream_meter import LATEST_NS, Rows
from benchkit.probes.stream_session import BulkSession
from benchkit.probes.stream_terms import whole
from benchkit.probes.talk import Talk, TalkError, clock_offset_ns

HELLO_S, HELLOS = 0.25, 20
COUNT_LIMIT = 2**62
# Of the octets: what an interval may count that came just before it.
STRAY_SHARE = 0.01
VARIATION = ("pdv_p50_ns", "pdv_p99_ns", "pdv_p99_9_ns")
TOTAL_COLUMNS = (
    "up",
    "sent",
    "received",
    "lost",
    "duplicates",
    "reordered",
    "jitter_ns",
    *VARIATION,
    "dropped_here",  # of the lost: by the receiving host's own kernel, for want of room in the socket
    "refused",  # calls that the sending host's kernel had no room for
    "joined",  # 1: by GSO and GRO
)


async def datagram(spec: UdpSpec) -> AsyncIterator[Samples]:
    """Run one test; yield goodput by interval, and the account of all datagrams ("datagrams").

    Raises MeasureError where the far end cannot be reached, is taken, or goes, after all that was measured.
    """
    async for batch in tested(lambda put: DatagramTest(spec, put)):
        yield batch


class DatagramTest(FarTest[UdpSource | UdpSink]):
    """One test, on a thread."""

    def __init__(self, spec: UdpSpec, put: Callable[[Item], None]) -> None:
        """Know what is asked, and where what is measured goes."""
        super().__init__(FarEnd(spec.path, spec.address, spec.port, spec.key))
        self._spec = spec
        joined = datagrams.has_segmentation() if spec.joined is None else spec.joined
        self._terms = terms_from(spec, joined=joined)
        self._put = put

    def _measure(self) -> None:
        talk, token = self._far.granted(self._terms.encoded())
        offset_ns = clock_offset_ns(talk)
        udp = self._opened(talk, token)
        role = UdpSource if self._terms.up else UdpSink
        self._flows = [role(udp, self._terms, mark_of(token))]
        talk.say({"begin": True})
        session = BulkSession(talk, self._terms.duration_ns, self._flows)
        try:
            session.run(tells=False)
        finally:
            counts = session.theirs if self._terms.up else session.ours
            sink = (session.their_end or ({},))[0] if self._terms.up else self._flows[0].total()
            counts.received = _while_sent(counts.received, self._terms.duration_ns, sink)
            counts = counts.shifted(-offset_ns) if self._terms.up else counts
            for rows in counts.goodput(self._spec.path, self._spec.phase):
                self._put(rows)
        (theirs,) = session.their_end or ({},)
        self._put(self._account(theirs))
        self._far.await_release()

    def _opened(self, talk: Talk, token: str) -> socket.socket:
        """A socket whose greeting has arrived at the far end."""
        spec = self._spec
        udp = socket.socket(self._far.family, socket.SOCK_DGRAM)
        try:
            datagrams.prepare(udp)
            udp.connect((spec.address, spec.port))
            for _ in range(HELLOS):
                with suppress(ConnectionRefusedError):
                    udp.send(HELLO + token.encode())
                with suppress(TalkError):
                    if talk.hear(HELLO_S).get("open") == 1:
                        return udp
        except OSError as error:
            udp.close()
            raise self._blocked(told_by_system(error)) from error
        udp.close()
        raise self._blocked(f"{HELLOS} datagrams went unheard, TCP port {spec.port} answers")

    def _blocked(self, why: str) -> MeasureError:
        spec = self._spec
        return MeasureError(
            f"{spec.path}: UDP port {spec.port} of {spec.address} cannot be reached: {why}; let UDP port "
            f"{spec.port} pass"
        )

    def _account(self, theirs: Mapping[str, Any]) -> Samples:
        (flow,) = self._flows
        ours = flow.total()
        source, sink = (ours, theirs) if self._terms.up else (theirs, ours)
        row = account(source, sink, self._terms)
        columns = {name: column(np.array([value])) for name, value in row.items()}
        return Samples("datagrams", self._spec.path, self._spec.phase, columns)


def _while_sent(rows: Rows, duration_ns: int, sink: Mapping[str, Any]) -> Rows:
    """Cut to the time in which datagrams could come: from the first on, for the time agreed, or longer if they did.

    A sink that does not say when they came, or says what its own counts belie, leaves intervals whole, but for those at
    the end in which it only waited.
    """
    told = _time_of(sink, rows, duration_ns)
    if told is None:
        return _without_waiting(rows, duration_ns)
    began, end = told
    kept: Rows = []
    octets = 0
    for start, stop, more, *rest in rows:
        octets += more
        if min(stop, end) > max(start, began):
            kept.append((max(start, began), min(stop, end), octets, *rest))
            octets = 0
    if octets and kept:
        start, stop, more, *rest = kept[-1]
        kept[-1] = (start, stop, more + octets, *rest)
    return kept or list(rows)


def _time_of(sink: Mapping[str, Any], rows: Rows, duration_ns: int) -> tuple[int, int] | None:
    """When datagrams came, by a sink's word; None where it has none that can be true."""
    try:
        began, came = (whole(sink, name, 0, LATEST_NS) for name in ("began_ns", "came_ns"))
    except TalkError:
        return None
    end = max(came, began + duration_ns)
    outside = sum(more for start, stop, more, *_ in rows if stop <= began or start >= end)
    believed = outside <= STRAY_SHARE * sum(row[2] for row in rows)
    return (began, end) if believed else None


def _without_waiting(rows: Rows, duration_ns: int) -> Rows:
    kept = list(rows)
    while len(kept) > 1 and not kept[-1][2] and kept[-1][0] - kept[0][0] >= duration_ns:
        kept.pop()
    return kept


def account(source: Mapping[str, Any], sink: Mapping[str, Any], terms: UdpTerms) -> dict[str, int]:
    """What both ends counted, in one row. Raises TalkError for what are no counts."""
    variation = sink.get("pdv_ns")
    if not isinstance(variation, (list, tuple)) or len(variation) != len(VARIATION):
        raise TalkError("it sent no delay variation")
    found = {"up": int(terms.up)}
    for name in ("sent", "received", "lost", "duplicates", "reordered", "jitter_ns"):
        found[name] = whole(sink, name, 0, COUNT_LIMIT)
    if found["lost"] > found["sent"]:
        raise TalkError("it lost more datagrams than were sent")
    told = dict(zip(VARIATION, variation, strict=True))
    found |= {name: whole(told, name, 0, COUNT_LIMIT) for name in VARIATION}
    # The kernel counts what it drops in heaps; a heap that was cut on the way counts for less.
    dropped = whole(sink, "dropped_here", 0, COUNT_LIMIT) * whole(source, "heap", 1, 2**16)
    found["dropped_here"] = min(dropped, found["lost"])
    found["refused"] = whole(source, "refused", 0, COUNT_LIMIT)
    found["joined"] = int(terms.joined)
    return found
