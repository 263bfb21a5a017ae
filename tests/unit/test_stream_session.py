"""How two ends of a bulk test part."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from typing import Any

from benchkit.probes.data_thread import DataThread
from benchkit.probes.stream_session import BulkSession
from benchkit.probes.talk import Talk, Words

SECOND = 1_000_000_000
PATIENCE_S = 5.0


class UntilTheyEnd(DataThread):
    """Receives until the other end has said that it ended."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(0, connection, sends=False)
        self._finished = threading.Event()

    def move(self) -> None:
        self._finished.wait(PATIENCE_S)

    def finish(self, theirs: Mapping[str, Any]) -> None:
        if "sent" in theirs:
            self._finished.set()


class Hasty(Talk):
    """The other end hangs up the moment it has our last word."""

    def __init__(self, connection: socket.socket, peer: socket.socket) -> None:
        super().__init__(connection)
        self._peer = peer

    def say(self, words: Words) -> None:
        super().say(words)
        if "end" in words:
            self._peer.close()


def test_an_end_that_hangs_up_after_both_last_words_broke_nothing_off() -> None:
    ours, peer = socket.socketpair()
    data, their_data = socket.socketpair()
    with ours, peer, data, their_data:
        peer.sendall(json.dumps({"end": [{"sent": 0}]}).encode() + b"\n")
        session = BulkSession(Hasty(ours, peer), SECOND, [UntilTheyEnd(data)])
        session.run(tells=False)
    assert session.their_end == [{"sent": 0}]
