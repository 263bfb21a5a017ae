"""STAMP's base packets of one mode, unauthenticated with NTP stamps, written and read many at a time, in columns.

What does not look as most packets do is left to those who read them one by one.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from benchkit.model.far_end import FarFlags
from benchkit.model.stamp_options import BASE_OCTETS
from benchkit.probes.reflector_sessions import Departed
from benchkit.probes.stamp_packet import TTL_AT, ZEROS_AT
from benchkit.probes.stamp_time import PTP, SYNCHRONISED, Integers, WireTime, ntp_times, ntp_words
from benchkit.probes.stamp_tlv import IN_SOFTWARE, UNRECOGNISED, Type

SSID_AT = 14
# What follows the base where follow-up telemetry is asked for, and where it is answered.
FOLLOW_UP_HEAD = struct.pack(">BBH", UNRECOGNISED, Type.FOLLOW_UP_TELEMETRY, 16)
FOLLOWED_HEAD = FOLLOW_UP_HEAD[1:]
FOLLOW_UP_OCTETS = BASE_OCTETS + 20
Octets = NDArray[np.uint8]
Words = NDArray[np.uint64]


class Replies:
    """The fields of the rows of a buffer that answers are received in."""

    def __init__(self, rows: Octets) -> None:
        """Look at the rows of this buffer, (n, octets), always."""
        self._rows = rows
        words = {"far": 0, "t3_high": 4, "t3_low": 8, "t2_high": 16, "t2_low": 20, "number": 24}
        words |= {"t1_high": 28, "t1_low": 32}
        self._words = {name: _field(rows, at, ">u4") for name, at in words.items()}
        self._estimates, self._ssids = (_field(rows, at, ">u2") for at in (12, SSID_AT))
        if rows.shape[1] >= FOLLOW_UP_OCTETS:
            self._follow_up = [_field(rows, BASE_OCTETS + at, ">u4") for at in (4, 8, 12)]

    def ssids(self, got: int) -> Integers:
        """The session identifiers of the first rows, of shape (got,)."""
        return self._ssids[:got].astype(np.int64)

    def numbers(self, got: int) -> Integers:
        """The sequence numbers that the first rows answer, of shape (got,)."""
        return self._words["number"][:got].astype(np.int64)

    def sent(self, got: int) -> Words:
        """When those were sent, as it stands on the wire."""
        high, low = (self._words[name][:got].astype(np.uint64) for name in ("t1_high", "t1_low"))
        return high << np.uint64(32) | low

    def are_usual(self, got: int) -> NDArray[np.bool_]:
        """Whether the far end stamps in NTP's format; shape (got,)."""
        found: NDArray[np.bool_] = (self._estimates[:got] & PTP) == 0
        return found

    def far(self, at: Integers, near_ns: int) -> tuple[Integers, ...]:
        """T2 and T3 in ns, the far end's sequence number, the TTL it saw, and flags, of these rows; all of shape (n,)."""
        of = {name: field[at].astype(np.int64) for name, field in self._words.items()}
        t2, t3 = (ntp_times(of[f"{t}_high"], of[f"{t}_low"], near_ns) for t in ("t2", "t3"))
        flags = np.where(self._estimates[at] & SYNCHRONISED, int(FarFlags.SYNCHRONISED), 0)
        no_dwell = (of["t2_high"] == of["t3_high"]) & (of["t2_low"] == of["t3_low"])
        flags |= np.where(no_dwell, int(FarFlags.NO_DWELL), 0)
        flags |= np.where(self._ssids[at] == 0, int(FarFlags.NO_SSID), 0)
        return t2, t3, of["far"], self._rows[at, TTL_AT].astype(np.int64), flags

    def follow(self, got: int) -> NDArray[np.bool_]:
        """Whether the base is followed by an answered follow-up and nothing is wrong with it; shape (got,)."""
        head = np.frombuffer(b"\0" + FOLLOWED_HEAD, dtype=np.uint8)
        found: NDArray[np.bool_] = (self._rows[:got, BASE_OCTETS : BASE_OCTETS + 4] == head).all(
            axis=1
        )
        return found

    def followed(self, at: Integers, near_ns: int) -> tuple[NDArray[np.bool_], Departed]:
        """Which of these rows tell of an earlier answer, shape (n,), and what those tell, in ns."""
        sequences, high, low = (field[at].astype(np.int64) for field in self._follow_up)
        told = (high | low) != 0
        return told, Departed(sequences[told], ntp_times(high[told], low[told], near_ns))


class Requests:
    """Requests, written to the rows of a buffer."""

    def __init__(self, rows: Octets, tail: bytes) -> None:
        """Write to these rows, (n, octets), always; `tail` is what follows the base of each."""
        rows[:, :BASE_OCTETS] = 0
        rows[:, BASE_OCTETS : BASE_OCTETS + len(tail)] = np.frombuffer(tail, dtype=np.uint8)
        self._numbers, self._high, self._low = (_field(rows, at, ">u4") for at in (0, 4, 8))
        self._estimates, self._ssids = (_field(rows, at, ">u2") for at in (12, SSID_AT))

    def write(self, numbers: Integers, ssids: Integers, now: WireTime) -> None:
        """Fill the first rows, all sent at one time, with numbers and identifiers of shape (n,)."""
        count = len(numbers)
        self._numbers[:count], self._ssids[:count] = numbers, ssids
        self._high[:count], self._low[:count] = now.high, now.low
        self._estimates[:count] = now.error_estimate


class Asked:
    """The fields of the rows of a buffer that requests are received in."""

    def __init__(self, rows: Octets) -> None:
        """Look at the rows of this buffer, (n, octets), always."""
        self._rows = rows
        self._numbers, self._ssids = _field(rows, 0, ">u4"), _field(rows, SSID_AT, ">u2")

    def numbers(self, at: Integers) -> Integers:
        """The sequence numbers of these rows, of shape (n,)."""
        return self._numbers[at].astype(np.int64)

    def ssid_octets(self, got: int) -> Octets:
        """The session identifiers of the first rows, as they stand there, (got, 2)."""
        return self._rows[:got, SSID_AT : SSID_AT + 2]

    def are_plain(self, at: Integers, octets: int) -> bool:
        """Whether all rows at places of shape (n,) have the base's zeros, and after it nothing, or follow-up telemetry."""
        rows = self._rows[at, ZEROS_AT:octets]
        if self.ask_follow_up(at, octets):
            rows = rows[:, : BASE_OCTETS - ZEROS_AT]
        return not rows.any()

    def ask_follow_up(self, at: Integers, octets: int) -> bool:
        """Whether all rows at places of shape (n,) ask for follow-up telemetry and for nothing else."""
        if octets != FOLLOW_UP_OCTETS:
            return False
        wanted = np.frombuffer(FOLLOW_UP_HEAD + bytes(16), dtype=np.uint8)
        return bool((self._rows[at, BASE_OCTETS:octets] == wanted).all())


class Answers:
    """Answers, written to the rows of a buffer."""

    def __init__(self, rows: Octets) -> None:
        """Write to these rows, (n, octets), always."""
        self._rows = rows
        self._far, self._t3 = _field(rows, 0, ">u4"), [_field(rows, at, ">u4") for at in (4, 8)]
        self._estimates = _field(rows, 12, ">u2")
        self._t2 = [_field(rows, at, ">u4") for at in (16, 20)]
        self._follow_up = [_field(rows, BASE_OCTETS + at, ">u4") for at in (4, 8, 12)]

    def write(self, asked: Octets, sequences: Integers, t2_ns: Integers, t3: WireTime) -> None:
        """Fill the first rows with the answers to requests, (n, octets), as long as those."""
        count, octets = asked.shape
        rows = self._rows[:count]
        rows[:, :octets] = asked
        self._far[:count], self._estimates[:count] = sequences, t3.error_estimate
        for field, word in zip(self._t3, (t3.high, t3.low), strict=True):
            field[:count] = word
        for field, words in zip(self._t2, ntp_words(t2_ns), strict=True):
            field[:count] = words
        rows[:, 24:28], rows[:, 28:38] = asked[:, :4], asked[:, 4:14]

    def write_ttls(self, ttls: Integers) -> None:
        """Say which TTL each request came with, of shape (n,)."""
        self._rows[: len(ttls), TTL_AT] = np.maximum(ttls, 0)

    def follow_up(self, count: int, told: Departed) -> None:
        """Answer requests for follow-up telemetry: as many as there is something to tell of; zeros for the rest."""
        rows, known = self._rows[:count], len(told.sequences)
        rows[:, BASE_OCTETS:FOLLOW_UP_OCTETS] = 0
        rows[:, BASE_OCTETS + 1 : BASE_OCTETS + 4] = np.frombuffer(FOLLOWED_HEAD, dtype=np.uint8)
        words = (told.sequences, *ntp_words(told.stamps_ns))
        for field, values in zip(self._follow_up, words, strict=True):
            field[:known] = values
        rows[:known, BASE_OCTETS + 16] = IN_SOFTWARE


def _field(rows: Octets, at: int, kind: str) -> NDArray[np.unsignedinteger]:
    """A field of each row, in the network's order; none where rows are too short for it."""
    if at + np.dtype(kind).itemsize > rows.shape[1]:
        return np.zeros(0, dtype=kind)
    found: NDArray[np.unsignedinteger] = np.ndarray(
        (len(rows),), kind, rows.data, at, (rows.strides[0],)
    )
    return found
