"""What the contract of executors has sites do: functions of a module that a site's process can import too."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

from benchkit.errors import BenchkitError, CommandError, MeasureError, TargetError
from benchkit.model.samples import Samples, column

# Each error as its raiser makes it, with as many arguments as its class takes.
ERRORS: tuple[BenchkitError, ...] = (
    MeasureError("nobody answered at 198.18.0.2 port 862: is it running?"),
    TargetError("line 3: no such site", "line 9: no such path"),
    CommandError("tc qdisc add", 2, "Error: Specified qdisc kind is unknown."),
)


def multiply(one: int, *, by: int) -> int:
    return one * by


def process_id() -> int:
    return os.getpid()


def network() -> str:
    """The network namespace, as `net:[inode]`."""
    return str(Path("/proc/self/ns/net").readlink())


def columns_of(rows: int) -> Samples:
    """Samples with a hole at every third row."""
    sequence = column(range(rows))
    received = column(range(rows, 2 * rows), [index % 3 == 0 for index in range(rows)])
    return Samples("rtt", "a-b", "idle", {"sequence": sequence, "received_ns": received})


def same(body: Any) -> Any:
    return body


def fail(error: Exception) -> None:
    raise error


def fail_locally() -> None:
    raise KeyError("phase")


def fail_with_an_error_that_cannot_be_rebuilt() -> None:
    raise OnlyByKeywordError(path="a-b")


def give_an_error_that_cannot_be_rebuilt() -> OnlyByKeywordError:
    return OnlyByKeywordError(path="a-b")


def give_a_lock() -> Any:
    return threading.Lock()


def give_a_local_function() -> Any:
    return lambda: None


def give_of_a_vanished_class() -> Any:
    return types.new_class("Vanished")()


def kill_self(number: int) -> None:
    os.kill(os.getpid(), number)
    signal.pause()


def leave(status: int) -> None:
    sys.exit(status)


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


class OnlyByKeywordError(Exception):
    """Pickles, and raises TypeError where it is rebuilt from its args."""

    def __init__(self, *, path: str) -> None:
        super().__init__(f"no way along {path}")
