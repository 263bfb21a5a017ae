"""Everything benchkit raises on purpose, cut by who must act.

    BenchkitError            exit 1 never happens: each child has its own code
    ├── AskedWronglyError    2  the command line, a target file, a run that is not there
    │   └── TargetError      2  a target or seeds file: carries every problem found
    ├── MeasureError         4  the network or the far end: unreachable, too few samples
    │   ├── SiteLostError    4  a site went away while it measured, with what it had not yet told
    │   ├── TakenError       4  the far end serves somebody else: carries for how long yet
    │   ├── NoWayError       4  the kernel where it is measured from sends nothing there
    │   └── ShutError        4  the far end lets nobody in: asking again would end in the same way
    │       └── KeyRefusedError 4 it wants a key, and was shown none or another
    └── UnfitError           5  this machine: no emulator, calibration out of tolerance, no room, a port that is taken
        └── CommandError     5  a program we started failed: argv, status and what it said

The text is one line: what was attempted, with which value, and the remedy.
Each error is rebuilt from its `args` alone, so that it survives a process border.
"""

from __future__ import annotations

import os

from benchkit.tls_words import told_of_tls

IN_TIME = "nothing came in time"


def printable(text: object) -> str:
    r"""The text on one line, blanks where it would steer a terminal: an error may hold a peer's own words.

    >>> printable("it said \x1b[2Jno\n")
    'it said  [2Jno '
    """
    return "".join(sign if sign.isprintable() else " " for sign in str(text))


def told_by_system(error: Exception) -> str:
    """What the system says went wrong, without what Python or a library says around it.

    >>> told_by_system(OSError(111, "connect call failed ('127.0.0.1', 1)")), told_by_system(OSError("gone"))
    ('Connection refused', 'gone')
    >>> told_by_system(TimeoutError())
    'nothing came in time'
    """
    import ssl  # noqa: PLC0415  costs milliseconds, and most commands meet no error

    if isinstance(error, ssl.SSLError):  # its number is OpenSSL's, and none of the system's
        return told_of_tls(error)
    if isinstance(error, OSError):
        if error.errno is not None and error.errno > 0:  # of the resolver they are below
            return os.strerror(error.errno)
        if error.strerror:
            return error.strerror
    return str(error) or (IN_TIME if isinstance(error, TimeoutError) else type(error).__name__)


class BenchkitError(Exception):
    """The root. `exit_code` is what the command line ends with."""

    exit_code = 1


class AskedWronglyError(BenchkitError):
    """The question cannot be answered as it was put: correct it and ask again."""

    exit_code = 2


class TargetError(AskedWronglyError):
    """A target or seeds file is wrong. `args` are the problems, one line each, the first one first."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem that was found, one line each."""
        return tuple(str(problem) for problem in self.args)

    def __str__(self) -> str:
        """Give the first problem, and say how many more there are, and who tells them."""
        first, *rest = self.problems
        return (
            f"{first} (and {len(rest)} more: `benchkit targets check` tells all)" if rest else first
        )


class MeasureError(BenchkitError):
    """The network or the far end did not let us measure."""

    exit_code = 4


class SiteLostError(MeasureError):
    """A site went away while it measured: what it had told stands, and is not all there was."""

    def __init__(self, words: str, site: str = "") -> None:
        """Keep both; `site` is the one that answers nobody any more either, "" where only what it measured is lost."""
        super().__init__(words)
        self.site = site


class TakenError(MeasureError):
    """The far end serves somebody else. `left_s` is for how many seconds yet, 0 where it did not say."""

    def __init__(self, words: str, left_s: float = 0.0) -> None:
        """Keep both, so that a caller can wait."""
        super().__init__(words, left_s)

    def __str__(self) -> str:
        """Give the words alone."""
        return str(self.args[0])

    @property
    def left_s(self) -> float:
        """For how many seconds yet."""
        return float(self.args[1])


class NoWayError(MeasureError):
    """The kernel where it is measured from has no way to the address: the far end has not even been asked."""


class ShutError(MeasureError):
    """The far end does not open, or not to us: asking again would end in the same way."""


class KeyRefusedError(ShutError):
    """The far end wants a key, and was shown none or another."""


class UnfitError(BenchkitError):
    """This machine cannot give a result that deserves trust: say why, and what would mend it."""

    exit_code = 5


class CommandError(UnfitError):
    """A program failed. `args` are the command line, its exit status, and its last words."""

    def __init__(self, command: str, status: int, said: str) -> None:
        """Keep the three apart, so that a caller can look at the status."""
        super().__init__(command, status, said)

    def __str__(self) -> str:
        """Give the attempt and what the program said about it."""
        command, status, said = self.args
        return f"`{command}` failed with status {status}: {said or 'it said nothing'}"
