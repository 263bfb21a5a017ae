"""Which run a person means: a directory, an id, the beginning of one, `latest` or `latest~2`."""

from __future__ import annotations

import re
from pathlib import Path

from benchkit.errors import AskedWronglyError, told_by_system
from benchkit.store.folder import RECORD_NAME
from benchkit.store.mirror_folder import url_of
from benchkit.store.run_id import PARTIAL_PREFIX, STAMP_LENGTH, is_run_id

_LATEST = re.compile(r"latest(?:~(\d+))?")
_SHOWN = 4


def list_runs(results: Path) -> list[Path]:
    """The runs in a directory, oldest first: whatever has a run's name, damaged or not.

    Raises AskedWronglyError where it cannot be listed.
    """
    found = [entry for entry in _entries(results) if is_run_id(entry.name) and entry.is_dir()]
    return sorted(found, key=_age)


def leftovers(results: Path) -> list[Path]:
    """What writers that were killed, or are still at work, have in a directory. Raises likewise AskedWronglyError."""
    return sorted(entry for entry in _entries(results) if entry.name.startswith(PARTIAL_PREFIX))


def find_run(results: Path, text: str) -> Path:
    """The directory of the run that `text` means. A damaged run is an error, never passed over for another.

    Raises:
        AskedWronglyError: there is none, or several could be meant.
    """
    latest = _LATEST.fullmatch(text)
    if latest:
        return _whole(_by_age(results, text, int(latest[1] or 0)))
    return _by_path(results, text) or _whole(_by_id(results, text))


def _entries(results: Path) -> list[Path]:
    try:
        return list(results.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        said = told_by_system(error)
        raise AskedWronglyError(
            f"cannot look for runs in {results}: {said}: give --results a directory that you may read"
        ) from error


def _age(run: Path) -> tuple[str, int, str]:
    # Two runs of one second: the directory's own time decides; a rename does not change it.
    return run.name[:STAMP_LENGTH], run.stat().st_mtime_ns, run.name


def _by_age(results: Path, text: str, back: int) -> Path:
    runs = list_runs(results)
    if not runs:
        raise AskedWronglyError(_nothing_there(results, text))
    if back and len(runs) == 1:
        raise AskedWronglyError(
            f"no run {text}: {results} holds one run alone, {runs[0].name}, which is `latest`:"
            " `benchkit run` makes another"
        )
    if back >= len(runs):
        raise AskedWronglyError(
            f"no run {text}: {results} holds {len(runs)}, the oldest is {runs[0].name}:"
            f" ask for latest~{len(runs) - 1} or a newer one"
        )
    return runs[-1 - back]


def _by_path(results: Path, text: str) -> Path | None:
    """A directory as it was typed, or a name below `results` that is no id, such as `published/guizhou`."""
    if not text:
        return None
    for candidate in (Path(text), results / text):
        if candidate.name == RECORD_NAME and candidate.is_file():
            return candidate.parent
        if (candidate / RECORD_NAME).is_file():
            return candidate
    if is_run_id(Path(text).name) and Path(text).is_dir():
        return _whole(Path(text))
    return None


def _by_id(results: Path, text: str) -> Path:
    runs = list_runs(results)
    found = [run for run in runs if text and run.name.startswith(text)]
    exact = [run for run in found if run.name == text]
    if exact or len(found) == 1:
        return (exact or found)[0]
    if found:
        raise AskedWronglyError(
            f"{len(found)} runs begin with {text}: {_named(found)}: type more of the one you mean"
        )
    if not runs:
        raise AskedWronglyError(_nothing_there(results, text))
    raise AskedWronglyError(
        f"no run {text or '(empty)'}: {results} holds {_named(runs[::-1])}: type one of these, or latest"
    )


def see_open(results: Path) -> None:
    """See that one may look for runs there, if such a folder is there yet. Raises AskedWronglyError."""
    _entries(results)


def why_none(results: Path) -> str:
    """Why a directory has no run, and the remedy."""
    url = url_of(results)
    if url:
        return f"there is none at {url}: name the place of your runs with --results, or make a first run with `benchkit run`"
    if results.exists():
        return f"{results} holds no run yet: `benchkit run` makes one"
    return f"there is no folder {results}: name that of your runs with --results, or make a first run with `benchkit run`"


def _nothing_there(results: Path, text: str) -> str:
    return f"no run {text or '(empty)'}: {why_none(results)}"


def _named(runs: list[Path]) -> str:
    shown = ", ".join(run.name for run in runs[:_SHOWN])
    return f"{shown} and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else shown


def _whole(run: Path) -> Path:
    if not (run / RECORD_NAME).is_file():
        raise AskedWronglyError(
            f"run {run} is damaged: {RECORD_NAME} is missing: remove it, or name another run"
        )
    return run
