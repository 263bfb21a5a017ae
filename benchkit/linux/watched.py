"""A command whose memory is limited goes on in a child, so that whatever ends it there is told in a line.

Where the address space ends, libraries do not raise: OpenBLAS exits with 1, which says that a budget failed, the loader with
127, and others are killed by a signal. The parent has loaded none of them.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from benchkit.errors import UnfitError

# Which child still is ours after it has begun anew in a user namespace: the pipe's descriptor, its own id, and ours.
VARIABLE = "BENCHKIT_WATCHED"
LIMITS = {
    "address space (ulimit -v)": resource.RLIMIT_AS,
    "data (ulimit -d)": resource.RLIMIT_DATA,
}
PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
MIB = 1 << 20


def limit() -> str | None:
    """The least limit of this process's memory in words; None where there is none.

    That of a cgroup is none of these: there memory is to be had until the kernel kills.
    """
    found = {words: resource.getrlimit(number)[0] for words, number in LIMITS.items()}
    finite = {words: octets for words, octets in found.items() if octets != resource.RLIM_INFINITY}
    if not finite:
        return None
    words = min(finite, key=lambda each: finite[each])
    return f"{finite[words] / MIB:.0f} MiB of {words}"


def go_on() -> Callable[[int], None]:
    """Return in a child where memory is limited, else in this process; call what is returned with the exit status.

    The parent never returns: it passes signals on, and exits as its child. Raises UnfitError in it where the child ended
    without having told a status.
    """
    held = _held()
    if held is not None:
        return held
    allowed = limit()
    if allowed is None:
        return _nothing
    reader, writer = os.pipe()
    signals = {*PASSED_ON, signal.SIGCHLD}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, nobody is told of the end
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    parent, child = os.getpid(), os.fork()
    if child == 0:
        os.close(reader)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.set_inheritable(writer, True)  # noqa: FBT003  as os has it; it may begin anew
        os.environ[VARIABLE] = f"{writer} {os.getpid()} {parent}"
        return _held() or _nothing
    os.close(writer)
    ended = _awaited(child)
    told = _word(reader)
    if told:
        sys.exit(told[0])
    _end_alike(ended, signals)
    raise UnfitError(
        f"{_how(ended)} before it was done, as libraries do where memory is short: it may have {allowed}: raise or lift that "
        "limit, or ask for less at once"
    )


def _nothing(_: int) -> None:
    """Nobody watches."""


def _held() -> Callable[[int], None] | None:
    """How the status is told, in a process that is watched; it ends when its parent does."""
    try:
        writer, own, parent = map(int, os.environ.get(VARIABLE, "").split())
    except ValueError:
        return None
    if own != os.getpid():  # a program that a watched one has started
        return None
    from benchkit.linux import libc  # noqa: PLC0415  ctypes, which `--help` need not pay for

    libc.die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(own, signal.SIGTERM)

    def tell(status: int) -> None:
        with suppress(OSError):
            os.write(writer, bytes([status & 0xFF]))

    return tell


def _word(reader: int) -> bytes:
    """The status that the child told, as one octet, if it did; whoever else holds the pipe open is not waited for."""
    os.set_blocking(reader, False)
    with suppress(BlockingIOError):
        return os.read(reader, 1)
    return b""


def _awaited(child: int) -> int:
    """Its wait status, once it has ended. What a terminal sends goes to the child too, and is not passed on."""
    while True:
        came = signal.sigwaitinfo({*PASSED_ON, signal.SIGCHLD})
        if came.si_signo != signal.SIGCHLD:
            if came.si_pid:
                os.kill(child, came.si_signo)
            continue
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status


def _end_alike(ended: int, blocked: set[signal.Signals]) -> None:
    """End by the signal that it ended by, where that is one that people send."""
    if os.WIFSIGNALED(ended) and os.WTERMSIG(ended) in PASSED_ON:
        number = os.WTERMSIG(ended)
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
        os.kill(os.getpid(), number)


def _how(ended: int) -> str:
    if os.WIFSIGNALED(ended):
        return f"it was ended by {signal.Signals(os.WTERMSIG(ended)).name}"
    return f"it ended with status {os.WEXITSTATUS(ended)}"
