"""TWAMP's control messages in open mode (RFC 5357, on those of OWAMP, RFC 4656), octet by octet.

from      message               octets  what it is for
server    greeting                  64  which modes it offers; none is a refusal
client    set-up response          164  the mode taken; keys are zeros in open mode
server    server start              48  whether it accepts, and since when it runs
client    request TW session       112  ports, addresses, padding and timeout of one session
server    accept session            48  whether it accepts, and the port that it gave
client    start sessions            32
server    start acknowledgement     32
client    stop sessions             32  how many; it is not answered
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import NamedTuple

OPEN_MODE = 1
GREETING_OCTETS, SET_UP_OCTETS, START_OCTETS, ACCEPT_OCTETS, SHORT_OCTETS = 64, 164, 48, 48, 32
REQUEST_OCTETS = 112
REQUEST_SESSION, START_SESSIONS, STOP_SESSIONS = 5, 2, 3
ACCEPTED, FAILED, UNSUPPORTED, NO_RESOURCES = 0, 1, 3, 5
REASONS = {
    1: "it failed",
    2: "an internal error",
    3: "it does not support that",
    4: "it has no resources for that",
    5: "it has no resources now",
}
COUNT = 1024  # of key derivation, unused in open mode; at least this, a power of 2
IPV4 = 4

_GREETING = struct.Struct(">12xI16x16xI12x")
_SET_UP = struct.Struct(">I160x")
_SERVER_START = struct.Struct(">15xB16xII8x")
# Type and IP version; slots and packets are zeros in TWAMP.
_REQUEST = struct.Struct(">BB2x4x4xHH16s16s16xIIIIII8x16x")
_ACCEPT = struct.Struct(">BxH16s12x16x")
_COMMAND = struct.Struct(">B31x")
_ACKNOWLEDGED = struct.Struct(">B31x")
_STOP = struct.Struct(">BB2xI8x16x")


class SessionRequest(NamedTuple):
    """What a client asks for. Empty addresses are those of the control connection; `timeout_s` is waited after the stop."""

    sender: tuple[str, int]
    receiver: tuple[str, int]
    padding: int
    start: tuple[int, int]  # NTP
    timeout_s: float
    dscp: int


def greeting(modes: int = OPEN_MODE) -> bytes:
    """What a server says first."""
    return _GREETING.pack(modes, COUNT)


def read_greeting(message: bytes) -> int:
    """The modes that a server offers; 0 is a refusal."""
    modes, _ = _GREETING.unpack(message)
    return int(modes)


def set_up_response() -> bytes:
    """The client takes open mode."""
    return _SET_UP.pack(OPEN_MODE)


def read_set_up_response(message: bytes) -> int:
    """The mode that a client takes; 0 says that it goes."""
    return int(_SET_UP.unpack(message)[0])


def server_start(accept: int, since: tuple[int, int]) -> bytes:
    """Whether the server accepts, and since when it runs, in NTP."""
    return _SERVER_START.pack(accept, *since)


def read_server_start(message: bytes) -> int:
    """Whether the server accepts: 0, or why not."""
    return int(_SERVER_START.unpack(message)[0])


def session_request(asked: SessionRequest) -> bytes:
    """A client asks for one session."""
    version = ip_address(asked.receiver[0]).version
    timeout = round(asked.timeout_s * (1 << 32))
    return _REQUEST.pack(
        REQUEST_SESSION,
        version,
        asked.sender[1],
        asked.receiver[1],
        ip_address(asked.sender[0]).packed,
        ip_address(asked.receiver[0]).packed,
        asked.padding,
        *asked.start,
        timeout >> 32,
        timeout & 0xFFFFFFFF,
        asked.dscp << 24,
    )


def read_session_request(message: bytes) -> SessionRequest | None:
    """What a client asks for, or None where it is no such request or of an IP version that nobody knows."""
    kind, version, sender_port, receiver_port, sender, receiver, *rest = _REQUEST.unpack(message)
    octets = {4: 4, 6: 16}.get(version & 15)
    if kind != REQUEST_SESSION or octets is None:
        return None
    padding, *start, whole, fraction, type_p = rest
    return SessionRequest(
        (_address(sender[:octets]), sender_port),
        (_address(receiver[:octets]), receiver_port),
        padding,
        (start[0], start[1]),
        whole + fraction / (1 << 32),
        type_p >> 24 & 63,
    )


def _address(octets: bytes) -> str:
    return str(ip_address(octets)) if any(octets) else ""


def accept_session(accept: int, port: int = 0, session: bytes = bytes(16)) -> bytes:
    """The server's answer: the port that it gave, which need not be the one asked for, and the session's name."""
    return _ACCEPT.pack(accept, port, session)


def read_accept_session(message: bytes) -> tuple[int, int]:
    """Whether the server accepts (0), and the port that it gave."""
    accept, port, _ = _ACCEPT.unpack(message)
    return int(accept), int(port)


def start_sessions() -> bytes:
    """The client begins."""
    return _COMMAND.pack(START_SESSIONS)


def start_acknowledgement(accept: int = ACCEPTED) -> bytes:
    """The server is ready."""
    return _ACKNOWLEDGED.pack(accept)


def read_start_acknowledgement(message: bytes) -> int:
    """Whether the server is ready: 0, or why not."""
    return int(_ACKNOWLEDGED.unpack(message)[0])


def stop_sessions(sessions: int) -> bytes:
    """The client has done; servers that count want the number to be exact."""
    return _STOP.pack(STOP_SESSIONS, ACCEPTED, sessions)


def read_stop_sessions(message: bytes) -> int | None:
    """How many sessions a client stops; None where it is no such message."""
    kind, _, sessions = _STOP.unpack(message)
    return int(sessions) if kind == STOP_SESSIONS else None
