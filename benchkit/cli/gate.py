"""`benchkit gate`."""

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

STATUS = {"pass": 0, "fail": 1, "inconclusive": 3, "unfit": 5}


@click.command()
@click.argument("run", default="latest")
@click.option(
    "--baseline",
    "baseline",
    multiple=True,
    metavar="RUN",
    help="A run, or a saved baseline, to hold it against; may be repeated.",
)
@despite_option
@floor_share_option
@floor_option
@results_option
@comparison_format_option
@click.pass_context
def gate(
    context: click.Context,
    run: str,
    baseline: tuple[str, ...],
    despite: tuple[str, ...],
    min_percent: float | None,
    min_latency: int | None,
    results: Path,
    form: str,
) -> None:
    """Say whether RUN may pass: against its budgets, and against a baseline of one or more runs.

    Exit status: 0 pass; 1 a budget failed, a regression, or a figure that the baseline has is missing;
    3 inconclusive; 5 the run's machine was unfit. Five runs or more make a baseline that knows how runs differ.
    """
    from benchkit.campaign.comparing import compare_runs, load_runs  # noqa: PLC0415  costs numpy
    from benchkit.reports.comparison import render_gate  # noqa: PLC0415
    from benchkit.stats.gate import gate as judged  # noqa: PLC0415
    from benchkit.store.baselines import expanded  # noqa: PLC0415

    candidate = load_runs(results, (run,))
    comparison = None
    if baseline:
        comparison = compare_runs(
            load_runs(results, expanded(results, baseline)),
            candidate,
            rule=rule_from(min_percent, min_latency),
            allowed=despite,
        )
    answer = judged(candidate[0].record, comparison)
    width, color = terminal()
    click.echo(render_gate(answer, form, width=width, color=color), nl=False)
    context.exit(STATUS[answer.verdict])
