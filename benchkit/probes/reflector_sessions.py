"""What a stateful reflector knows of each test session: enough to tell where packets were lost."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S

MOST_SESSIONS = 1 << 14
IDLE_NS = 30 * NS_PER_S
# A first packet after so long a silence begins the session anew; sooner it is a copy, or was overtaken.
PAUSE_NS = NS_PER_S
# Departures of one session that nobody has been told: more than wait where one is asked for with every packet.
MOST_UNTOLD = 1 << 12
Integers = NDArray[np.int64]


class Departed(NamedTuple):
    """Answers' sequence numbers and the kernel's stamps of their departure, (n,) each."""

    sequences: Integers
    stamps_ns: Integers


NONE_DEPARTED = Departed(*np.zeros((2, 0), dtype=np.int64))


class ReflectorSession:
    """One session: what it has received, and when its latest stamped answer left (0: not known)."""

    __slots__ = (
        "_untold",
        "departed_ns",
        "departed_sequence",
        "follows",
        "last_ns",
        "received",
        "sent",
    )

    def __init__(self) -> None:
        """Nothing received yet."""
        self.received = self.sent = 0
        self.last_ns = 0
        self.departed_sequence = self.departed_ns = 0
        self.follows = False  # whether it asks for many departures at once
        self._untold: list[Departed] = []

    def departed(self, sequence: int, stamp_ns: int) -> None:
        """The kernel has told when an answer left."""
        self.departed_sequence, self.departed_ns = sequence, stamp_ns
        if self.follows:
            self._untold.append(Departed(np.array([sequence]), np.array([stamp_ns])))

    def departed_many(self, sequences: Integers, stamps_ns: Integers) -> None:
        """The same of many, (n,); at least one."""
        self.departed_sequence, self.departed_ns = int(sequences[-1]), int(stamps_ns[-1])
        if self.follows:
            self._untold.append(Departed(sequences, stamps_ns))

    def oldest(self, count: int) -> Departed:
        """Take so many of the departures that have not been taken, as far as there are."""
        self.follows = True
        if not self._untold:
            return NONE_DEPARTED
        known = Departed(*(np.concatenate(each) for each in zip(*self._untold, strict=True)))
        rest = Departed(*(each[count:][-MOST_UNTOLD:] for each in known))
        self._untold = [rest] if len(rest.sequences) else []
        return Departed(*(each[:count] for each in known))


class ReflectorSessions:
    """All sessions, by sender and SSID; the longest unheard of goes where there are too many."""

    def __init__(self) -> None:
        """Know none."""
        self._sessions: OrderedDict[Hashable, ReflectorSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def at(self, key: Hashable, sequence: int, now_ns: int) -> ReflectorSession:
        """The session that a request with this sequence number belongs to, begun anew where it is another."""
        found = self._sessions.get(key)
        if found is None or _begins_anew(found, sequence, now_ns):
            found = self._sessions[key] = ReflectorSession()
            if len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(key)
        found.last_ns = now_ns
        return found


def _begins_anew(session: ReflectorSession, sequence: int, now_ns: int) -> bool:
    silence = now_ns - session.last_ns
    return silence > IDLE_NS or (sequence == 0 and silence > PAUSE_NS)
