"""Whether a folder takes runs: tried truly, before anything is measured for it."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from benchkit.store.folder import refusal

# What a small record takes, of a kind that no file system stores for less.
RECORD_OCTETS = 16 << 10


def try_writing(results: Path) -> None:
    """Make the folder and write in it, and leave it as it was, or not there. A file that has no name stays behind nobody.

    Raises:
        AskedWronglyError: `results` cannot hold a run.
        UnfitError: the disk has no room, or failed.
    """
    made: list[Path] = []
    try:
        made += [each for each in (results, *results.parents) if not each.exists()]
        results.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=results) as trial:
            trial.write(os.urandom(RECORD_OCTETS))
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as error:
        raise refusal(f"keep runs in {results}", results, error) from error
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
