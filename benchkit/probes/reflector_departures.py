"""Answers that have left a reflector, from the call that sent them to the kernel's word of when they did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchkit.model.samples import Samples, column
from benchkit.probes.reflector_sessions import ReflectorSession

# Answers that wait for the kernel to say when they left: in a queue of our own host that may take a while.
MOST_UNSTAMPED = 1 << 16
NONE = -1
Integers = NDArray[np.int64]


class ReflectorDepartures:
    """What each answer was to, by transmit identity, and the departures that nobody has been told yet."""

    def __init__(self) -> None:
        """Nothing sent yet."""
        self._identity = 0
        # One more than the identifier: 0 is none.
        self._ssids, self._askeds, self._owns = np.zeros((3, MOST_UNSTAMPED), dtype=np.int64)
        # The same for who looks at one: several times faster.
        self._ssid: memoryview[int] = memoryview(self._ssids)  # type: ignore[arg-type]  # NumPy's arrays are buffers
        self._asked: memoryview[int] = memoryview(self._askeds)  # type: ignore[arg-type]  # as above
        self._own: memoryview[int] = memoryview(self._owns)  # type: ignore[arg-type]  # as above
        self._sessions = np.full(MOST_UNSTAMPED, None, dtype=object)
        self._untold: list[tuple[int, int, int]] = []
        self._untold_many: list[Integers] = []

    def note(self, ssid: int, asked: int, session: ReflectorSession | None, own: int) -> None:
        """The next answer went out: to a request with that sequence number, with that number of its own."""
        at = self._identity % MOST_UNSTAMPED
        self._ssid[at], self._asked[at], self._own[at] = ssid + 1, asked, own
        self._sessions[at] = session
        self._identity += 1

    def note_many(
        self, ssid: int, asked: Integers, session: ReflectorSession | None, own: Integers
    ) -> None:
        """The same of many, of shape (n,)."""
        at = np.arange(self._identity, self._identity + len(asked)) % MOST_UNSTAMPED
        self._ssids[at], self._askeds[at], self._owns[at] = ssid + 1, asked, own
        self._sessions[at] = session
        self._identity += len(asked)

    def left(self, identity: int, stamp_ns: int) -> None:
        """The kernel has told when that one left."""
        at = identity % MOST_UNSTAMPED
        ssid = self._ssid[at] - 1
        if ssid == NONE or not self._waits(identity):
            return
        self._untold.append((ssid, self._asked[at], stamp_ns))
        self._ssid[at] = 0
        session = self._sessions[at]
        if session is not None:
            session.departed(self._own[at], stamp_ns)

    def _waits(self, identity: int) -> bool:
        return self._identity - MOST_UNSTAMPED <= identity < self._identity

    def left_many(self, identities: Integers, stamps_ns: Integers) -> None:
        """The same of many, each of them once, of shape (n,)."""
        waits = (identities >= self._identity - MOST_UNSTAMPED) & (identities < self._identity)
        at = identities % MOST_UNSTAMPED
        waits &= self._ssids[at] != 0
        at, stamps_ns = at[waits], stamps_ns[waits]
        if len(at):
            self._untold_many.append(
                np.stack((self._ssids[at] - 1, self._askeds[at], stamps_ns), axis=1)
            )
            self._ssids[at] = 0
            self._tell_sessions(at, stamps_ns)

    def _tell_sessions(self, at: Integers, stamps_ns: Integers) -> None:
        """Each run of answers of one session at once: they mostly are of one."""
        sessions = self._sessions[at]
        ends = [*(np.flatnonzero(sessions[1:] != sessions[:-1]) + 1).tolist(), len(at)]
        for first, last in zip([0, *ends], ends, strict=False):
            if sessions[first] is not None:
                own = self._owns[at[first:last]]
                sessions[first].departed_many(own, stamps_ns[first:last])

    def untold(self) -> Samples | None:
        """When answers left, since this was last asked: SSID, sequence and the kernel's T3."""
        one_by_one, self._untold = self._untold, []
        many, self._untold_many = self._untold_many, []
        if one_by_one:
            many.append(np.array(one_by_one, dtype=np.int64))
        return departures_of(np.concatenate(many)) if many else None


def departures_of(rows: Integers) -> Samples:
    """Departures of answers as Samples, from rows of SSID, the sender's sequence and T3 in ns since 1970.

    `rows` has shape (n, 3).
    """
    names = ("ssid", "sequence", "t3_ns")
    columns = {name: column(rows[:, at].copy()) for at, name in enumerate(names)}
    return Samples("departures", "", "", columns)
