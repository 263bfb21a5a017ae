"""The packets of a STAMP sender's session, and what it makes of the answers, whoever gives them."""

from __future__ import annotations

import socket

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import realtime_ns
from benchkit.linux.clock_quality import clock_quality
from benchkit.linux.key_file import read_key
from benchkit.linux.timestamping import Received
from benchkit.model.far_end import FarFlags
from benchkit.model.samples import FAR_FLAGS, FAR_SEQUENCE, FAR_TTL, Samples
from benchkit.model.stamp_options import StampOptions
from benchkit.probes.flight_rows import Answer, Kept
from benchkit.probes.reflector_departures import departures_of
from benchkit.probes.stamp_extending import Extender
from benchkit.probes.stamp_packet import Base, Reply
from benchkit.probes.stamp_time import PTP, SYNCHRONISED, pack_error_estimate, wire_time

FAR_COLUMNS = ("t2_ns", "t3_ns", FAR_SEQUENCE, FAR_TTL, FAR_FLAGS)


class Packets:
    """The packets of one session, of which `count` are due.

    `forged` counts what came from the far end and was not sealed by our key; `has_followed_up` says whether any answer
    told when an earlier one left.
    """

    far_columns: tuple[str, ...] = FAR_COLUMNS

    def __init__(
        self,
        ssid: int,
        count: int,
        options: StampOptions,
        udp: socket.socket,
        *,
        twamp: bool = False,
        left: NDArray[np.uint64] | None = None,
    ) -> None:
        """Be a session of `count` packets on a bound socket; `ssid` 0 and `twamp` for what TWAMP has agreed on.

        `left`, of shape (count,), is where each packet's time stands, as it is on the wire; 0 has not been sent. Who
        sends without `pack` writes it there. Raises AskedWronglyError for options that cannot be.
        """
        self._ssid = ssid
        # TWAMP knows no session identifiers, and always counts (RFC 5357 section 4.2.1).
        self._known = int(FarFlags.COUNTS) if twamp else 0
        self._expected = ~int(FarFlags.NO_SSID) if twamp else ~0
        self._base = Base(read_key(options.key_file))
        self._extender = Extender(options, self._base, udp)
        quality = clock_quality()
        self.estimate = pack_error_estimate(
            quality.error_ns, synchronised=quality.synchronised, ptp=options.ptp
        )
        # One more than those that are due: `stamp_closing` sends it.
        whole = np.zeros(count + 1, dtype=np.uint64) if left is None else left
        self.kept: Kept = () if left is not None else (whole,)
        # Looked at one by one it is several times faster so.
        self._left: memoryview[int] = memoryview(whole)  # type: ignore[arg-type]  # NumPy's arrays are buffers
        self._follow_ups: list[tuple[int, int, int]] = []
        self._by_far_sequence: dict[int, int] = {}
        self.octets = self._base.octets + self._extender.octets
        self.count = count
        self.forged = 0
        self.has_followed_up = False

    def pack(self, index: int) -> bytes:
        """The packet of that number."""
        now = wire_time(realtime_ns(), self.estimate)
        self._left[index] = now.high << 32 | now.low
        base = self._base.request(index, self._ssid, now)
        return base + self._extender.tail(index)

    def read(self, received: Received) -> Answer | None:
        """Which packet is answered, and FAR_COLUMNS; None where this is no answer to one of ours."""
        reply = self._base.read_reply(received.payload)
        if reply is None:
            self.forged += bool(self._base.key)
            return None
        # A reflector without RFC 8972 answers SSID 0.
        number = reply.sender_sequence
        if number >= len(self._left) or reply.ssid not in {self._ssid, 0}:
            return None
        left = int(self._left[number])
        if not left:  # an answer to what has not been sent
            return None
        reply, flags = put_right(reply, left)
        if len(received.payload) != self.octets:
            flags |= FarFlags.OTHER_LENGTH
        flags |= self._read_extensions(received, reply) | self._known
        flags &= self._expected
        near = received.stamp_ns or realtime_ns()
        times = reply.t2_ns(near), reply.t3_ns(near)
        return Answer(number, (*times, reply.sequence, max(reply.ttl, 0), flags))

    def _read_extensions(self, received: Received, reply: Reply) -> int:
        """Look at the TLVs that came back, where the far end can be trusted to have meant them."""
        if not self._extender.octets:
            return 0
        if not reply.ssid:
            return FarFlags.NO_EXTENSIONS
        found = self._extender.read(received, reply)
        if self._extender.follows_up:
            self._by_far_sequence[reply.sequence] = reply.sender_sequence
        if found.follow_up is not None:
            self.has_followed_up = True
            sequence, left_ns = found.follow_up
            answered = self._by_far_sequence.pop(sequence, None)
            if answered is not None:
                self._follow_ups.append((self._ssid, answered, left_ns))
        return found.flags

    @property
    def tail(self) -> bytes:
        """What follows the base of each packet, where that is the same in all."""
        return self._extender.tail(0)

    @property
    def follows_up(self) -> bool:
        """Whether later answers are asked when earlier ones left."""
        return self._extender.follows_up

    def departures(self) -> Samples | None:
        """When earlier answers left by the far end's kernel, as later ones told: since this was last asked."""
        # At once: another thread may read answers meanwhile.
        told, self._follow_ups = self._follow_ups, []
        return departures_of(np.array(told, dtype=np.int64)) if told else None


def put_right(reply: Reply, left: int) -> tuple[Reply, int]:
    """Make sense of a reply to a packet that carried the time `left`, its 64 bits as they stood on the wire.

    Returns the reply with its times where they belong, and bits of FarFlags as a plain number, which is faster.
    """
    flags = 0
    if reply.t1_high << 32 | reply.t1_low != left:
        if reply.t3_high << 32 | reply.t3_low == left:
            # TWAMP Light as some make it: the sender's time comes first, the far end's own after T2.
            reply = reply._replace(t3_high=reply.t1_high, t3_low=reply.t1_low)
            flags = int(FarFlags.SWAPPED_STAMPS)
        else:
            flags = int(FarFlags.FOREIGN_T1)
    if not reply.ssid:
        flags |= FarFlags.NO_SSID
    if reply.ttl < 0:
        flags |= FarFlags.NO_TTL
    if reply.t2_low == reply.t3_low and reply.t2_high == reply.t3_high:
        flags |= FarFlags.NO_DWELL
    if reply.error_estimate & SYNCHRONISED:
        flags |= FarFlags.SYNCHRONISED
    if reply.error_estimate & PTP:
        flags |= FarFlags.PTP
    return reply, int(flags)
