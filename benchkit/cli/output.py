"""What a command answers, written to stdout or to a file: whole, or not at all."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import click

from benchkit.errors import AskedWronglyError, BenchkitError, UnfitError, told_by_system


def put(text: str, output: Path | None, what: str = "the report") -> None:
    """Print it, or write it to the file. Raises as `write_whole`."""
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text, what, "name another file with -o")


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
