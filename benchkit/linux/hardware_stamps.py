"""Which interfaces stamp packets in hardware (ethtool's ETHTOOL_GET_TS_INFO), and by which clock."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from dataclasses import dataclass

SIOCETHTOOL = 0x8946
ETHTOOL_GET_TS_INFO = 0x41
# SO_TIMESTAMPING's bits, as in linux/net_tstamp.h.
TX_HARDWARE, RX_HARDWARE, RAW_HARDWARE = 1, 4, 64
# hwtstamp_config's: what a driver may be asked to stamp, one bit for each value.
TX_ON, FILTER_ALL = 1 << 1, 1 << 1
NO_CLOCK = -1

# struct ethtool_ts_info: command, what sockets may ask for, PHC, transmit types, receive filters.
INFO = struct.Struct("=IIiI12xI12x")
_REQUEST = struct.Struct("@16sP8x")  # struct ifreq: a name and where the answer goes


@dataclass(frozen=True)
class Abilities:
    """What an interface stamps in hardware. `clock` is the number of its PTP clock, /dev/ptpN; None has none.

    `arrivals` is of every packet: a card that stamps only PTP's own cannot stamp ours.
    """

    departures: bool
    arrivals: bool
    clock: int | None

    @property
    def both(self) -> bool:
        """Whether round trips can be stamped in hardware at this end."""
        return self.departures and self.arrivals


NONE = Abilities(departures=False, arrivals=False, clock=None)


def read_info(raw: bytes) -> Abilities:
    """What a struct ethtool_ts_info says."""
    _, flags, clock, transmit, filters = INFO.unpack_from(raw)
    usable = bool(flags & RAW_HARDWARE)
    return Abilities(
        departures=usable and bool(flags & TX_HARDWARE) and bool(transmit & TX_ON),
        arrivals=usable and bool(flags & RX_HARDWARE) and bool(filters & FILTER_ALL),
        clock=None if clock == NO_CLOCK else clock,
    )


def abilities(interface: str) -> Abilities:
    """Ask the kernel. An interface that is not there, or whose driver does not tell, stamps nothing in hardware."""
    answer = ctypes.create_string_buffer(INFO.size)
    INFO.pack_into(answer, 0, ETHTOOL_GET_TS_INFO, 0, NO_CLOCK, 0, 0)
    request = _REQUEST.pack(interface.encode()[:15], ctypes.addressof(answer))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            fcntl.ioctl(asker, SIOCETHTOOL, request)
        except OSError:
            return NONE
    return read_info(answer.raw)


def interfaces() -> dict[str, Abilities]:
    """Every interface of this thread's namespace, and what it stamps in hardware."""
    return {name: abilities(name) for _, name in socket.if_nameindex()}
