"""Names for runs: one small JSON file for each in `results/.baselines/`, the runs in it in the order in which they were saved."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchkit.errors import AskedWronglyError, told_by_system
from benchkit.store.figures import see_comparable
from benchkit.store.folder import read_run
from benchkit.store.run_id import is_run_id
from benchkit.store.search import find_run

FOLDER = ".baselines"
SCHEMA = 1
_SHOWN = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LATEST = re.compile(r"latest(~\d+)?")


@dataclass(frozen=True)
class Baseline:
    """A name, and the runs it stands for: ids, or folders that lie elsewhere.

    `replaced` are those that it stood for before it was saved, and does no more.
    """

    name: str
    runs: tuple[str, ...]
    replaced: tuple[str, ...] = ()


def save_baseline(
    results: Path, name: str, runs: Sequence[str], *, add: bool = False, keep: int | None = None
) -> Baseline:
    """Let the name stand for these runs, instead of what it stood for before; returns it with whole ids.

    With `add` it stands for both, the newest `keep` of them where that is given.

    Raises:
        AskedWronglyError: the name is no file name or means a run, a run is not there, named twice, without a
            figure, unfit, interrupted, or to be added where it is already, or `results` cannot be written.
    """
    _check_name(name)
    file = _file(results, name)
    stood = _stood_for(results, name, damaged=not add) if file.is_file() else ()
    before = stood if add else ()
    named = [_reference(results, run) for run in runs]
    for index, run in enumerate(named):
        if run in named[:index]:
            raise AskedWronglyError(f"run {run} is named twice: name each run once")
        if run in before:
            raise AskedWronglyError(f"run {run} is in {name} already: add others")
    see_comparable(results, [read_run(find_run(results, run)) for run in named])
    found = [*before, *named][-(keep or 0) :]
    gone = tuple(run for run in stood if run not in found)
    text = json.dumps({"schema": SCHEMA, "name": name, "runs": found}, indent=2) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A reader sees the old runs or the new ones, never half a file.
        fresh = file.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        said = told_by_system(error)
        raise AskedWronglyError(
            f"cannot write {file}: {said}: give --results a directory that can be written"
        ) from error
    return Baseline(name, tuple(found), gone)


def _stood_for(results: Path, name: str, *, damaged: bool) -> tuple[str, ...]:
    """The runs of a name. Raises AskedWronglyError for a damaged file, unless one may be `damaged`: it is written anew."""
    try:
        return load_baseline(results, name).runs
    except AskedWronglyError:
        if not damaged:
            raise
        return ()


def list_baselines(results: Path) -> list[Baseline]:
    """Every baseline in a directory, by name. Raises AskedWronglyError where the file of one is damaged."""
    names = sorted(file.stem for file in (results / FOLDER).glob("*.json"))
    return [load_baseline(results, name) for name in names]


def load_baseline(results: Path, name: str) -> Baseline:
    """The baseline of that name. Raises AskedWronglyError where there is none, or its file is damaged."""
    file = _file(results, name)
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        schema, runs = data["schema"], data["runs"]
        whole = isinstance(runs, list) and runs and all(isinstance(run, str) for run in runs)
    except FileNotFoundError as error:
        raise AskedWronglyError(
            f"no baseline {name} in {results}: `benchkit baseline save {name} RUN` makes one"
        ) from error
    except OSError as error:
        said = told_by_system(error)
        raise AskedWronglyError(f"cannot read {file}: {said}: name another baseline") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AskedWronglyError(f"{file} is damaged: save the baseline again") from error
    if not whole or schema != SCHEMA:
        raise AskedWronglyError(
            f"{file} is damaged, or of a newer benchkit: save the baseline again"
        )
    return Baseline(name, tuple(runs))


def expanded(results: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The names with each baseline among them replaced by its runs.

    Raises AskedWronglyError for a baseline that is damaged, and for a name that is neither a baseline nor a run.
    """
    found: list[str] = []
    for name in names:
        is_baseline = _NAME.fullmatch(name) and _file(results, name).is_file()
        if not is_baseline:
            _check_is_run(results, name)
        found += load_baseline(results, name).runs if is_baseline else [name]
    return tuple(found)


def _check_is_run(results: Path, name: str) -> None:
    try:
        find_run(results, name)
    except AskedWronglyError as error:
        if not _NAME.fullmatch(name) or is_run_id(name) or _LATEST.fullmatch(name):
            raise
        saved = sorted(file.stem for file in (results / FOLDER).glob("*.json"))
        there = ", ".join(saved[:_SHOWN]) or "none"
        more = f" and {len(saved) - _SHOWN} more" if len(saved) > _SHOWN else ""
        raise AskedWronglyError(
            f"no baseline {name}: {results} has {there}{more}; and {error}"
        ) from error


def _file(results: Path, name: str) -> Path:
    return results / FOLDER / f"{name}.json"


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AskedWronglyError(
            f"baseline {name!r}: a name has letters, digits, dots, dashes and underscores, 64 at most"
        )
    if is_run_id(name) or _LATEST.fullmatch(name):
        raise AskedWronglyError(f"baseline {name}: that means a run: take another name")


def _reference(results: Path, text: str) -> str:
    """What finds the run again: its id where it lies in `results`, else its whole path."""
    folder = find_run(results, text)
    if folder.parent.resolve() == results.resolve() and is_run_id(folder.name):
        return folder.name
    return str(folder.resolve())
