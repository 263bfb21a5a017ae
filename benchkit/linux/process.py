"""Start a function in a fresh process, inside a network namespace, that never outlives us.

Processes come from a fork server that has imported the measuring code once: starting one takes
milliseconds, where a new interpreter takes a third of a second of CPU that the path under test needs.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from benchkit.linux import leftovers, libc
from benchkit.linux.interrupts import postponed

# A BLAS thread pool would double the threads of every process, and we multiply no matrices.
_SINGLE_THREADED = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
MAIN = "__main__"
# A status can be read once, and starting a process reads those of all that have ended: without a lock another
# thread finds nothing to read, which multiprocessing tells as status 255.
_reading_status = threading.Lock()


def context() -> ForkServerContext:
    """The one way this project makes processes and pipes."""
    return multiprocessing.get_context("forkserver")


def warm_up(modules: Sequence[str]) -> None:
    """Have the fork server import these before the first process is needed. Call it once, early."""
    for name in _SINGLE_THREADED:
        os.environ.setdefault(name, "1")
    leftovers.mark()
    leftovers.hold_companion()
    server = context()
    server.set_forkserver_preload([*modules, "benchkit.linux.frozen"])


def start(
    function: Callable[..., None],
    *arguments: Any,  # noqa: ANN401  whatever the function takes
    netns: str | None,
    name: str,
) -> ForkServerProcess:
    """Start `function(*arguments)`, inside the namespace at path `netns` where one is given.

    It is killed when this process ends, however that ends.
    """
    process = context().Process(
        target=_body, args=(function, arguments, netns, name), name=name, daemon=True
    )
    needed = _is_of_main((function, arguments))
    # One that was started and never told what to do would say so with a traceback.
    with _reading_status, postponed(), nullcontext() if needed else _without_main():
        _run_server()
        process.start()
    return process


def _run_server() -> None:
    """Have the fork server run, deaf to Ctrl-C from its first moment on, as all that it starts.

    It ignores it itself, but only once it has imported everything, and ends with a traceback until then.
    """
    resource_tracker.ensure_running()  # it unblocks signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _OfMainError(Exception):
    """Something of the script has been met."""


class _Search(pickle.Pickler):
    """Goes through all that would be sent, as sending does, and writes none of it."""

    def __init__(self) -> None:
        super().__init__(_Nowhere(), protocol=5, buffer_callback=lambda _: None)

    def reducer_override(self, value: Any) -> Any:  # noqa: ANN401  whatever there is
        if getattr(value, "__module__", None) == MAIN:
            raise _OfMainError
        if isinstance(value, (socket.socket, connection.Connection)):  # sent by other means
            return int, ()
        return NotImplemented


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, octets: bytes) -> int:
        return len(octets)


def _is_of_main(value: object) -> bool:
    """Whether the script defines any of it, however deep it lies."""
    try:
        _Search().dump(value)
    except _OfMainError:
        return True
    except Exception:  # noqa: BLE001  it cannot be sent, as starting the process will tell
        return False
    return False


@contextmanager
def _without_main() -> Iterator[None]:
    """Have a process that is started meanwhile not run the script of this one again, as multiprocessing would.

    It needs our modules alone. A script costs each process what it imports, and not every one can be run again: a
    program that comes from stdin or was removed meanwhile has no file.
    """
    main = vars(sys.modules[MAIN])
    kept: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.update(dict.fromkeys(kept))
    try:
        yield
    finally:
        main.update(kept)


def status_of(process: ForkServerProcess, timeout_s: float) -> int | None:
    """How it ended, -N for signal N; None if it has not ended in time. For any thread."""
    connection.wait([process.sentinel], timeout_s)
    with _reading_status:
        return process.exitcode


def has_ended(process: ForkServerProcess) -> bool:
    """Whether it has ended, without reading its status. For any thread."""
    return bool(connection.wait([process.sentinel], 0))


def _body(
    function: Callable[..., None], arguments: Sequence[Any], netns: str | None, name: str
) -> None:
    # The parent is the fork server, which ends when we end; Ctrl-C is ours alone to answer.
    libc.die_with_parent(signal.SIGKILL)
    libc.be_called(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if netns is not None:
        try:
            libc.enter_network(netns)
        except OSError:
            # A campaign that is ending refuses others its descriptors, one that has ended has none.
            if os.path.exists(netns):  # noqa: PTH110  a path's own raises where it may not look
                raise
            return
    function(*arguments)
