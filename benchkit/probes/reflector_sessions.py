"""What a stateful reflector knows of each test session: enough to tell where packets were lost."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S

# One source alone has a quarter of what is kept.
MOST_SESSIONS, MOST_OF_ONE = 1 << 14, 1 << 12
IDLE_NS = 30 * NS_PER_S
# A first packet after so long a silence begins the session anew; sooner it is a copy, or was overtaken.
PAUSE_NS = NS_PER_S
# Departures of one session that nobody has been told: more than wait where one is asked for with every packet.
MOST_UNTOLD = 1 << 12
# Stamps that came one by one are put together when there are so many.
MOST_PARTS = 64
Integers = NDArray[np.int64]


# The address that sends, and what tells its sessions apart.
Key = tuple[Hashable, Hashable]


class Departed(NamedTuple):
    """Answers' sequence numbers and the kernel's stamps of their departure, (n,) each."""

    sequences: Integers
    stamps_ns: Integers


NONE_DEPARTED = Departed(*np.zeros((2, 0), dtype=np.int64))


class ReflectorSession:
    """One session: what it has received, and when its latest stamped answer left (0: not known)."""

    __slots__ = (
        "_count",
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
        self._count = 0

    def departed(self, sequence: int, stamp_ns: int) -> None:
        """The kernel has told when an answer left."""
        self.departed_sequence, self.departed_ns = sequence, stamp_ns
        if self.follows:
            self._keep(Departed(np.array([sequence]), np.array([stamp_ns])))

    def departed_many(self, sequences: Integers, stamps_ns: Integers) -> None:
        """The same of many, (n,); at least one."""
        self.departed_sequence, self.departed_ns = int(sequences[-1]), int(stamps_ns[-1])
        if self.follows:
            self._keep(Departed(sequences, stamps_ns))

    def _keep(self, part: Departed) -> None:
        """Until it is asked for: who asked once and never again must not fill the memory."""
        self._untold.append(part)
        self._count += len(part.sequences)
        if self._count > 2 * MOST_UNTOLD or len(self._untold) > MOST_PARTS:
            kept = _joined(self._untold)
            self._untold = [Departed(*(each[-MOST_UNTOLD:].copy() for each in kept))]
            self._count = len(self._untold[0].sequences)

    def oldest(self, count: int) -> Departed:
        """Take so many of the departures that have not been taken, as far as there are."""
        self.follows = True
        if not self._untold:
            return NONE_DEPARTED
        known = _joined(self._untold)
        rest = Departed(*(each[count:][-MOST_UNTOLD:] for each in known))
        self._untold = [rest] if len(rest.sequences) else []
        self._count = len(rest.sequences)
        return Departed(*(each[:count] for each in known))


def _joined(parts: Sequence[Departed]) -> Departed:
    return Departed(*(np.concatenate(each) for each in zip(*parts, strict=True)))


class ReflectorSessions:
    """All sessions, by sender and SSID; the longest unheard of goes where there are too many."""

    def __init__(self) -> None:
        """Know none."""
        self._sessions: OrderedDict[Key, ReflectorSession] = OrderedDict()
        self._of: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._sessions)

    def at(self, key: Key, sequence: int, now_ns: int) -> ReflectorSession | None:
        """The session that a request with this sequence number belongs to, begun anew where it is another.

        None where its source has as many as one source may: it is answered as by a stateless reflector.
        """
        found = self._sessions.get(key)
        if found is None:
            self._make_room(now_ns)
            if self._of[key[0]] >= MOST_OF_ONE:
                return None
            self._of[key[0]] += 1
        if found is None or _begins_anew(found, sequence, now_ns):
            found = self._sessions[key] = ReflectorSession()
        self._sessions.move_to_end(key)
        found.last_ns = now_ns
        return found

    def _make_room(self, now_ns: int) -> None:
        """Forget what has been silent for so long that it would begin anew, and the longest silent for want of room."""
        while self._sessions:
            oldest = next(iter(self._sessions))
            is_idle = now_ns - self._sessions[oldest].last_ns > IDLE_NS
            if not is_idle and len(self._sessions) < MOST_SESSIONS:
                return
            del self._sessions[oldest]
            self._of[oldest[0]] -= 1
            if not self._of[oldest[0]]:
                del self._of[oldest[0]]


def _begins_anew(session: ReflectorSession, sequence: int, now_ns: int) -> bool:
    silence = now_ns - session.last_ns
    return silence > IDLE_NS or (sequence == 0 and silence > PAUSE_NS)
