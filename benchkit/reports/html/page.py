"""The page: a pure function of a record and its samples to one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchkit.model.place import Site
from benchkit.model.record import PathRecord, RunRecord, gravity
from benchkit.model.samples import Samples
from benchkit.reports import background, scaled, sentences, unfit
from benchkit.reports.accounts import accounts
from benchkit.reports.figures import (
    ABSENT,
    LOST,
    clean,
    decimals_for,
    fixed,
    interval,
    percent,
    short,
)
from benchkit.reports.html import overview_charts, tables, trust_charts
from benchkit.reports.html.chart import Chart
from benchkit.reports.html.curves import LOADED, SINGLE, curves_of
from benchkit.reports.html.datagram_charts import datagram_charts
from benchkit.reports.html.latency_charts import latency_charts
from benchkit.reports.html.matrix import budget_matrix, figure_matrices
from benchkit.reports.html.rate_charts import rate_charts
from benchkit.reports.html.shell import page
from benchkit.reports.html.site_map import site_map
from benchkit.reports.html.tables import Table
from benchkit.reports.html.time_charts import time_charts
from benchkit.reports.html.timeline import timeline_of
from benchkit.reports.html.work_charts import work_charts
from benchkit.reports.mesh import is_mesh
from benchkit.reports.provenance import in_a_word, is_of_meters, provenance
from benchkit.reports.reasons import reasons
from benchkit.reports.repeating import repeating
from benchkit.reports.rows import Series, series_of

# A page with the charts of more paths would be too heavy to open; the worst ones are shown.
MOST_CARDS = 24
PHASES = ("idle", *SINGLE, *LOADED)
SHOWN = ("p50", "p95", "p99", "p99.9")
NO_SAMPLES = "The raw samples of this run are not at hand: curves are drawn through the record's percentiles only."


@dataclass(frozen=True)
class Tile:
    """One figure in large type. `verdict` colours it."""

    label: str
    value: str
    unit: str
    beside: str = ""
    verdict: str | None = None


@dataclass(frozen=True)
class Card:
    """One path: what was promised, measured and judged, with its charts and tables."""

    key: str
    name: str
    verdict: str
    word: str
    where: str
    sentence: str
    tiles: tuple[Tile, ...]
    reasons: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]
    statistics: Table | None
    rates: tuple[tuple[str, str, str], ...]
    moments: tuple[str, ...]


def render_html(
    record: RunRecord,
    samples: Sequence[Samples] = (),
    sites: Sequence[Site] = (),
    home: str = "",
) -> str:
    """The report as one HTML file with everything in it. `sites` place the map; without them it is a star.

    `home` is the address of the list that the page belongs to, where a dashboard serves it.
    """
    kept, record = record, unfit.marked(record)
    paths = _detailed(record)
    cards = tuple(
        _card(path, samples, f"path-{place}") for place, path in enumerate(paths, start=1)
    )
    word, said = sentences.headline(record)
    overview = _overview(record, paths, sites)
    trust = [trust_charts.floor_chart(samples), trust_charts.calibration_chart(record.calibration)]
    return page(
        "report.html.j2",
        home,
        record=record,
        word=word,
        said=said,
        verdict="unfit" if record.unfit else record.verdict,
        lines=[clean(record.title), clean(record.question)],
        provenance=provenance(record),
        provenance_word=in_a_word(record),
        warnings=_warnings(record, samples, len(paths)),
        overview=overview,
        paths=tables.overview_table(record),
        cards=cards,
        instrument=background.instrument_facts(record.instrument),
        trust=[chart for chart in trust if chart is not None],
        calibration=tables.calibration_table(record),
        context=background.context_lines(record),
        environment=[(clean(key), clean(value)) for key, value in record.environment.items()],
        run_facts=[fact for fact in background.run_facts(record) if fact[0] != "again"],
        command=repeating(record, elsewhere=True),
        figures=tables.figures_table(kept),
        name=clean(record.run),
    )


def charts_of(
    record: RunRecord, samples: Sequence[Samples] = (), sites: Sequence[Site] = ()
) -> tuple[Chart, ...]:
    """Every chart of the page, for those who want them as files of their own."""
    record = unfit.marked(record)
    paths = _detailed(record)
    found: list[Chart | None] = [
        *_overview(record, paths, sites),
        trust_charts.floor_chart(samples),
        trust_charts.calibration_chart(record.calibration),
    ]
    for path in paths:
        found += _charts(path, samples, clean(path.path))
    return tuple(chart for chart in found if chart is not None)


def _overview(record: RunRecord, paths: Sequence[PathRecord], sites: Sequence[Site]) -> list[Chart]:
    """What stands first: of few paths a bar each and a map; of many a matrix, before the bars of the worst."""
    bars = overview_charts.bar_chart(paths)
    more = figure_matrices(record) if is_mesh(record) else []
    if paths is record.paths:
        found = [bars, site_map(record, sites), *more]
    else:
        found = [budget_matrix(record.paths), *more, bars]
    return [chart for chart in found if chart is not None]


def drawn(record: RunRecord) -> frozenset[str] | None:
    """The names of the paths whose samples the page draws; None is all."""
    paths = _detailed(record)
    return None if paths is record.paths else frozenset(path.path for path in paths)


def _detailed(record: RunRecord) -> Sequence[PathRecord]:
    """The paths that get a card: all, or the worst where there are too many."""
    if len(record.paths) <= MOST_CARDS:
        return record.paths
    return sorted(record.paths, key=lambda path: gravity(path.verdict))[:MOST_CARDS]


def _warnings(record: RunRecord, samples: Sequence[Samples], shown: int) -> list[tuple[str, str]]:
    found = [("unfit", reason) for reason in unfit.besides(record)]
    found += [("note", note) for note in unfit.notes(record)]
    found += scaled.facts(record)
    if not (samples or is_of_meters(record)) and any(path.metrics for path in record.paths):
        found.append(("note", NO_SAMPLES))
    if shown < len(record.paths):
        found.append(
            (
                "note",
                f"Cards and charts are those of the {shown} worst of {len(record.paths)} paths; the table has all.",
            )
        )
    return found


def _card(path: PathRecord, samples: Sequence[Samples], key: str) -> Card:
    series = series_of(path)
    return Card(
        key=key,
        name=clean(path.path),
        verdict=clean(path.verdict) if path.verdicts else "none",
        word=sentences.path_word(path),
        where=sentences.where(path),
        sentence=sentences.path_sentence(path),
        tiles=tuple(_tiles(series)),
        reasons=tuple((clean(verdict.verdict), said) for verdict, said in reasons(path)),
        charts=tuple(_charts(path, samples, key)),
        statistics=tables.statistics_table(path, key),
        rates=tuple(
            (sentences.series_name(each.metric), sentences.rate(each), sentences.beside_rate(each))
            for each in series
            if not each.is_distribution
        ),
        moments=tuple([f"far end: {told}"] if (told := sentences.far_end(path)) else [])
        + tuple(
            f"{sentences.series_name(each.metric)}: {said}"
            for each in series
            if each.is_distribution
            for said in (sentences.moments(each.metric), *accounts(each.metric))
            if said
        ),
    )


def _charts(path: PathRecord, samples: Sequence[Samples], key: str) -> list[Chart]:
    curves = curves_of(samples, path.path, PHASES)
    timeline = timeline_of(samples, path.path, PHASES, key)
    return [
        *latency_charts(path, curves, key),
        *time_charts(path, curves, timeline, key),
        *rate_charts(path, samples, timeline, key),
        *datagram_charts(path, samples, key),
        *work_charts(path, samples, key),
    ]


def _tiles(series: Sequence[Series]) -> list[Tile]:
    spreads = [each for each in series if each.is_distribution]
    tiles = _latency_tiles(spreads[0]) if spreads else []
    for each in series:
        estimate = each.metric.estimate
        if each.is_distribution or estimate is None:
            continue
        places = decimals_for((estimate.value, estimate.low))
        tiles.append(
            Tile(
                sentences.series_name(each.metric),
                fixed(estimate.value, places),
                clean(each.metric.unit),
                interval(estimate, places),
                next((clean(verdict.verdict) for verdict in each.verdicts), None),
            )
        )
    return tiles


def _latency_tiles(series: Series) -> list[Tile]:
    metric = series.metric
    places = decimals_for(row.estimate.value for row in series.rows)
    shown = [row for row in series.rows if row.statistic in SHOWN or row.verdict]
    tiles = [
        Tile(
            f"{sentences.series_name(metric)}, {clean(row.statistic)}",
            fixed(row.estimate.value, places, LOST),
            "" if row.estimate.value is None else clean(metric.unit),
            _beside(row.verdict.limit if row.verdict else None, interval(row.estimate, places)),
            clean(row.verdict.verdict) if row.verdict else None,
        )
        for row in shown
    ]
    share = percent(metric.lost, metric.n) if metric.n else ABSENT
    tiles.append(Tile("lost", str(metric.lost), f"of {metric.n}", share))
    return tiles


def _beside(limit: float | None, ends: str) -> str:
    known = [] if ends == ABSENT else [ends]
    return " · ".join(known if limit is None else [*known, f"budget {short(limit)}"])
