"""How two ends of our own tests talk: a line of JSON each time, over a connection that carries nothing else."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.errors import told_by_system

TALK_S = 5.0
LINE_LIMIT = 1 << 20
CLOCK_TRIES, CLOCK_LIMIT = 8, 2**62
PROVE, PROOF, NONCE_OCTETS = "prove", "proof", 32
NONCE = re.compile("[0-9a-f]{64}")
Words = Mapping[str, Any]

# In a refusal: what the other end was not shown.
WANTS, KEY = "wants", "key"
# As a test: whether who asks knows the key, or needs none.
KNOWN = "known"


def unproved(option: str, *, shown: bool) -> str:
    """What to do where a far end wants a key, which the site's `option` names, and was shown none or another."""
    same = f"the key that its agent has from --{option.replace('_', '-')}, or measure by --cluster"
    if shown:
        return f"it does not know the key that this site's {option} names: give the site {same}"
    return (
        f"it serves those alone who know its key: give the site as its {option} the file of {same}"
    )


class TalkError(Exception):
    """The other end does not keep to the protocol: silent, gone, or saying what has no meaning. Says which."""


class GoneError(TalkError):
    """It hung up."""


class Talk:
    """A control connection. Every read and write has a time limit."""

    def __init__(self, connection: socket.socket, before: bytes = b"") -> None:
        """Take over a connected socket, with what has been read of it before."""
        self._connection = connection
        self._pending = bytearray(before)
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        """Give the descriptor, for a poll."""
        return self._connection.fileno()

    @property
    def here(self) -> str:
        """Our address, as the other end reached it."""
        return str(self._connection.getsockname()[0])

    def say(self, words: Words) -> None:
        """Send a line. Raises GoneError."""
        try:
            self._connection.settimeout(TALK_S)
            self._connection.sendall(json.dumps(words).encode() + b"\n")
        except OSError as error:
            raise GoneError(f"the connection broke: {told_by_system(error)}") from error

    def hear(self, seconds: float = TALK_S) -> Words:
        """Wait for the next line, so long at most. Raises TalkError, which is GoneError where it hung up."""
        deadline = monotonic_ns() + round(seconds * NS_PER_S)
        while (line := self._line()) is None:
            left = (deadline - monotonic_ns()) / NS_PER_S
            if left <= 0 or not self._receive(left):
                raise TalkError(f"it said nothing for {seconds:.0f} s")
        return line

    def heard(self) -> Iterator[Words]:
        """Whatever lines have arrived, without waiting. Raises TalkError, but not before they were heard."""
        yield from iter(self._line, None)
        if self._receive(0.0):
            yield from iter(self._line, None)

    def close(self) -> None:
        """Hang up, and wake whoever reads."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _receive(self, seconds: float) -> bool:
        """Whether anything came within the time; 0 looks and does not wait."""
        try:
            self._connection.settimeout(max(seconds, NS_PER_US / NS_PER_S) if seconds else 0.0)
            got = self._connection.recv(1 << 16)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError as error:
            raise GoneError(f"the connection broke: {told_by_system(error)}") from error
        if not got:
            raise GoneError("it hung up")
        self._pending += got
        return True

    def _line(self) -> Words | None:
        head, end, rest = self._pending.partition(b"\n")
        if not end:
            if len(self._pending) > LINE_LIMIT:
                raise TalkError(f"it sent a line of more than {LINE_LIMIT} octets")
            return None
        self._pending = rest
        return words_of(head)


def words_of(line: bytes | bytearray) -> Words:
    """What a line says. Raises TalkError where that is no object of JSON."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TalkError(f"it sent JSON that cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise TalkError("it sent JSON that is no object")
    return found


def demand_proof(talk: Talk, key: bytes, seconds: float) -> bool:
    """Whether the other end knows the key: it is asked for a code of what nobody can have heard before.

    Raises TalkError.
    """
    nonce = secrets.token_hex(NONCE_OCTETS)
    talk.say({PROVE: nonce})
    return hmac.compare_digest(str(talk.hear(seconds).get(PROOF)), _proof(key, nonce))


def prove(talk: Talk, key: bytes, said: Words, seconds: float) -> Words:
    """Show knowledge of the key where `said` asks for it; what is said then. Raises TalkError."""
    if PROVE not in said:
        return said
    talk.say({PROOF: _proof(key, nonce_of(said, PROVE))})
    return talk.hear(seconds)


def nonce_of(said: Words, name: str) -> str:
    """A nonce that the other end chose. Nothing else is ever given a code: it would be good for what else it says.

    Raises TalkError.
    """
    nonce = said.get(name)
    if not isinstance(nonce, str) or not NONCE.fullmatch(nonce):
        raise TalkError("it asks for a code of what is no nonce")
    return nonce


def _proof(key: bytes, nonce: str) -> str:
    return hmac.digest(key, nonce.encode(), "sha256").hex()


def clock_offset_ns(talk: Talk) -> int:
    """The far end's CLOCK_MONOTONIC minus ours, by the quickest of some exchanges; off by half of that at most.

    Two ends under one kernel have one clock, and need no exchange.
    Raises TalkError where it does not answer, or tells no clock.
    """
    best_ns, best = -1, 0
    for _ in range(CLOCK_TRIES):
        asked = monotonic_ns()
        talk.say({"clock": boot_identity()})
        said = talk.hear()
        answered = monotonic_ns()
        there = said.get("clock_ns")
        if not isinstance(there, int) or not 0 <= there < CLOCK_LIMIT:
            raise TalkError("it does not tell its clock")
        if said.get("same"):
            return 0
        if best_ns < 0 or answered - asked < best_ns:
            best_ns, best = answered - asked, there - (asked + answered) // 2
    return best


def tell_clock(talk: Talk, asked: object) -> None:
    """Answer one exchange of `clock_offset_ns`. Raises GoneError."""
    talk.say({"clock_ns": monotonic_ns(), "same": asked == boot_identity()})


def boot_identity() -> str:
    """The same for all who share this kernel's clock; a time namespace would make it another."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:  # noqa: PTH123  no folder of ours
            identity = boot.read().strip()
        with open("/proc/self/timens_offsets", encoding="ascii") as offsets:  # noqa: PTH123  as above
            return identity + " ".join(offsets.read().split())
    except OSError:
        return ""
