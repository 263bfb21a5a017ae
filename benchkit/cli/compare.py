"""`benchkit compare`."""

from __future__ import annotations

from pathlib import Path

import click

from benchkit.cli.comparing import (
    SIDE_BY_SIDE_FORMATS,
    despite_option,
    floor_option,
    floor_share_option,
    rule_from,
    side_by_side_format_option,
)
from benchkit.cli.options import form_of, output_option, results_option, terminal
from benchkit.cli.output import put
from benchkit.cli.words import Whole
from benchkit.errors import AskedWronglyError
from benchkit.units import show_count


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="BASE... CANDIDATE")
@click.option(
    "--candidates",
    type=Whole(min=1),
    default=1,
    show_default=True,
    help="How many runs, of the last ones named, are the candidate's.",
)
@click.option(
    "--each",
    is_flag=True,
    help="Hold every run after the first against the first, one by one.",
)
@despite_option
@floor_share_option
@floor_option
@results_option
@side_by_side_format_option
@output_option
def compare(
    runs: tuple[str, ...],
    candidates: int,
    each: bool,
    despite: tuple[str, ...],
    min_percent: float | None,
    min_latency: int | None,
    results: Path,
    form: str | None,
    output: Path | None,
) -> None:
    """Hold the last run named against the ones before it: what changed, and is it more than chance?

    A run is its folder, the start of its id, `latest` or `latest~1`; BASE may be a saved baseline. With three
    runs or more on a side, each run is one replicate; with fewer, intervals come from within the runs. With --each
    any number of runs stand side by side, the first one named as their base. The exit status is 0 whatever the
    answer is: to act on it, use `benchkit gate`.
    """
    from benchkit.campaign.comparing import compare_runs, load_measured  # costs numpy
    from benchkit.reports.comparison import render_side_by_side
    from benchkit.store.baselines import expanded

    rule = rule_from(min_percent, min_latency)
    comparisons = [
        compare_runs(
            load_measured(results, expanded(results, base)),
            load_measured(results, candidate),
            rule=rule,
            allowed=despite,
        )
        for base, candidate in _pairs(runs, candidates, each=each)
    ]
    width, color = terminal()
    color = color and output is None
    form = form_of(form, output, SIDE_BY_SIDE_FORMATS)
    put(render_side_by_side(comparisons, form, width=width, color=color), output)


def _pairs(
    runs: tuple[str, ...], candidates: int, *, each: bool
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Which runs are held against which."""
    if each and candidates > 1:
        raise AskedWronglyError(
            "--each takes every run after the first as a candidate of its own: leave --candidates out"
        )
    base = runs[:1] if each else runs[:-candidates]
    others = runs[1:] if each else runs[-candidates:]
    if not base or not others:
        raise AskedWronglyError(
            f"compare: {show_count(len(runs), 'run')} named, and no base before the candidate: name it first, as in "
            "`benchkit compare latest~1 latest`"
        )
    return [(base, (other,)) for other in others] if each else [(base, others)]
