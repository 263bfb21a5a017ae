"""A transfer of files, as data sets and checkpoints are moved: each file is done when the receiver has answered for it.

The far end is that of the bulk TCP test, by the same control connection and the same lease.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import tcp
from benchkit.model.bulk_spec import FilesSpec
from benchkit.model.samples import Samples, tabulated
from benchkit.probes.far_end import FarEnd, FarTest
from benchkit.probes.files_flow import Agenda, FileSource
from benchkit.probes.files_terms import FileTerms
from benchkit.probes.outbox import Item, tested
from benchkit.probes.stream import OPEN_S, head
from benchkit.probes.stream_session import SILENCE_S, BulkSession
from benchkit.probes.talk import TalkError, clock_offset_ns
from benchkit.units import by_number, show_count

FILE_COLUMNS = ("number", "due_ns", "sent_ns", "done_ns", "octets")


async def files(spec: FilesSpec) -> AsyncIterator[Samples]:
    """Send every file; yield TCP_INFO and goodput by interval, and a row for each file that was due ("files").

    A file that was not answered for has no `done_ns`. Raises MeasureError where the far end cannot be reached, is
    taken, or goes, and when time is up, after all that was measured.
    """
    async for batch in tested(lambda put: FilesTest(spec, put)):
        yield batch


class FilesTest(FarTest[FileSource]):
    """One transfer, on a thread."""

    def __init__(self, spec: FilesSpec, put: Callable[[Item], None]) -> None:
        """Know what is asked, and where what is measured goes."""
        super().__init__(FarEnd(spec.path, spec.address, spec.port, spec.key))
        self._spec = spec
        self._put = put
        self._agenda = Agenda(spec.files)

    def _measure(self) -> None:
        spec = self._spec
        idle_ns = max((due for _, due, _ in spec.files), default=0)
        terms = FileTerms(spec.streams, spec.limit_ns, idle_ns, spec.congestion)
        talk, token = self._far.granted(terms.encoded())
        offset_ns = clock_offset_ns(talk)
        self._flows = [self._opened(token, number) for number in range(spec.streams)]
        if talk.hear(OPEN_S).get("open") != spec.streams:
            raise TalkError("it did not see all connections open")
        self._agenda.began_ns = monotonic_ns()
        talk.say({"begin": True})
        silence_s = SILENCE_S + idle_ns / NS_PER_S
        session = BulkSession(talk, spec.limit_ns, self._flows, silence_s)
        try:
            session.run(tells=False)
        finally:
            counts = session.theirs.shifted(-offset_ns)
            for rows in counts.goodput(spec.path, spec.phase):
                self._put(rows)
            for rows in session.ours.tcp_info(spec.path, spec.phase):
                self._put(rows)
            self._put(self._done())
        self._far.await_release()
        self._see_all_done()

    def _opened(self, token: str, number: int) -> FileSource:
        connection = socket.socket(self._far.family, socket.SOCK_STREAM)
        tcp.set_congestion_control(connection, self._spec.congestion)
        self._far.connected(connection, head(token, number))
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return FileSource(number, connection, self._agenda)

    def _done(self) -> Samples:
        done = {row[0]: row for row in self._agenda.done}
        began = self._agenda.began_ns
        rows = [
            done.get(number, (number, began + due, -1, -1, octets))
            for number, due, octets in self._spec.files
        ]
        return tabulated("files", self._spec.path, self._spec.phase, FILE_COLUMNS, rows, hole=-1)

    def _see_all_done(self) -> None:
        spec = self._spec
        done = len(self._agenda.done)
        if done < len(spec.files):
            raise MeasureError(
                f"{spec.path}: {done} of {show_count(len(spec.files), 'file')} {by_number(done, 'was', 'were')} done within "
                f"{spec.limit_ns / NS_PER_S:g} s: the path is too slow for this workload, or it is too large"
            )
