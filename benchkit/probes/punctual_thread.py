"""A thread that sends by the clock, beside the loop that it serves."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from benchkit.linux import libc

# How long the loop's thread may keep the interpreter from ours.
SWITCH_S = 20e-6


class PunctualThread:
    """Runs a function that looks at `stopped` often. What goes wrong in it is raised where the thread is used."""

    def __init__(self, run: Callable[[], None]) -> None:
        """Start it on entry."""
        self._run = run
        self.stopped = False
        self._trouble: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped = True
        self._thread.join()
        sys.setswitchinterval(self._switch_s)
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise what went wrong in the thread, if anything did."""
        if self._trouble is not None:
            raise self._trouble

    def _work(self) -> None:
        try:
            libc.wake_on_time()
            self._run()
        except BaseException as error:  # noqa: BLE001  raised where it is used
            self._trouble = error
