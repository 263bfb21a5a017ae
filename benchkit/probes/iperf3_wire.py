"""How iperf3 talks on its control connection: a cookie, states of one octet, JSON behind its length.

As iperf3 3.12 speaks it; what 3.13 to 3.21 changed is noted where it matters.
"""

from __future__ import annotations

import secrets
import select
import socket
import struct
from contextlib import suppress
from enum import IntEnum

from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.errors import told_by_system
from benchkit.probes.talk import GoneError, TalkError

COOKIE_OCTETS = 37
_COOKIE_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
PARAMETERS_LIMIT = 8 << 10  # what 3.18 and newer take
RESULTS_LIMIT = 1 << 20
TALK_S = 5.0

# The greeting of a UDP stream, in the octets that little-endian hosts send since 3.12.
UDP_HELLO, UDP_WELCOME = b"9876", b"6789"
UDP_GREETING_OCTETS = 4

_LENGTH = struct.Struct(">I")
_ERROR = struct.Struct(">i")
_STATE = struct.Struct("b")


class State(IntEnum):
    """What the two ends tell each other, as signed octets."""

    TEST_START = 1
    TEST_RUNNING = 2
    TEST_END = 4
    PARAM_EXCHANGE = 9
    CREATE_STREAMS = 10
    SERVER_TERMINATE = 11
    CLIENT_TERMINATE = 12
    EXCHANGE_RESULTS = 13
    DISPLAY_RESULTS = 14
    IPERF_DONE = 16
    ACCESS_DENIED = -1
    SERVER_ERROR = -2


def new_cookie() -> bytes:
    """The name of a test, which opens each of its connections."""
    letters = "".join(secrets.choice(_COOKIE_LETTERS) for _ in range(COOKIE_OCTETS - 1))
    return letters.encode() + b"\0"


def state_of(octet: bytes) -> State:
    """Read a state. Raises TalkError for an octet that is none."""
    (number,) = _STATE.unpack(octet)
    try:
        return State(number)
    except ValueError as error:
        raise TalkError(f"it said {octet[0]:#04x} where a state of iperf3 was due") from error


class Control:
    """A control connection. Every read and write has a time limit."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._connection = connection
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        """Give the descriptor, for a poll."""
        return self._connection.fileno()

    def is_gone(self) -> bool:
        """Whether the other end has hung up; nothing is read."""
        if self._connection.fileno() < 0:  # closed by whoever broke the test off
            return True
        ends = select.POLLRDHUP | select.POLLHUP | select.POLLERR
        looking = select.poll()
        looking.register(self._connection, ends)
        return bool(looking.poll(0))

    def read(self, octets: int, seconds: float) -> bytes:
        """So many octets, all of them within the time. Raises TalkError, which is GoneError where it hung up."""
        deadline = monotonic_ns() + round(seconds * NS_PER_S)
        found = bytearray()
        while len(found) < octets:
            left = deadline - monotonic_ns()
            try:
                self._connection.settimeout(max(left, NS_PER_US) / NS_PER_S)
                got = self._connection.recv(octets - len(found))
            except TimeoutError as error:
                raise TalkError(f"it said nothing for {seconds:.0f} s") from error
            except OSError as error:
                raise GoneError(f"the connection broke: {told_by_system(error)}") from error
            if not got:
                raise GoneError("it hung up")
            found += got
        return bytes(found)

    def read_state(self, seconds: float = TALK_S) -> State:
        """The next state. Raises TalkError."""
        return state_of(self.read(1, seconds))

    def read_message(self, limit: int, seconds: float = TALK_S) -> bytes:
        """What stands behind its length, at most `limit` octets. Raises TalkError."""
        (octets,) = _LENGTH.unpack(self.read(_LENGTH.size, seconds))
        if octets > limit:
            raise TalkError(f"it announced a message of {octets} octets, at most {limit} are taken")
        return self.read(octets, seconds)

    def read_error(self) -> tuple[int, int]:
        """The two numbers behind SERVER_ERROR, iperf3's and the system's; 0 for one that 3.12 leaves out."""
        found = []
        for _ in range(2):
            try:
                found.append(int(_ERROR.unpack(self.read(_ERROR.size, 1.0))[0]))
            except TalkError:
                found.append(0)
        return found[0], found[1]

    def send(self, words: bytes) -> None:
        """Say something. Raises GoneError."""
        try:
            self._connection.settimeout(TALK_S)
            self._connection.sendall(words)
        except OSError as error:
            raise GoneError(f"the connection broke: {told_by_system(error)}") from error

    def send_state(self, state: State) -> None:
        """Say a state. Raises GoneError."""
        self.send(_STATE.pack(state))

    def send_message(self, body: bytes) -> None:
        """Say something behind its length. Raises GoneError."""
        self.send(_LENGTH.pack(len(body)) + body)

    def send_error(self, number: int, system: int) -> None:
        """Refuse, with iperf3's number for the reason and the system's. Raises GoneError."""
        self.send(_STATE.pack(State.SERVER_ERROR) + _ERROR.pack(number) + _ERROR.pack(system))

    def close(self) -> None:
        """Hang up, and wake whoever reads."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
