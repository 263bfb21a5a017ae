"""TCP sockets for bulk: buffers that are never copied twice, and what the kernel knows of a connection."""

from __future__ import annotations

import mmap
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

from benchkit.linux.address import family_of

TCP_CONGESTION = 13
TCP_INFO = 11
MSG_TRUNC = 0x20
# In every kernel, open to every user, and it does not pace.
UNPACED = b"reno"
WORD_OCTETS = 8

SEND_BLOCK = 64 << 10
SEND_BLOCKS = 16
RECEIVE = 4 << 20
# The kernel copies by an instruction (rep movsb) that takes 5 times as long on AMD's Zen 3 and 4 where the target lies 1 to 15
# octets further on in its page than the source in its own (`tests/benchmarks/copying.py`). The kernel's memory for what is sent
# begins with a page, and leaves out up to 31 octets now and then: from this place it takes the longest to get there.
PAGE = mmap.PAGESIZE
SOURCE_PLACE = PAGE - 16


class TcpInfo(NamedTuple):
    """What limited a sender, from TCP_INFO. Times in microseconds, window in segments, rates in octets per second.

    All but the windows and rates are sums since the connection began. `acknowledged` counts the SYN too. `congestion`
    is what `word_of` makes of a name.
    """

    rtt_us: int
    min_rtt_us: int
    window_segments: int
    segment_octets: int
    retransmits: int
    delivery_rate: int
    busy_us: int
    receive_window_limited_us: int
    send_buffer_limited_us: int
    acknowledged: int
    unsent_octets: int
    sent_octets: int
    resent_octets: int
    offered_window: int
    application_limited: int
    congestion: int  # the control in force, as a word


def listener_at(address: str, port: int, backlog: int) -> socket.socket:
    """Listen for data connections, to which `set_congestion_control` is still to give theirs. Raises OSError.

    They begin unpaced: a control that paces, as BBR may be this system's own, leaves its pacing to the next.
    """
    family = family_of(address)
    listener = socket.create_server((address, port), family=family, backlog=backlog)
    with suppress(OSError):
        listener.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, UNPACED)
    return listener


def congestion_control(connection: socket.socket) -> str:
    """The one in force."""
    answer = connection.getsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, 16)
    return answer.split(b"\0")[0].decode()


def word_of(name: str) -> int:
    """The first eight letters of a name as a number, for a table that holds nothing else; "" is 0."""
    return int.from_bytes(name.encode("ascii", "replace")[:WORD_OCTETS].ljust(WORD_OCTETS, b"\0"))


def name_of(word: int) -> str:
    """What `word_of` was given."""
    return word.to_bytes(WORD_OCTETS).rstrip(b"\0").decode("ascii", "replace")


def set_congestion_control(connection: socket.socket, name: str = "") -> str:
    """Ask for a congestion control and return the one in force: this system's own for "", or where it has no such."""
    for wanted in (name, _usual_congestion_control()):
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, wanted.encode())
            break
    return congestion_control(connection)


def _usual_congestion_control() -> str:
    """What a socket has of which nobody has asked any."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as fresh:
        return congestion_control(fresh)


def set_timeouts(connection: socket.socket, seconds: float) -> None:
    """Bound each blocking send and receive. `settimeout` would cost a poll for each of them."""
    bound = struct.pack("@ll", int(seconds), int(seconds % 1 * 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)


def set_window(connection: socket.socket, octets: int) -> int:
    """Ask for both buffers; return the smaller of what the kernel gave, in octets, its own half left out."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        connection.setsockopt(socket.SOL_SOCKET, option, octets)
    return window(connection)


def window(connection: socket.socket) -> int:
    """The smaller of both buffers in octets: of what the kernel tells, half is for its own headers (socket(7))."""
    options = (socket.SO_SNDBUF, socket.SO_RCVBUF)
    return min(connection.getsockopt(socket.SOL_SOCKET, option) for option in options) // 2


def receive_room(connection: socket.socket) -> int:
    """Octets that the kernel keeps here for the receiver at present, its own half with them."""
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def info(connection: socket.socket) -> TcpInfo:
    """Read TCP_INFO. Offsets are those of struct tcp_info in <linux/tcp.h>."""
    raw = connection.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 512).ljust(256, b"\0")

    def u32(at: int) -> int:
        return int.from_bytes(raw[at : at + 4], "little")

    def u64(at: int) -> int:
        return int.from_bytes(raw[at : at + 8], "little")

    return TcpInfo(
        rtt_us=u32(68),
        min_rtt_us=u32(148),
        window_segments=u32(80),
        segment_octets=u32(16),
        retransmits=u32(100),
        delivery_rate=u64(160),
        busy_us=u64(168),
        receive_window_limited_us=u64(176),
        send_buffer_limited_us=u64(184),
        acknowledged=u64(120),
        unsent_octets=u32(144),
        sent_octets=u64(200),
        resent_octets=u64(208),
        offered_window=u32(228),
        application_limited=raw[7] & 1,
        congestion=word_of(congestion_control(connection)),
    )


def acknowledged(connection: socket.socket) -> int:
    """How many octets the far end's kernel has acknowledged; the SYN counts as one."""
    raw = connection.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 512).ljust(128, b"\0")
    return int.from_bytes(raw[120:128], "little")


def source(octets: int) -> memoryview:
    """Memory to send from, so many octets again and again, where copying from it is fast."""
    memory = memoryview(mmap.mmap(-1, octets + PAGE))
    memory[:] = bytes(len(memory))  # else all of it is the kernel's one page of zeros
    return memory[SOURCE_PLACE:][:octets]


def send_blocks() -> list[memoryview]:
    """What a bulk sender sends with each call: one block many times over, so that it stays in the cache."""
    return [source(SEND_BLOCK)] * SEND_BLOCKS


def receive_buffer(octets: int) -> mmap.mmap:
    """Room for so many octets from any place in its first page on.

    Receives that discard (MSG_TRUNC) never write to it, so that it never takes memory.
    """
    return mmap.mmap(-1, octets + PAGE)
