"""`benchkit report`."""

from __future__ import annotations

from pathlib import Path

import click

from benchkit.cli.options import (
    BY_NAME,
    FORMATS,
    HTML,
    Format,
    form_of,
    lone_format_option,
    output_option,
    results_option,
    terminal,
    words_of,
)
from benchkit.cli.output import put, unwritten
from benchkit.model.record import RunRecord


@click.command()
@click.argument("run", default="latest")
@output_option
@results_option
@lone_format_option(
    Format((*FORMATS, HTML)),
    None,
    f"What the report is written as; html is one file with charts that needs nothing else.  {BY_NAME}",
)
@click.option(
    "--charts",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write every chart into this folder, as SVG and as PNG; the report too only with --format or -o.",
)
def report(
    run: str, output: Path | None, results: Path, form: str | None, charts: Path | None
) -> None:
    """Show RUN again: its folder, the start of its id, `latest` or `latest~1`.

    The exit status is 0 whatever the verdict: `benchkit gate` judges a run that is kept.
    """
    from benchkit.store import find_run, read_run

    folder = find_run(results, run)
    record = read_run(folder)
    if charts is None or form or output:
        width, color = terminal() if output is None else (80, False)
        form = form_of(form, output, (*FORMATS, HTML))
        found_by = words_of(folder, results)
        put(_rendered(folder, record, form, width, color=color, found_by=found_by), output)
    if charts is not None:
        _draw(folder, record, charts)


def _draw(folder: Path, record: RunRecord, charts: Path) -> None:
    from benchkit.campaign.publishing import write_charts  # costs numpy

    try:
        written = write_charts(folder, record, charts)
    except OSError as error:
        raise unwritten("the charts", charts, error, "name another folder") from error
    if not written:
        click.echo(
            f"benchkit: {record.run}: no chart to draw, since nothing was measured; {charts} was not written",
            err=True,
        )
    for name, title in written:
        click.echo(f"{charts / name}.svg and .png: {title}", err=True)


def _rendered(
    folder: Path, record: RunRecord, form: str, width: int, *, color: bool, found_by: str
) -> str:
    if form != HTML:
        from benchkit.reports import render  # costs rich

        return render(record, form, width=width, color=color, found_by=found_by)
    from benchkit.campaign.publishing import html_of  # costs numpy and jinja2

    return html_of(folder, record)
