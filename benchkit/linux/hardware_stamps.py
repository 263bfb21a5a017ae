"""Which interfaces stamp packets in hardware (ethtool's ETHTOOL_GET_TS_INFO), by which clock, and having them do it.

Hardware stamps are of the card's own clock, not of CLOCK_REALTIME: only differences of two of them mean anything.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import socket
import struct
from dataclasses import dataclass

from benchkit.errors import CommandError
from benchkit.linux import command
from benchkit.linux.timestamping import RAW_HARDWARE

SIOCETHTOOL = 0x8946
ETHTOOL_GET_TS_INFO = 0x41
SIOCSHWTSTAMP, SIOCGHWTSTAMP = 0x89B0, 0x89B1
# SO_TIMESTAMPING's bits, as in linux/net_tstamp.h.
TX_HARDWARE, RX_HARDWARE = 1, 4
# hwtstamp_config's: what a driver may be asked to stamp, one bit for each value.
TX_ON, FILTER_ALL = 1 << 1, 1 << 1
NO_CLOCK = -1

# struct ethtool_ts_info: command, what sockets may ask for, PHC, transmit types, receive filters.
INFO = struct.Struct("=IIiI12xI12x")
# struct hwtstamp_config: flags, transmit type, receive filter.
CONFIG = struct.Struct("=iii")
ON, ALL = 1, 1
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


def read_info(raw: bytes | bytearray) -> Abilities:
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
    answer = bytearray(INFO.size)
    INFO.pack_into(answer, 0, ETHTOOL_GET_TS_INFO, 0, NO_CLOCK, 0, 0)
    return read_info(answer) if _asked(interface, SIOCETHTOOL, answer) else NONE


def stamps_now(interface: str) -> bool:
    """Whether an interface that can stamps every packet in hardware from now on.

    It is told to where that is permitted (CAP_NET_ADMIN); else it may have been told before, by a PTP daemon.
    """
    if not abilities(interface).both:
        return False
    config = bytearray(CONFIG.pack(0, ON, ALL))
    return _asked(interface, SIOCSHWTSTAMP, config) or (
        _asked(interface, SIOCGHWTSTAMP, config) and CONFIG.unpack(config)[1:] == (ON, ALL)
    )


def _asked(interface: str, what: int, record: bytearray) -> bool:
    """Have the kernel read and write a record about an interface; False where it refuses."""
    place = (ctypes.c_char * len(record)).from_buffer(record)
    request = _REQUEST.pack(interface.encode()[:15], ctypes.addressof(place))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            fcntl.ioctl(asker, what, request)
        except OSError:
            return False
    return True


def interface_to(address: str) -> str | None:
    """By which interface packets to an address leave; None where there is no way."""
    try:
        told = json.loads(command.run(("ip", "-j", "route", "get", address.partition("%")[0])))
    except (CommandError, ValueError):
        return None
    return next((str(each["dev"]) for each in told if "dev" in each), None)


def interfaces() -> dict[str, Abilities]:
    """Every interface of this thread's namespace, and what it stamps in hardware."""
    return {name: abilities(name) for _, name in socket.if_nameindex()}
