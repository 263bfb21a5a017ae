"""Datagrams and their kernel stamps, many to a system call: what `timestamping` gives one by one, in columns."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S
from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.linux.messages import CONTROL_HEAD, WORD, Messages, Places
from benchkit.linux.timestamping import Received

AT_ONCE = 128
STAMPS_AT_ONCE = 256
# Room for what the kernel tells of each: three stamps, hop limit, traffic class, destination; or an extended error.
CONTROL_OCTETS = 192
NAME_OCTETS = {socket.AF_INET: 16, socket.AF_INET6: 28}
_STAMP = (socket.SOL_SOCKET, timestamping.SO_TIMESTAMPING)
_ERRORS = (
    (socket.IPPROTO_IP, timestamping.IP_RECVERR),
    (socket.IPPROTO_IPV6, timestamping.IPV6_RECVERR),
)
_DESTINATIONS = (
    (socket.IPPROTO_IP, timestamping.IP_PKTINFO),
    (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO),
)
_PORT = struct.Struct("!H")
Integers = NDArray[np.int64]
Octets = NDArray[np.uint8]


class TransmitStamps(NamedTuple):
    """The columns of `timestamping.Sent`, of shape (n,)."""

    identities: Integers
    points: Integers
    stamps_ns: Integers


NO_STAMPS = TransmitStamps(*np.zeros((3, 0), dtype=np.int64))


class StampQueue:
    """A socket's error queue."""

    def __init__(self, udp: socket.socket) -> None:
        """Lay out room for what comes of it."""
        self._udp = udp
        self._messages = Messages(STAMPS_AT_ONCE, 0, control=CONTROL_OCTETS)

    def take(self) -> TransmitStamps:
        """Transmit stamps that have come back, up to STAMPS_AT_ONCE of them; in order."""
        got = _receive(self._messages, self._udp, socket.MSG_ERRQUEUE)
        if not got:
            return NO_STAMPS
        places = self._messages.places(got)
        error = _place(places, _ERRORS)
        if places is None or error is None or _STAMP not in places:
            return self._one_by_one(got)
        if (self._messages.control[:got, error + 4] != timestamping.ORIGIN_TIMESTAMPING).any():
            return self._one_by_one(got)
        info = self._messages.words(got, error + WORD)
        return TransmitStamps(
            info >> 32 & 0xFFFFFFFF, info & 0xFFFFFFFF, _stamps(self._messages, got, places)
        )

    def _one_by_one(self, got: int) -> TransmitStamps:
        read = (timestamping.read_sent(self._messages.ancillary(at)) for at in range(got))
        rows = [sent[:3] for sent in read if sent is not None]
        return TransmitStamps(*np.array(rows, dtype=np.int64).reshape(len(rows), 3).T)


@dataclass(frozen=True)
class Arrivals:
    """Datagrams that were taken in by one call. `rows` are valid until the next; the columns are those of `Received`.

    Of shape (n,), but for octets: `rows` of (n, octets); `names` of (n, 16) or (n, 28), socket addresses as the kernel
    writes them; `destinations` of (n, 4) or (n, 16), which of our addresses each was sent to. These two have no columns
    where nobody asked for them.
    """

    rows: Octets
    lengths: Integers
    stamps_ns: Integers
    ttls: Integers
    traffic_classes: Integers
    names: Octets
    destinations: Octets

    def __len__(self) -> int:
        return len(self.lengths)

    def one(self, at: int, family: int) -> Received:
        """One of them."""
        destination = self.destinations[at].tobytes()
        return Received(
            self.rows[at, : self.lengths[at]].tobytes(),
            source_of(self.names[at].tobytes()) if self.names.shape[1] else None,
            int(self.stamps_ns[at]),
            int(self.ttls[at]),
            int(self.traffic_classes[at]),
            socket.inet_ntop(family, destination) if destination else "",
        )


class Inbox:
    """Takes in datagrams of up to `octets`, with where they came from if `named`."""

    def __init__(self, udp: socket.socket, octets: int, *, named: bool) -> None:
        """Lay out room for AT_ONCE of them. One that is longer is cut at one octet more."""
        self._udp = udp
        names = NAME_OCTETS[socket.AddressFamily(udp.family)] if named else 0
        stride = -(-(octets + 1) // WORD) * WORD
        self.messages = Messages(AT_ONCE, stride, names=names, control=CONTROL_OCTETS)

    def take(self) -> Arrivals | None:
        """What has arrived, up to AT_ONCE; None where nothing has."""
        messages = self.messages
        got = _receive(messages, self._udp, 0)
        if not got:
            return None
        places = messages.places(got)
        shared = (messages.rows[:got], messages.lengths(got))
        if places is None or _STAMP not in places:
            return Arrivals(*shared, *self._one_by_one(got))
        return Arrivals(
            *shared,
            _stamps(messages, got, places),
            self._octet(got, _place(places, timestamping.HOPS)),
            self._octet(got, _place(places, timestamping.CLASSES)),
            messages.names[:got],
            self._destinations(got, places),
        )

    def _octet(self, got: int, place: int | None) -> Integers:
        """The lowest octet of a control message's data, of which hop limits and classes have no more."""
        if place is None:
            return np.full(got, -1, dtype=np.int64)
        return self.messages.control[:got, place].astype(np.int64)

    def _destinations(self, got: int, places: Places) -> Octets:
        four, six = (places.get(each) for each in _DESTINATIONS)
        if four is not None:
            return self.messages.control[:got, four + 4 : four + 8]
        if six is not None:
            return self.messages.control[:got, six : six + 16]
        return self.messages.control[:got, :0]

    def _one_by_one(self, got: int) -> Iterator[Any]:
        """The columns where control messages are not alike."""
        read = [
            timestamping.read_received(b"", self.messages.ancillary(at), None) for at in range(got)
        ]
        for name in ("stamp_ns", "ttl", "traffic_class"):
            yield np.array([getattr(each, name) for each in read], dtype=np.int64)
        yield self.messages.names[:got]
        packed = [
            socket.inet_pton(family_of(each.destination), each.destination)
            if each.destination
            else b""
            for each in read
        ]
        width = max(map(len, packed))
        whole = b"".join(each.ljust(width, b"\0") for each in packed)
        yield np.frombuffer(whole, dtype=np.uint8).reshape(got, width)


def _receive(messages: Messages, udp: socket.socket, flags: int) -> int:
    """How many came; ICMP's bad news is passed over, as in `timestamping`."""
    while True:
        try:
            return messages.receive(udp, flags)
        except OSError as error:
            if error.errno not in timestamping.NEWS:
                raise


def _place(places: Places | None, kinds: Collection[tuple[int, int]]) -> int | None:
    """Where the first of these kinds stands."""
    return next((places[kind] for kind in kinds if kind in places), None) if places else None


def _stamps(messages: Messages, got: int, places: Places) -> Integers:
    at = places[_STAMP]
    found: Integers = messages.words(got, at) * NS_PER_S + messages.words(got, at + WORD)
    return found


def source_of(name: bytes) -> tuple[str, int] | tuple[str, int, int, int]:
    """A socket address as Python writes it."""
    family = int.from_bytes(name[:2], sys.byteorder)
    (port,) = _PORT.unpack_from(name, 2)
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    flow, scope = int.from_bytes(name[4:8], "big"), int.from_bytes(name[24:28], sys.byteorder)
    return socket.inet_ntop(socket.AF_INET6, name[8:24]), port, flow, scope


def name_of(udp: socket.socket, address: str, port: int) -> bytes:
    """A socket address as the kernel wants it for this socket. Raises OSError for what is no address."""
    info = socket.getaddrinfo(
        address, port, udp.family, socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
    )
    found = info[0][4]
    packed = socket.inet_pton(udp.family, str(found[0]).partition("%")[0])
    head = int(udp.family).to_bytes(2, sys.byteorder) + _PORT.pack(port)
    if udp.family == socket.AF_INET:
        return head + packed + bytes(8)
    scope = int(found[-1])
    return head + bytes(4) + packed + scope.to_bytes(4, sys.byteorder)


def packed_control(ancillary: Collection[tuple[int, int, bytes]]) -> bytes:
    """Control messages as the kernel reads them."""
    out = b""
    for level, kind, data in ancillary:
        out += CONTROL_HEAD.pack(CONTROL_HEAD.size + len(data), level, kind) + data
        out += bytes(-len(out) % WORD)
    return out
