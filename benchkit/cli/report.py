"""`benchkit report`."""

from __future__ import annotations

from pathlib import Path

import click

from benchkit.cli.options import format_option, results_option, terminal


@click.command()
@click.argument("run", default="latest")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of stdout.",
)
@results_option
@format_option
def report(run: str, output: Path | None, results: Path, form: str) -> None:
    """Show RUN again: its folder, the start of its id, `latest` or `latest~1`."""
    from benchkit.errors import AskedWronglyError  # noqa: PLC0415
    from benchkit.reports import render  # noqa: PLC0415  costs rich
    from benchkit.store import find_run, read_run  # noqa: PLC0415

    record = read_run(find_run(results, run))
    if output is None:
        width, color = terminal()
        click.echo(render(record, form, width=width, color=color), nl=False)
        return
    try:
        output.write_text(render(record, form), encoding="utf-8")
    except OSError as error:
        raise AskedWronglyError(
            f"the report cannot be written to {output}: {error.strerror}; name another file with -o"
        ) from error
