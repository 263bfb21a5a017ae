"""The report for a pull request: the words and figures of the text report, laid out as tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from benchkit.model.record import PathRecord, RunRecord
from benchkit.reports import background, chart, scaled, sentences, unfit
from benchkit.reports.accounts import accounts
from benchkit.reports.figures import beside_interval, clean, decimals_for
from benchkit.reports.markup import escaped
from benchkit.reports.provenance import provenance
from benchkit.reports.reasons import reasons
from benchkit.reports.rows import Series, series_of

BAR_WIDTH = 60


def render_markdown(record: RunRecord) -> str:
    """The report as GitHub's Markdown; no name in it can break a table or become markup."""
    return "\n".join(_lines(record)).rstrip() + "\n"


def _lines(record: RunRecord) -> Iterator[str]:
    word, said = sentences.headline(record)
    yield from (f"## {escaped(word)}: {escaped(said)}", "")
    for text in (record.title, record.question, provenance(record)):
        if clean(text):
            yield from (escaped(clean(text)), "")
    if record.paths:
        summary = [
            (path.path, sentences.path_word(path), sentences.path_sentence(path))
            for path in record.paths
        ]
        yield from _table(("path", "verdict", "in figures"), summary, 0)
    yield from _list([("unfit", reason) for reason in unfit.besides(record)])
    yield from _list([("note", note) for note in unfit.notes(record)])
    for path in record.paths:
        yield from _path(path, record.unfit)
    yield from _background(record)


def _path(path: PathRecord, told: Collection[str]) -> Iterator[str]:
    yield from (f"### {escaped(clean(path.path))}: {escaped(sentences.path_word(path))}", "")
    yield from (escaped(sentences.where(path)), "")
    if not path.metrics:
        yield from ("nothing was measured", "")
    series = series_of(path)
    spreads = [each for each in series if each.is_distribution]
    if spreads:
        yield from _distributions(spreads)
        for each in [each for each in spreads if each.verdicts] or spreads[:1]:
            yield from _yardstick(each)
    yield from _list([(v.verdict.upper(), said) for v, said in reasons(path, told)])
    loaded = [each for each in spreads if each.metric.phase in sentences.PHASE_NAMES]
    if any(not each.verdicts for each in loaded):
        yield from (sentences.LOAD_NOTE, "")
    yield from _list(
        [
            (sentences.series_name(each.metric), _rate(each))
            for each in series
            if not each.is_distribution
        ]
    )
    if told := sentences.far_end(path):
        yield from _list([("far end", told)])
    counted = [(each.metric, sentences.moments(each.metric)) for each in spreads]
    counted += [(each.metric, said) for each in spreads for said in accounts(each.metric)]
    yield from _list([(sentences.series_name(metric), words) for metric, words in counted if words])


def _rate(series: Series) -> str:
    beside = sentences.beside_rate(series)
    return sentences.rate(series) + (f" · {beside}" if beside else "")


def _distributions(spreads: Sequence[Series]) -> Iterator[str]:
    statistics = list(dict.fromkeys(row.statistic for series in spreads for row in series.rows))
    rows = []
    for series in spreads:
        decimals = decimals_for(row.estimate.value for row in series.rows)
        found = {row.statistic: beside_interval(row.estimate, decimals) for row in series.rows}
        name = f"{sentences.series_name(series.metric)}, {series.metric.unit}"
        figures = [found.get(statistic, "") for statistic in statistics]
        rows.append((name, sentences.counts(series.metric), *figures))
    yield from _table(("", "packets", *statistics), rows, 2)


def _yardstick(series: Series) -> Iterator[str]:
    verdict = series.gravest
    line = sentences.yardstick(series, verdict)
    if line:
        yield from (escaped(line), "")
    found = {"floor": series.metric.floor, "model": series.metric.model}
    found["budget"] = verdict.limit if verdict else None
    marks = {name: value for name, value in found.items() if value is not None}
    if verdict and verdict.measured:
        bar = chart.bar(marks, verdict.measured, BAR_WIDTH)
        if bar:
            yield from (f"`{bar}` (F floor, M model, ● measured, B budget)", "")


def _background(record: RunRecord) -> Iterator[str]:
    if record.scale:
        yield from (f"### {scaled.title(record)}", "")
        yield from _list(scaled.facts(record))
    yield from ("### Instrument", "")
    yield from _list(background.instrument_facts(record.instrument))
    if record.calibration:
        yield from (f"### {background.CALIBRATION_TITLE}", "")
        yield from _table(
            background.CALIBRATION_HEADER,
            background.calibration_rows(record.calibration),
            background.CALIBRATION_WORDS,
        )
    if record.context:
        yield from ("### Documented, not judged here", "")
        yield from (f"- {escaped(line)}" for line in background.context_lines(record))
        yield ""
    yield from ("### Run", "")
    environment = " · ".join(background.environment_items(record))
    yield from _list(
        [*([("environment", environment)] if environment else []), *background.run_facts(record)]
    )


def _list(facts: Sequence[tuple[str, str]]) -> Iterator[str]:
    for label, words in facts:
        yield f"- **{escaped(clean(label))}** {escaped(clean(words))}"
    if facts:
        yield ""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> Iterator[str]:
    """A table whose columns are figures, set to the right, after the first few that are `words`."""
    rules = [":--" if words == 0 or index < words else "--:" for index in range(len(header))]
    for row in (header, rules, *rows):
        entries = row if row is rules else [escaped(clean(entry)) for entry in row]
        yield f"| {' | '.join(entries)} |"
    yield ""
