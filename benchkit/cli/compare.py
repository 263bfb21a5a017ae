"""`benchkit compare`."""

from __future__ import annotations

from pathlib import Path

import click

from benchkit.cli.comparing import (
    comparison_format_option,
    despite_option,
    floor_option,
    floor_share_option,
    rule_from,
)
from benchkit.cli.options import results_option, terminal
from benchkit.errors import AskedWronglyError

FEWEST = 2


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="BASE... CANDIDATE")
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many runs, of the last ones named, are the candidate's.",
)
@despite_option
@floor_share_option
@floor_option
@results_option
@comparison_format_option
def compare(
    runs: tuple[str, ...],
    candidates: int,
    despite: tuple[str, ...],
    min_percent: float | None,
    min_latency: int | None,
    results: Path,
    form: str,
) -> None:
    """Hold the last run named against the ones before it: what changed, and is it more than chance?

    A run is its folder, the start of its id, `latest` or `latest~1`; BASE may be a saved baseline. With three
    runs or more on a side, each run is one replicate; with fewer, intervals come from within the runs. The
    exit status is 0 whatever the answer is: to act on it, use `benchkit gate`.
    """
    from benchkit.campaign.comparing import compare_runs, load_runs  # noqa: PLC0415  costs numpy
    from benchkit.reports.comparison import render_comparison  # noqa: PLC0415
    from benchkit.store.baselines import expanded  # noqa: PLC0415

    base, candidate = runs[:-candidates], runs[-candidates:]
    if not base:
        raise AskedWronglyError(
            f"compare: {len(runs)} run named, and {candidates} of them the candidate's: name a base run before it"
        )
    comparison = compare_runs(
        load_runs(results, expanded(results, base)),
        load_runs(results, candidate),
        rule=rule_from(min_percent, min_latency),
        allowed=despite,
    )
    width, color = terminal()
    click.echo(render_comparison(comparison, form, width=width, color=color), nl=False)
