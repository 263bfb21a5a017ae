"""Measuring some paths of a run again, as the run itself was made: the same command, narrowed, with a fresh seed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import click

from benchkit.cli.exit_status import INTERRUPTED
from benchkit.cli.run import run
from benchkit.errors import AskedWronglyError, BenchkitError, MeasureError
from benchkit.model.record import RunRecord
from benchkit.model.target import Target

# Where second measurements are kept, so that `latest` stays the whole run.
FOLDER = "again"
# What the narrowed command says anew, or what is no part of the question.
_LEFT_OUT = {
    *("target", "paths", "probes", "seed", "name", "gate", "results", "form", "dry_run"),
    *("repeat", "base", "interleave", "every", "lasts", "keep_raw", "live"),
}
_FIRST_WORDS = ["benchkit", "run"]


def measure_again(
    record: RunRecord, paths: Collection[str], probes: Collection[str], results: Path
) -> Path:
    """Measure those paths by those probes again and return the new run's folder, in `results/again`.

    Raises AskedWronglyError where the run cannot be repeated here, MeasureError where no new run came of it.
    """
    words = [
        *_words(record, paths, probes),
        *_options("--path", paths),
        *_options("--probe", probes),
        *("--seed", str((record.seed or 0) + 1), "--name", f"again: {record.run}"),
        *("--results", str(results / FOLDER)),
    ]
    return _run(words, results / FOLDER)


def _run(words: list[str], folder: Path) -> Path:
    from benchkit.linux.foreground import run_in_foreground  # for this alone
    from benchkit.store import list_runs

    known = set(list_runs(folder))
    click.echo(f"measuring again: {shlex.join(['benchkit', *words])}", err=True)
    # Its report is not ours, and stdout holds ours alone.
    status = run_in_foreground([sys.executable, "-m", "benchkit", *words], {}, quiet=True)
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    fresh = [run for run in list_runs(folder) if run not in known]
    if not fresh:
        raise MeasureError(f"no second run came of it: `benchkit run` ended with status {status}")
    return fresh[-1]


def _words(record: RunRecord, paths: Collection[str], probes: Collection[str]) -> list[str]:
    """The words of the run's own command that say what was asked of these, but which paths and probes."""
    typed = shlex.split(record.command)
    if typed[:2] != _FIRST_WORDS:
        raise AskedWronglyError("the run does not say by which command it was made")
    try:
        context = run.make_context("run", typed[2:])
        given, _, _ = run.make_parser(context).parse_args(typed[2:])
    except click.ClickException as error:
        raise AskedWronglyError(f"its command is no longer understood: {error}") from error
    name = str(context.params["target"])
    target = _same_target(record, name)
    unused = set() if set(paths) & {meter.name for meter in target.meters} else {"--meter"}
    return ["run", name, *_kept(given, probes, unused)]


def _kept(given: dict[str, Any], probes: Collection[str], unused: Collection[str]) -> Iterator[str]:
    """What was given, less what none of the probes takes: `benchkit run` refuses that. No probes are the plan's."""
    from benchkit.campaign.question import is_taken  # costs numpy

    for option in run.params:
        value = given.get(option.name or "")
        if option.name in _LEFT_OUT or not isinstance(option, click.Option) or value is None:
            continue
        if option.opts[0] in unused or (probes and not is_taken(option.opts[0], probes)):
            continue
        if option.is_flag:
            yield option.opts[0]
            continue
        for each in value if option.multiple else (value,):
            yield from (option.opts[0], str(each))


def _same_target(record: RunRecord, name: str) -> Target:
    """The target, where the same would be measured on the same machine. Raises AskedWronglyError where not."""
    from benchkit.linux import host
    from benchkit.stats.comparable import ENVIRONMENT_LINES  # costs numpy
    from benchkit.targets import load_target

    try:
        target = load_target(name)
    except BenchkitError as error:
        raise AskedWronglyError(f"target {name} cannot be read here: {error}") from error
    if target.digest != record.target_digest:
        raise AskedWronglyError(f"target {name} is not the one that the run was made with")
    here = host.fingerprint()
    for line in ENVIRONMENT_LINES:
        there = record.environment.get(line)
        if there is not None and str(there) != here.get(line):
            raise AskedWronglyError(f"the run was made on another machine ({line}: {there})")
    return target


def _options(option: str, values: Collection[str]) -> Iterator[str]:
    for value in values:
        yield from (option, value)
