"""A process of the userspace line, as its campaign holds it: started in the hub, told what to do, and ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchkit.errors import UnfitError
from benchkit.linux import process

ANSWER_TIMEOUT_S = 10.0
# The kernel takes some 30 ms to let go of a ring, and a star of 46 paths has 92.
END_TIMEOUT_S = 15.0


class LineProcess:
    """One process that carries the frames of some paths."""

    def __init__(self, netns: str, serve: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401  whatever it takes
        """Start `serve(control, *arguments)` in the namespace at path `netns`; `await_ready` sees it carry frames."""
        self._control, theirs = process.context().Pipe()
        self._process = process.start(serve, theirs, *arguments, netns=netns, name="benchkit line")
        theirs.close()

    def await_ready(self) -> None:
        """Return when its rings are open. Raises UnfitError where they cannot be."""
        said = self.answer()
        if said != "ready":
            raise UnfitError(
                f"the userspace line could not open its packet rings: {said[1]}; it needs packet sockets "
                "(CONFIG_PACKET) and about 20 MB of memory for each direction"
            )

    def tell(self, order: str, body: object = None) -> None:
        """Give an order; `answer` says what came of it. Raises UnfitError when it has gone."""
        try:
            self._control.send((order, body))
        except OSError as error:
            raise _gone() from error

    def answer(self) -> Any:  # noqa: ANN401  whatever the line says
        """What it says next. Raises UnfitError if it says nothing in time, or has gone."""
        try:
            if not self._control.poll(ANSWER_TIMEOUT_S):
                raise UnfitError(
                    f"the userspace line did not answer within {ANSWER_TIMEOUT_S:.0f} s: the machine is too "
                    "busy to emulate a path; free a core and run again"
                )
            return self._control.recv()
        except (OSError, EOFError) as error:
            raise _gone() from error

    def check(self) -> None:
        """Raise UnfitError if it has ended."""
        if process.has_ended(self._process):
            raise _gone()

    def terminate(self) -> None:
        """Have it end."""
        self._process.terminate()

    def join(self) -> None:
        """Wait for its end."""
        self._process.join(END_TIMEOUT_S)
        self._control.close()


@contextmanager
def line_processes(
    netns: str, serve: Callable[..., None], shares: Sequence[Sequence[Any]]
) -> Iterator[list[LineProcess]]:
    """A process that serves each share of the paths, all carrying frames; they end with the context."""
    started: list[LineProcess] = []
    try:
        started.extend(LineProcess(netns, serve, *share) for share in shares)
        for one in started:
            one.await_ready()
        yield started
    finally:
        for one in started:
            one.terminate()
        for one in started:
            one.join()


def _gone() -> UnfitError:
    return UnfitError(
        "the userspace line has ended in the middle of the run: see the system log for an out-of-memory "
        "kill, then run again"
    )
