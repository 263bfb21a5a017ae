"""`benchkit history`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchkit.cli.options import (
    BY_NAME,
    Format,
    form_of,
    lone_format_option,
    output_option,
    results_option,
    terminal,
)
from benchkit.cli.output import put
from benchkit.errors import AskedWronglyError
from benchkit.model.history import METRICS

if TYPE_CHECKING:  # numpy, which `--help` need not pay for
    from benchkit.model.record import RunRecord

HTML = "html"
FORMATS = ("text", "markdown", "csv", "json", HTML)


@click.command()
@click.argument("target", required=False)
@click.option(
    "--path", "paths", multiple=True, metavar="A-B", help="Only this path; may be repeated."
)
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    help="Which figure.  [default: rtt, or what the runs have]",
)
@click.option(
    "--phase", help="idle, up, down, both or a workload's name.  [default: idle; of rates up]"
)
@click.option(
    "--statistic", help='"p50" to "max", "loss", "mean" of rates.  [default: p95; of rates mean]'
)
@click.option("--sql", metavar="QUERY", help="Ask all runs in SQL instead, by DuckDB, read-only.")
@results_option
@output_option
@lone_format_option(
    Format(FORMATS),
    None,
    f"What the answer is written as; html is one file with charts.  {BY_NAME}",
)
def history(
    target: str | None,
    paths: tuple[str, ...],
    metric: str | None,
    phase: str | None,
    statistic: str | None,
    sql: str | None,
    results: Path,
    output: Path | None,
    form: str | None,
) -> None:
    """Show one figure over all runs of TARGET (the newest run's without one), and where its level changed.

    With --sql, the tables are runs, metrics and verdicts, and rtt, http, goodput and tcp_info for samples:

    benchkit history --sql "select run, value from metrics where statistic = 'p99'"
    """
    from benchkit.campaign.history import (  # costs numpy
        choices_of,
        histories,
        read_records,
        wanted_of,
    )
    from benchkit.reports.history_text import render_histories
    from benchkit.store import why_none

    records, damaged = read_records(results)
    for line in damaged:
        click.echo(f"warning: {line}", err=True)
    if not records and not damaged:
        raise AskedWronglyError(f"history: {why_none(results)}")
    if sql is not None:
        _ask(sql, records, results, form, output)
        return
    form = form_of(form, output, FORMATS)
    wanted = wanted_of(
        choices_of(records, target or ""),
        paths,
        metric=metric or "",
        phase=phase or "",
        statistic=statistic or "",
    )
    found = histories(records, wanted, target)
    if form == HTML:
        from benchkit.reports.html import render_histories as render_page  # jinja2

        put(render_page(found), output)
        return
    width, _ = terminal()
    put(render_histories(found, form, width), output)


def _ask(
    sql: str, records: Sequence[RunRecord], results: Path, form: str | None, output: Path | None
) -> None:
    from benchkit.reports.history_text import render_table
    from benchkit.store.mirror import fetch_everything
    from benchkit.store.sql import ask  # duckdb

    if form == HTML:
        raise AskedWronglyError("--sql gives one table: --format html is for histories")
    fetch_everything(results)
    answer = ask(results, records, sql)
    table = form_of(form, output, [each for each in FORMATS if each != HTML])
    put(render_table(answer.columns, answer.rows, table), output)
