"""A stored run made into a page: its record, its samples, and where its sites are."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from benchkit.errors import AskedWronglyError
from benchkit.model.place import Site
from benchkit.model.record import RunRecord
from benchkit.model.samples import Samples
from benchkit.reports.html import charts_of, drawn, render_html
from benchkit.reports.html.pictures import KINDS, picture
from benchkit.store import read_samples
from benchkit.targets import load_target

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
SAMPLE_KINDS = ("rtt", "http", "goodput", "tcp_info")


def html_of(folder: Path, record: RunRecord, home: str = "") -> str:
    """The report of the run in a folder as one HTML file; `home` as for `render_html`.

    Raises AskedWronglyError for damaged samples.
    """
    return render_html(record, samples_of(folder, drawn(record)), sites_of(record), home)


def write_charts(folder: Path, record: RunRecord, into: Path) -> list[tuple[str, str]]:
    """Write every chart of the report as a file of each of KINDS; returns their names without that, and their titles.

    The folder is made only if there is a chart. OSError where it cannot be written.

    Raises AskedWronglyError where the extra `report` is not installed, and for damaged samples.
    """
    charts = charts_of(record, samples_of(folder, drawn(record)), sites_of(record))
    if charts:
        into.mkdir(parents=True, exist_ok=True)
    written = []
    for chart in charts:
        name = _NO_NAME.sub("-", chart.key)
        for kind in KINDS:
            (into / f"{name}.{kind}").write_bytes(picture(chart, kind))
        written.append((name, chart.title))
    return written


def samples_of(folder: Path, wanted: Collection[str] | None = None) -> list[Samples]:
    """Every sample that a report draws; of the `wanted` paths alone, where they are named.

    Raises AskedWronglyError for damaged samples.
    """
    return [rows for kind in SAMPLE_KINDS for rows in read_samples(folder, kind, wanted)]


def sites_of(record: RunRecord) -> tuple[Site, ...]:
    """What its sites are called and where they are.

    A run from before labels were kept has them of the target at hand, if that is the very one that was run.
    """
    known = tuple(
        Site(name, record.labels.get(name, name), *record.coordinates.get(name, ()))
        for name in {**record.coordinates, **record.labels}
    )
    if record.labels:
        return known
    try:
        target = load_target(record.target)
    except AskedWronglyError:
        return known
    return target.sites if target.digest == record.target_digest else known
