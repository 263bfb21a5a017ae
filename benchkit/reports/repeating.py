"""How a run is repeated: the command that made it, as it was typed, or without where files lie on one machine."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath

from benchkit.model.record import RunRecord
from benchkit.reports.figures import clean

# A word that names a file by its whole path, alone or as an option's value.
_PLACED = re.compile(r"(--?[\w-]+=)?([~/].*)", re.DOTALL)


def repeating(record: RunRecord, *, elsewhere: bool = False) -> str:
    """The command as it was typed, or as readers elsewhere may see it, on one line.

    A run that does not say how it was made has what comes near to it.
    """
    command = without_places(record.command) if elsewhere else record.command
    return clean(command) or f"benchkit run {clean(record.target)}"


def without_places(command: str) -> str:
    """The command with files named by their last part alone, for readers who are elsewhere.

    >>> without_places("benchkit run /home/ann/line.toml --duration 5 --results=/srv/runs")
    "benchkit run '…/line.toml' --duration 5 '--results=…/runs'"
    """
    try:
        words = shlex.split(command)
    except ValueError:  # an open quote: nobody can repeat it, and no part can be told from another
        return ""
    return shlex.join(_without_place(word) for word in words)


def _without_place(word: str) -> str:
    placed = _PLACED.fullmatch(word)
    if placed is None:
        return word
    option, path = placed.groups("")
    return f"{option}…/{PurePosixPath(path).name}"
