"""Many requests of one session answered by one system call."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from benchkit.clock import realtime_ns
from benchkit.linux import timestamping
from benchkit.linux.messages import Messages
from benchkit.linux.stamped_batches import (
    AT_ONCE,
    CONTROL_OCTETS,
    NAME_OCTETS,
    Arrivals,
    packed_control,
)
from benchkit.model.stamp_options import BASE_OCTETS
from benchkit.probes.reflector_sessions import NONE_DEPARTED, ReflectorSession
from benchkit.probes.stamp_batches import Answers, Asked, Octets
from benchkit.probes.stamp_time import Integers, wire_time

# Longer ones are answered one by one.
LONGEST = 2048


class BatchedAnswers:
    """Requests as they were received together, and room for their answers."""

    def __init__(self, udp: socket.socket, rows: Octets) -> None:
        """Answer over a bound socket what is received in these rows, (n, octets)."""
        self._udp = udp
        self._asked = Asked(rows)
        names = NAME_OCTETS[socket.AddressFamily(udp.family)]
        self._outbox = Messages(AT_ONCE, LONGEST, names=names, control=CONTROL_OCTETS)
        self._outbox.write_names(names)
        self._answers = Answers(self._outbox.rows)
        self._leaving: tuple[bytes, int] | None = None

    def alike(self, came: Arrivals) -> Iterator[Integers]:
        """Places of requests with one source, destination, class, length and session identifier; in order, of shape (n,)."""
        got = len(came)
        told = np.stack((came.lengths, came.traffic_classes), axis=1).view(np.uint8)
        keys = np.concatenate(
            (came.names, came.destinations, told, self._asked.ssid_octets(got)), axis=1
        )
        if (keys == keys[0]).all():
            yield np.arange(got)
            return
        places: dict[bytes, list[int]] = {}
        for at, key in enumerate(keys):
            places.setdefault(key.tobytes(), []).append(at)
        yield from (np.array(each) for each in places.values())

    def can_answer(self, came: Arrivals, at: Integers) -> bool:
        """Whether those at places of shape (n,), which are alike, ask for nothing that has to be looked at one by one."""
        octets = int(came.lengths[at[0]])
        if not BASE_OCTETS <= octets <= LONGEST:
            return False
        return bool((came.stamps_ns[at] > 0).all()) and self._asked.are_plain(at, octets)

    def asked(self, came: Arrivals, at: Integers) -> tuple[int, Integers]:
        """The session identifier of those at places of shape (n,), and their sequence numbers, likewise."""
        ssid = self._asked.ssid_octets(len(came))[at[0]].tobytes()
        return int.from_bytes(ssid, "big"), self._asked.numbers(at)

    def answer(
        self,
        came: Arrivals,
        at: Integers,
        sequences: Integers,
        session: ReflectorSession | None,
        estimate: int,
    ) -> Integers:
        """Answer those at places of shape (n,) with these sequence numbers, likewise.

        Which of them, counted from 0, the kernel took, of shape (m,).
        """
        count, octets = len(at), int(came.lengths[at[0]])
        self._address(came, at)
        now = wire_time(realtime_ns(), estimate)
        self._answers.write(came.rows[at, :octets], sequences, came.stamps_ns[at], now)
        self._answers.write_ttls(came.ttls[at])
        if self._asked.ask_follow_up(at, octets):
            told = session.oldest(count) if session else NONE_DEPARTED
            self._answers.follow_up(count, told)
        return self._leave(count, octets)

    def _address(self, came: Arrivals, at: Integers) -> None:
        """To where they came from, from where they were sent to, with the class that they came with."""
        self._outbox.names[: len(at)] = came.names[at]
        destination = came.destinations[at[0]].tobytes()
        leaving = destination, max(int(came.traffic_classes[at[0]]), 0) >> 2 << 2
        # Most batches are like the one before.
        if leaving != self._leaving:
            self._leaving = leaving
            control = _control(self._udp.family, *leaving)
            self._outbox.control[:, : len(control)] = np.frombuffer(control, dtype=np.uint8)
            self._outbox.write_control(len(control))

    def _leave(self, count: int, octets: int) -> Integers:
        """Send them. One that is refused is left out: the sender sees a loss, which it is."""
        taken = np.zeros(count, dtype=np.bool_)
        at = 0
        while at < count:
            sent = 0
            with suppress(OSError):
                sent = self._outbox.send(self._udp, at, count, octets)
            taken[at : at + sent] = True
            at += sent or 1
        return np.flatnonzero(taken)


def _control(family: int, destination: bytes, traffic_class: int) -> bytes:
    address = socket.inet_ntop(family, destination) if destination else ""
    return packed_control(timestamping.leaving_with(family, address, traffic_class))
