"""`benchkit report`."""

from __future__ import annotations

from pathlib import Path

import click

from benchkit.cli.options import FORMATS, results_option, terminal
from benchkit.model.place import Site
from benchkit.model.record import RunRecord

HTML = "html"
SAMPLE_KINDS = ("rtt", "http", "goodput", "tcp_info")


@click.command()
@click.argument("run", default="latest")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of stdout.",
)
@results_option
@click.option(
    "--format",
    "form",
    type=click.Choice((*FORMATS, HTML)),
    default="text",
    show_default=True,
    help="What the report is written as; html is one file with charts that needs nothing else.",
)
def report(run: str, output: Path | None, results: Path, form: str) -> None:
    """Show RUN again: its folder, the start of its id, `latest` or `latest~1`."""
    from benchkit.errors import AskedWronglyError  # noqa: PLC0415
    from benchkit.store import find_run, read_run  # noqa: PLC0415

    folder = find_run(results, run)
    record = read_run(folder)
    if output is None:
        width, color = terminal()
        click.echo(_rendered(folder, record, form, width, color=color), nl=False)
        return
    try:
        output.write_text(_rendered(folder, record, form, 80), encoding="utf-8")
    except OSError as error:
        raise AskedWronglyError(
            f"the report cannot be written to {output}: {error.strerror}; name another file with -o"
        ) from error


def _rendered(
    folder: Path, record: RunRecord, form: str, width: int, *, color: bool = False
) -> str:
    if form != HTML:
        from benchkit.reports import render  # noqa: PLC0415  costs rich

        return render(record, form, width=width, color=color)
    from benchkit.reports.html import render_html  # noqa: PLC0415  costs numpy and jinja2
    from benchkit.store import read_samples  # noqa: PLC0415

    samples = [rows for kind in SAMPLE_KINDS for rows in read_samples(folder, kind)]
    return render_html(record, samples, _sites(record))


def _sites(record: RunRecord) -> tuple[Site, ...]:
    """Where the sites are, if the target at hand is the very one that was run; the record has no coordinates."""
    from benchkit.errors import TargetError  # noqa: PLC0415
    from benchkit.targets import load_target  # noqa: PLC0415

    try:
        target = load_target(record.target)
    except TargetError:
        return ()
    return target.sites if target.digest == record.target_digest else ()
