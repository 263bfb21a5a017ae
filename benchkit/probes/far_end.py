"""The far end of our own bulk tests, as a client sees it: the control connection, the lease, and what goes wrong."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from benchkit.errors import KeyRefusedError, MeasureError, ShutError, TakenError, told_by_system
from benchkit.linux.address import family_of
from benchkit.probes.data_thread import DataThread
from benchkit.probes.talk import KEY, KNOWN, WANTS, Talk, TalkError, Words, prove, unproved

CONNECT_S = 5.0
# Until it grants a test, and until it lets go of the lease.
GRANT_S, CLOSE_S = 5.0, 2.0
TOKEN = re.compile("[0-9a-f]{1,16}")  # 64 bits
# No test is granted for longer.
LONGEST_S = 86_400


Flow = TypeVar("Flow", bound=DataThread)


class FarEnd:
    """One test's control connection to `benchkit agent`."""

    def __init__(self, path: str, address: str, port: int, key: bytes = b"") -> None:
        """Know where it is, and the key that it may want; nothing is opened yet."""
        self._key = key
        self.path = path
        self.family = family_of(address)
        self._address = address, port
        self._talk: Talk | None = None

    @property
    def where(self) -> str:
        """Which one, for an error."""
        address, port = self._address
        return f"{self.path}: the far end at {address} TCP port {port}"

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what breaks the talk, a TalkError, into MeasureError."""
        try:
            yield
        except TalkError as error:
            raise MeasureError(
                f"{self.where} broke off the test: {error}; see that it is still there, and run again"
            ) from error

    def connected(self, connection: socket.socket, head: bytes = b"") -> socket.socket:
        """Connect a socket to it and say `head`, within some seconds.

        Raises ShutError and closes the socket otherwise.
        """
        connection.settimeout(CONNECT_S)
        try:
            connection.connect(self._address)
            connection.sendall(head)
        except OSError as error:
            connection.close()
            address, port = self._address
            raise ShutError(
                f"{self.path}: no TCP connection to {address} port {port}: {told_by_system(error)}; is "
                f"`benchkit agent` running there, and may TCP port {port} pass?"
            ) from error
        return connection

    def granted(self, asked: Words) -> tuple[Talk, str]:
        """The talk, and the token of a test that it has taken on. Raises MeasureError where it has not.

        That is TakenError where it has another's, ShutError where nobody of ours opens, KeyRefusedError where the key is
        not its own.
        """
        talk, said = self._answered(asked)
        token = said.get("granted")
        if isinstance(token, str) and TOKEN.fullmatch(token):
            return talk, token
        if "held_by" in said:
            left_s = _seconds(said.get("left_s"))
            lasts = f"{left_s:.1f} s" if left_s else "some time"
            raise TakenError(
                f"{self.where} is taken by another throughput test, from {str(said['held_by'])[:60]}, for "
                f"{lasts} more: run again after that, or wait for it with --wait",
                left_s,
            )
        why = str(said.get("refused") or said.get("broke"))[:200]
        raise MeasureError(f"{self.where} refused the test: {why}")

    def try_key(self) -> None:
        """See whether it would take a test of who has this key, and take up no lease.

        Raises KeyRefusedError where it would not, ShutError where it cannot be reached.
        """
        self._answered({"test": KNOWN})

    def _answered(self, asked: Words) -> tuple[Talk, Words]:
        """The talk, and what it says to what is asked, once it has seen the key."""
        control = self.connected(socket.socket(self.family, socket.SOCK_STREAM))
        talk = self._talk = Talk(control)
        try:
            talk.say(asked)
            said = prove(talk, self._key, talk.hear(GRANT_S), GRANT_S)
        except TalkError as error:
            raise ShutError(
                f"{self.where} does not answer as benchkit's own does: {error}; is it `benchkit agent` of "
                "this version that listens there, and has its --allow who asks?"
            ) from error
        if said.get(WANTS) == KEY:
            refusal = unproved("stream_key", shown=bool(self._key))
            raise KeyRefusedError(f"{self.where} refused the test: {refusal}")
        return talk, said

    def await_release(self) -> None:
        """It hangs up once it has let go of the lease: only then may the next test come."""
        try:
            while self._talk is not None:
                self._talk.hear(CLOSE_S)
        except TalkError:
            return

    def close(self) -> None:
        """Hang up."""
        if self._talk is not None:
            self._talk.close()


class FarTest(Generic[Flow]):
    """One test with a far end, on a thread: `_flows` move its data, and end with it."""

    def __init__(self, far: FarEnd) -> None:
        """Have no flow yet."""
        self._far = far
        self._flows: list[Flow] = []

    def run(self) -> None:
        """Measure. Raises what went wrong, after all that was measured."""
        try:
            with self._far.told():
                self._measure()
        finally:
            self.stop()
            for flow in self._flows:
                flow.close()

    def stop(self) -> None:
        """Break it off, if it still runs."""
        for flow in self._flows:
            flow.running = False
        self._far.close()

    def _measure(self) -> None:
        raise AssertionError("each kind of test measures in its own way")


def _seconds(left_s: object) -> float:
    """What a far end says; 0 where that is no time that a test may take."""
    if isinstance(left_s, (int, float)) and 0 <= left_s <= LONGEST_S:
        return float(left_s)
    return 0.0
