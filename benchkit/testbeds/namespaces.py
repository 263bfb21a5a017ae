"""Emulated sites: every task is a fresh process inside the site's network namespace."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent import futures
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, TypeVar

from benchkit.errors import BenchkitError, UnfitError
from benchkit.linux import process
from benchkit.testbeds.shutdown import shut_down

Result = TypeVar("Result")
GRACE_S = 2.0


class NamespaceExecutor(Executor):
    """An Executor whose tasks each get a process of their own: no task shares an interpreter with another."""

    def __init__(self, site: str, netns: str | None) -> None:
        """Run tasks in the namespace at path `netns`; None is the caller's own."""
        self.site = site
        self._netns = netns
        self._lock = threading.Lock()
        self._running: dict[Future[Any], ForkServerProcess] = {}
        self._closed = False

    @property
    def is_busy(self) -> bool:
        """Whether any task runs."""
        with self._lock:
            return bool(self._running)

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:  # noqa: ANN401  as Executor has it
        """Start it now. The future ends with its result, its own exception, or UnfitError if it died.

        Raises RuntimeError once shut down, as every Executor does.
        """
        future: Future[Result] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the executor of {self.site} is shut down")
            reader, writer = process.context().Pipe(duplex=False)
            task = process.start(
                _work, writer, fn, args, kwargs, netns=self._netns, name=f"benchkit {self.site}"
            )
            self._running[future] = task
        writer.close()
        future.set_running_or_notify_cancel()
        threading.Thread(
            target=self._collect, args=(future, task, reader), name=f"site-{self.site}", daemon=True
        ).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  the signature of Executor
        """Take no more tasks. With `cancel_futures`, kill those that run; with `wait`, see them end."""
        with self._lock:
            self._closed = True
            running = dict(self._running)
        if cancel_futures:
            for task in running.values():
                task.terminate()
        if wait:
            futures.wait(running, GRACE_S if cancel_futures else None)

    def _collect(self, future: Future[Any], task: ForkServerProcess, reader: Connection) -> None:
        outcome = _received(reader)
        status = process.status_of(task, GRACE_S)
        succeeded, body = outcome or (False, _death(self.site, status))
        if succeeded:
            future.set_result(body)
        else:
            future.set_exception(body)
        with self._lock:
            del self._running[future]


class NamespaceTestbed(AbstractContextManager["NamespaceTestbed"]):
    """The executors of all sites of an emulation."""

    def __init__(self, namespaces: Mapping[str, str | None]) -> None:
        """Make one executor a site, by the path of its namespace."""
        self.sites = {name: NamespaceExecutor(name, netns) for name, netns in namespaces.items()}

    def __exit__(self, *_: object) -> None:
        shut_down(self.sites.values())


def _work(writer: Connection, function: Callable[..., Any], arguments: Any, keywords: Any) -> None:  # noqa: ANN401  whatever the function takes
    try:
        outcome = True, function(*arguments, **keywords)
    except BenchkitError as error:
        outcome = False, error
    except Exception as error:  # noqa: BLE001  the caller gets it as a future's exception
        error.add_note(f"raised in the process of a site, at {_where(error)}")
        outcome = False, error
    try:
        writer.send(outcome)
    except OSError:
        return  # nobody is listening any more
    except Exception as error:  # noqa: BLE001  pickling raises what it likes
        writer.send((False, _cannot_cross(error)))


def _where(error: Exception) -> str:
    """The line that raised it: a traceback does not cross processes."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"


def _received(reader: Connection) -> tuple[bool, Any] | None:
    """Whether the task succeeded, and its result or error; None if it died without a word."""
    with reader:
        try:
            found: tuple[bool, Any] = reader.recv()
        except (EOFError, OSError):
            return None
        except Exception as error:  # noqa: BLE001  an error is rebuilt by its own class
            return False, _cannot_cross(error)
    return found


def _cannot_cross(error: Exception) -> RuntimeError:
    return RuntimeError(f"a task's outcome cannot cross processes: {error}")


def _death(site: str, status: int | None) -> UnfitError:
    if status is not None and status < 0:
        how, remedy = f"signal {-status}", "whoever sent it can tell why"
        if -status == signal.SIGKILL:
            remedy = "see the system log for an out-of-memory kill"
    else:
        how, remedy = f"status {status}", "what it said on stderr tells why; mend that"
    return UnfitError(
        f"a process of site {site} ended with {how} before it had a result: {remedy}, then run again"
    )
