"""Arrivals that the kernel had no room for in a probe's own socket: lost by this host, and by no path."""

from __future__ import annotations

import socket

import numpy as np

from benchkit.linux.datagrams import udp_drops
from benchkit.model.samples import DROPPED, Samples, column


class OwnDrops:
    """Of one socket, from now on. The kernel does not say which packets they were."""

    def __init__(self, udp: socket.socket) -> None:
        """Count from here."""
        self._udp = udp
        self._told = udp_drops(udp)

    def untold(self) -> Samples | None:
        """How many there were since this was last asked, a row of `packets`; None where there were none."""
        count = udp_drops(self._udp)
        if count == self._told:
            return None
        found, self._told = count - self._told, count
        return Samples(DROPPED, "", "", {"packets": column(np.array([found]))})
