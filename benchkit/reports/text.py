"""The report for a terminal: the verdict first, then what it rests on. Reads as well without colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from benchkit.model.record import PathRecord, RunRecord, Verdict
from benchkit.reports import background, chart, scaled, sentences
from benchkit.reports.accounts import accounts
from benchkit.reports.figures import (
    LOST,
    cells,
    clean,
    decimals_for,
    fixed,
    interval,
    padded,
    percent,
)
from benchkit.reports.paint import Line, Span, painted, style_of
from benchkit.reports.rows import Series, series_of

INDENT = "  "
LABEL_WIDTH = 17
NARROWEST_CHART = 24
LEAST_WIDTH = 40
STATISTIC_WIDTH = 7
ENVIRONMENT_LINES = 2


def render_text(record: RunRecord, width: int, *, color: bool) -> str:
    """The report in lines of at most `width` columns, as far as its words can be broken."""
    width = max(width, LEAST_WIDTH)
    return "".join(f"{painted(line, color=color)}\n" for line in _lines(record, width))


def _lines(record: RunRecord, width: int) -> Iterator[Line]:
    yield from _top(record, width)
    for path in record.paths:
        yield []
        yield from _path(path, width)
    yield from _background(record, width)


def _top(record: RunRecord, width: int) -> Iterator[Line]:
    word, said = sentences.headline(record)
    yield from _hanging((f"{word}: ", style_of(word)), said, width, "bold")
    yield from _wrapped(clean(record.title), width)
    yield from _wrapped(clean(record.question), width)
    yield from _wrapped(sentences.provenance(record), width)
    if record.paths:
        yield []
    names = [clean(path.path) for path in record.paths]
    words = [sentences.path_word(path) for path in record.paths]
    name_width = max(map(cells, names), default=0)
    word_width = max(map(cells, words), default=0)
    for path, name, verdict in zip(record.paths, names, words, strict=True):
        first = f"{INDENT}{padded(name, name_width)}  {padded(verdict, word_width)}  "
        said = sentences.path_sentence(path)
        lines = list(_hanging((first, ""), said, width))
        lines[0][:1] = [
            (f"{INDENT}{padded(name, name_width)}  ", "bold"),
            (f"{padded(verdict, word_width)}  ", style_of(verdict)),
        ]
        yield from lines
    for unfit in record.unfit[1:]:
        yield from _hanging((f"{INDENT}unfit: ", style_of("unfit")), clean(unfit), width)
    for note in record.notes:
        yield from _hanging((f"{INDENT}note: ", "bold"), clean(note), width)


def _path(path: PathRecord, width: int) -> Iterator[Line]:
    name, word = clean(path.path), sentences.path_word(path)
    rule = "─" * max(3, width - cells(name) - cells(word) - 2)
    yield [(name, "bold"), (f" {rule} ", "dim"), (word, style_of(word))]
    yield from _hanging((INDENT, ""), sentences.where(path), width, "dim")
    series = series_of(path)
    spreads = [each for each in series if each.is_distribution]
    judged = [each for each in spreads if each.verdicts] or spreads[:1]
    for each in judged:
        yield []
        yield from _main(each, width)
    if not path.metrics:
        yield [(f"{INDENT}nothing was measured", "")]
    yield from _reasons(path.verdicts, width)
    yield from _beside(
        [each for each in spreads if not any(each is main for main in judged)], width
    )
    yield from _rates([each for each in series if not each.is_distribution], width)
    if told := sentences.far_end(path):
        yield from _hanging((f"{INDENT}far end: ", "dim"), told, width)
    for each in spreads:
        if moments := sentences.moments(each.metric):
            label = f"{INDENT}{sentences.series_name(each.metric)}: "
            yield from _hanging((label, "dim"), moments, width, "dim")
        for said in accounts(each.metric):
            yield from _hanging((f"{INDENT}{INDENT}", "dim"), said, width, "dim")


def _rates(series: Sequence[Series], width: int) -> Iterator[Line]:
    if series:
        yield []
    for each in series:
        label = f"{INDENT}{padded(sentences.series_name(each.metric), LABEL_WIDTH)} "
        yield from _hanging((label, "bold"), sentences.rate(each), width)
        beside = sentences.beside_rate(each)
        if beside:
            yield from _hanging((" " * cells(label), ""), beside, width, "dim")


def _main(series: Series, width: int) -> Iterator[Line]:
    """The judged distribution: figures at the left, the same on a scale at the right."""
    verdict = next(iter(series.verdicts), None)
    title = f"{sentences.series_name(series.metric)}: "
    yield from _hanging((f"{INDENT}{title}", "bold"), sentences.counts(series.metric), width)
    decimals = decimals_for(row.estimate.value for row in series.rows)
    values = [fixed(row.estimate.value, decimals, LOST) for row in series.rows]
    ends = [interval(row.estimate, decimals) for row in series.rows]
    unit, ends_name = clean(series.metric.unit), "95 % interval"
    value_width = max(6, *map(cells, (unit, *values)))
    ends_width = max(map(cells, (ends_name, *ends)))
    left = len(INDENT) + STATISTIC_WIDTH + value_width + 2 + ends_width + 2
    marks = _marks(series, verdict)
    room = width - left
    scale = None
    if marks and room >= NARROWEST_CHART:
        scale = chart.scale_for(marks, [row.estimate for row in series.rows], room)
    legend = chart.legend(scale, marks) if scale else [""]
    for line in legend[:-1]:
        yield [(" " * left + line, "dim")]
    head = f"{INDENT}{'':{STATISTIC_WIDTH}}{padded(unit, value_width, right=True)}  "
    yield [(f"{head}{padded(ends_name, ends_width)}  {legend[-1]}".rstrip(), "dim")]
    for row, value, span in zip(series.rows, values, ends, strict=True):
        mark, style = ("▸ ", "bold") if row.verdict else (INDENT, "")
        lane = chart.lane(scale, marks, row.estimate) if scale else ""
        statistic = padded(clean(row.statistic), STATISTIC_WIDTH)
        yield [
            (f"{mark}{statistic}{padded(value, value_width, right=True)}  ", style),
            (f"{padded(span, ends_width)}  " if lane else span, "dim"),
            (lane, ""),
        ]
    yardstick = sentences.yardstick(series, verdict)
    if yardstick:
        yield []
        yield from _hanging((INDENT, ""), yardstick, width)


def _marks(series: Series, verdict: Verdict | None) -> dict[str, float]:
    metric = series.metric
    limit = verdict.limit if verdict else None
    found = {"floor": metric.floor, "model": metric.model, "budget": limit}
    return {name: value for name, value in found.items() if value is not None}


def _reasons(verdicts: Sequence[Verdict], width: int) -> Iterator[Line]:
    for verdict in verdicts:
        word = clean(verdict.verdict).upper()
        yield from _hanging((f"{INDENT}{word}: ", style_of(word)), sentences.reason(verdict), width)


def _beside(spreads: Sequence[Series], width: int) -> Iterator[Line]:
    """The other distributions side by side, as many as fit, then the rest below."""
    names = _statistics(spreads)
    columns = [_column(series, names) for series in spreads]
    while columns:
        taken = [columns.pop(0)]
        used = len(INDENT) + STATISTIC_WIDTH + cells(taken[0][0])
        while columns and used + 2 + cells(columns[0][0]) <= width:
            used += 2 + cells(columns[0][0])
            taken.append(columns.pop(0))
        yield []
        for index, name in enumerate(("", "due", "lost", *names)):
            cell = "  ".join(column[index] for column in taken)
            style = "bold" if index == 0 else ""
            yield [(f"{INDENT}{padded(name, STATISTIC_WIDTH)}{cell}".rstrip(), style)]
    if any(s.metric.phase in sentences.PHASE_NAMES and not s.verdicts for s in spreads):
        yield from _hanging((INDENT, ""), sentences.LOAD_NOTE, width, "dim")


def _statistics(spreads: Iterable[Series]) -> list[str]:
    return list(dict.fromkeys(clean(row.statistic) for each in spreads for row in each.rows))


def _column(series: Series, names: Sequence[str]) -> list[str]:
    metric = series.metric
    decimals = decimals_for(row.estimate.value for row in series.rows)
    values = [fixed(row.estimate.value, decimals, LOST) for row in series.rows]
    ends = [interval(row.estimate, decimals) for row in series.rows]
    value_width = max(map(cells, values))
    pairs = (
        f"{padded(v, value_width, right=True)}  {end}" for v, end in zip(values, ends, strict=True)
    )
    found = dict(zip((clean(row.statistic) for row in series.rows), pairs, strict=True))
    lost = f"{metric.lost} ({percent(metric.lost, metric.n)})" if metric.lost else "0"
    title = f"{sentences.series_name(metric)}, {clean(metric.unit)}"
    lines = [title, str(metric.n), lost, *(found.get(name, "") for name in names)]
    width = max(map(cells, lines))
    return [padded(line, width) for line in lines]


def _background(record: RunRecord, width: int) -> Iterator[Line]:
    if record.scale:
        yield from _section(scaled.title(record), width)
        yield from _facts(tuple(scaled.facts(record)), width)
    yield from _section("Instrument", width)
    yield from _facts(background.instrument_facts(record.instrument), width)
    if record.calibration:
        yield from _section(background.CALIBRATION_TITLE, width)
        yield from _calibration(record)
    if record.context:
        yield from _section("Documented, not judged here", width)
        for line in background.context_lines(record):
            yield from _hanging((f"{INDENT}• ", ""), line, width)
    yield from _section("Run", width)
    yield from _environment(background.environment_items(record), width)
    yield from _facts(background.run_facts(record), width)


def _calibration(record: RunRecord) -> Iterator[Line]:
    """A table for each path, narrow enough for a terminal; the machine-readable formats have every column."""
    for name in dict.fromkeys(line.path for line in record.calibration):
        yield [(f"{INDENT}{clean(name)}", "bold")]
        yield from _table(
            background.SHORT_CALIBRATION_HEADER,
            background.short_calibration_rows(record.calibration, name),
        )


def _environment(items: Sequence[str], width: int) -> Iterator[Line]:
    """The items on two lines, as many as fit; the record has them all."""
    room = width - len(INDENT) - LABEL_WIDTH - 1
    lines = [""]
    for item in items:
        joined = f"{lines[-1]} · {item}" if lines[-1] else item
        if cells(joined) <= room or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(item)
    kept = lines[:ENVIRONMENT_LINES] if items else []
    if len(lines) > len(kept) > 0:
        kept[-1] += " …"
    for label, line in zip(("environment", ""), kept, strict=False):
        yield [(f"{INDENT}{label:{LABEL_WIDTH}} ", "dim"), (line, "")]


def _section(title: str, width: int) -> Iterator[Line]:
    yield []
    yield [(title, "bold"), (f" {'─' * max(0, width - cells(title) - 1)}", "dim")]


def _facts(facts: background.Facts, width: int) -> Iterator[Line]:
    for label, words in facts:
        yield from _hanging((f"{INDENT}{label:{LABEL_WIDTH}} ", "dim"), words, width)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Line]:
    widths = [max(cells(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, *rows):
        entries = [
            padded(entry, width, right=i > 0)
            for i, (entry, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield [(f"{INDENT}{'  '.join(entries)}".rstrip(), "dim" if row is header else "")]


def _wrapped(text: str, width: int) -> Iterator[Line]:
    for line in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
        yield [(line, "")]


def _hanging(first: Span, text: str, width: int, style: str = "") -> Iterator[Line]:
    """Text after a label; its further lines stand under its first word, or under the label where that is long."""
    label, label_style = first
    hang = cells(label) if cells(label) <= width // 2 else 2 * len(INDENT)
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=" " * cells(label),
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
    yield [(label, label_style), (lines[0].lstrip(), style)]
    for line in lines[1:]:
        yield [(line, style)]
