"""What a command answers, written to stdout or to a file: whole, or not at all."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import click

from benchkit.errors import AskedWronglyError, BenchkitError, UnfitError, told_by_system

ANOTHER_FILE = "name another file with -o"


def put(text: str, output: Path | None, what: str = "the report") -> None:
    """Print it, or write it to the file. Raises as `write_whole`."""
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text, what, ANOTHER_FILE)


def see_it_can_be_put(output: Path | None, what: str) -> None:
    """Say before it is made that a file cannot be written: once it took its time would be too late.

    Raises as `write_whole`.
    """
    if output is None:
        return
    place = output.resolve()  # what a link leads to is tried, and the link stays
    is_new = not place.exists()
    if not is_new and not place.is_file():
        return  # a pipe is no longer one once it was tried
    try:
        with place.open("ab"):
            pass
        if is_new:
            place.unlink()
    except OSError as error:
        raise unwritten(what, output, error, ANOTHER_FILE) from error


def write_whole(file: Path, text: str, what: str, remedy: str) -> None:
    """Write it, or leave nothing of it there.

    Raises:
        AskedWronglyError: it cannot be written there.
        UnfitError: there is no room for it.
    """
    is_new = not file.exists()
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        if is_new:
            with suppress(OSError):
                file.unlink()
        raise unwritten(what, file, error, remedy) from error


def unwritten(what: str, place: Path, error: OSError, remedy: str) -> BenchkitError:
    """What is raised where the system does not take what is written."""
    said = f"{what} cannot be written to {place}: {told_by_system(error)}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnfitError(f"{said}; free space, or {remedy}")
    return AskedWronglyError(f"{said}; {remedy}")
