"""One user-mode Linux from boot to end: its job's output passed on, its orders sent, and all of it killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NamedTuple, Self

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.errors import UnfitError
from benchkit.linux import host, quiet
from benchkit.linux.interrupts import postponed

HANDED_ON = {signal.SIGINT: "INT", signal.SIGTERM: "TERM", signal.SIGHUP: "HUP"}
BOOT_S = 60.0
# How long a job may take to keep what it has, once it was told to end.
GRACE_S = 60.0
CHUNK = 4096  # a pipe that says it is ready takes so much without making us wait
LOG = "log"


class Consoles(NamedTuple):
    """File descriptors: where the kernel writes its job's output and news, and reads orders."""

    out: int
    err: int
    news: int
    orders: int


class Stream:
    """What the job writes to one console, on its way to one of our own descriptors. Holds any amount."""

    def __init__(self, source: int, target: int) -> None:
        """Take what comes out of the pipe `source`."""
        self.source = source
        self.target = target
        self.ended = False
        self.pending = b""

    def read(self) -> None:
        """Take what is there, waiting for it."""
        said = os.read(self.source, 16 * CHUNK)
        self.ended = not said
        self.pending += said

    def write(self) -> None:
        """Pass on a piece."""
        self.pending = self.pending[os.write(self.target, self.pending[:CHUNK]) :]


class GuestKernel:
    """One boot. A context manager; its end kills the kernel and with it everything inside."""

    def __init__(self, folder: str, targets: tuple[int, int]) -> None:
        """Keep what the kernel says of itself in `folder`; pass its job's stdout and stderr to `targets`."""
        self._log = Path(folder, LOG)
        out, err, news, orders = (os.pipe() for _ in range(4))
        self.consoles = Consoles(out[1], err[1], news[1], orders[0])
        self._unclosed = list(self.consoles)
        self._streams = (Stream(out[0], targets[0]), Stream(err[0], targets[1]))
        self._news = Stream(news[0], -1)
        self._orders = orders[1]
        self._kernel: subprocess.Popen[bytes] | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._ordered_ns: int | None = None
        self._began = False

    def __enter__(self) -> Self:
        """Hand on signals from now on."""
        for number in HANDED_ON:
            # What nohup has had ignored stays so.
            if (before := signal.getsignal(number)) is not signal.SIG_IGN:
                self._handlers[number] = before
                signal.signal(number, self._hand_on)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill it, and pass on what it had still said."""
        self._kill()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        try:
            if not isinstance(error, BrokenPipeError):
                self._pass_on_rest()
        finally:
            for descriptor in (self._orders, self._news.source, *(s.source for s in self._streams)):
                os.close(descriptor)

    def boot(self, words: Sequence[str], memory_folder: str) -> None:
        """Start the kernel, with its memory in a file of that folder."""
        # Interrupted within, a kernel that has started would be nobody's, and would outlive us.
        with self._log.open("wb") as log, postponed():
            self._kernel = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *words],  # however we end
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.consoles,
                env={**os.environ, "TMPDIR": memory_folder},
                start_new_session=True,  # Ctrl-C is for the job inside, by way of us
            )
        _favour(self._kernel.pid)
        self._close_inner_ends()

    def follow(self, limit_s: float) -> int:
        """Pass on what the job says until it ends; its exit status.

        Raises UnfitError where the kernel does not boot or ends by itself, and where the job takes longer than
        `limit_s`; BrokenPipeError where nobody reads what is passed on; KeyboardInterrupt where a signal came before
        the job began, or ended it before it could see to its own end.
        """
        deadline = monotonic_ns() + round(BOOT_S * NS_PER_S)
        late = f"it did not boot within {BOOT_S:.0f} s"
        while True:
            self._wait(self._sooner(deadline))
            for kind, rest in self._heard():
                match kind:
                    case "began":
                        self._began = True
                        deadline = monotonic_ns() + round(limit_s * NS_PER_S)
                        late = f"its job was not done within {limit_s:.0f} s"
                    case "status":
                        return self._own_status(int(rest))
                    case _:
                        raise UnfitError(f"user-mode Linux is of no use here: {rest}")
            if self._news.ended:
                raise UnfitError(f"user-mode Linux ended by itself: {self._last_words()}")
            if monotonic_ns() >= self._sooner(deadline):
                raise UnfitError(f"user-mode Linux was ended: {late}; free a core and run again")

    def _hand_on(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  the signature of a handler
        first = self._ordered_ns is None
        self._ordered_ns = self._ordered_ns or monotonic_ns()
        if self._began:
            with suppress(OSError):
                os.write(self._orders, f"{HANDED_ON[signal.Signals(number)]}\n".encode())
        elif first:  # a console that nobody inside has opened yet loses what is written to it
            raise KeyboardInterrupt

    def _own_status(self, status: int) -> int:
        if self._ordered_ns is not None and status - 128 in HANDED_ON:
            raise KeyboardInterrupt
        return status

    def _sooner(self, deadline_ns: int) -> int:
        if self._ordered_ns is None:
            return deadline_ns
        return min(deadline_ns, self._ordered_ns + round(GRACE_S * NS_PER_S))

    def _wait(self, deadline_ns: int) -> None:
        """Pass on what comes next, or return at the deadline."""
        poll = select.poll()
        for stream in (*self._streams, self._news):
            if not stream.ended:
                poll.register(stream.source, select.POLLIN)
        for stream in self._streams:
            if stream.pending:
                poll.register(stream.target, select.POLLOUT)
        ready = {descriptor for descriptor, _ in poll.poll(_milliseconds_until(deadline_ns))}
        for stream in (*self._streams, self._news):
            if stream.source in ready:
                stream.read()
        for stream in self._streams:
            if stream.target in ready and stream.pending:
                stream.write()

    def _heard(self) -> Iterator[tuple[str, str]]:
        """Whole lines of news, as their first word and the rest."""
        *lines, self._news.pending = self._news.pending.split(b"\n")
        for line in lines:
            kind, _, rest = line.decode(errors="replace").partition(" ")
            yield kind, rest

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def _kill(self) -> None:
        self._close_inner_ends()
        if self._kernel is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._kernel.pid, signal.SIGKILL)
            self._kernel.wait()

    def _pass_on_rest(self) -> None:
        for stream in self._streams:
            while not stream.ended:
                stream.read()
            while stream.pending:
                stream.write()

    def _close_inner_ends(self) -> None:
        """Without ours open, the kernel's end is the end of each pipe."""
        while self._unclosed:
            os.close(self._unclosed.pop())


def _favour(kernel: int) -> None:
    """Give it a core, and what priority we may."""
    # What runs inside are processes that take turns with it at every system call: they do so twice as fast on one
    # core, and then what else wants that core makes emulated paths late.
    with suppress(OSError):
        os.sched_setaffinity(kernel, {host.idlest_core()})
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, kernel, quiet.NICEST)
        # Where the scheduler groups processes by session, theirs counts among sessions.
        Path(f"/proc/{kernel}/autogroup").write_text(str(quiet.NICEST))


def _milliseconds_until(deadline_ns: int) -> int:
    return max(0, -(-(deadline_ns - monotonic_ns()) // NS_PER_MS))
