"""Everything beside the judged distribution in a line each, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchkit.model.record import Estimate, Metric, RunRecord
from benchkit.reports import sentences
from benchkit.reports.figures import LOST, cells, clean, decimals_for, fixed, padded, short
from benchkit.reports.layout import INDENT, LABEL_WIDTH, hanging, table
from benchkit.reports.paint import Line
from benchkit.reports.rows import DROPPED, Series
from benchkit.units import show_count

STATISTICS = ("p50", "p95", "p99")
# Of datagrams, beside the lost ones; told where there are any.
FATES = {
    "dropped_by_the_modelled_buffer": "found the modelled buffer full",
    "dropped_by_the_emulator": "dropped by the emulator itself",
    DROPPED: "dropped by the receiving host itself",
    "duplicates": "came more than once",
    "reordered": "overtaken",
}


def latencies(spreads: Sequence[Series], width: int) -> Iterator[Line]:
    """A row for each distribution: what was due and lost, and three percentiles; then the means of work, beside paper."""
    if not spreads:
        return
    yield []
    header = ("", "due", "lost", *STATISTICS, "")
    yield from table(header, [_row(each.metric) for each in spreads])
    for metric in (each.metric for each in spreads if "on_paper" in each.metric.details):
        mean, paper = metric.details.get("mean"), metric.details["on_paper"]
        places = decimals_for((mean, paper))
        said = f"mean {fixed(mean, places)} {clean(metric.unit)} · on paper {fixed(paper, places)} {clean(metric.unit)}"
        yield from hanging((f"{INDENT}{sentences.series_name(metric)}: ", "dim"), said, width)


def _row(metric: Metric) -> tuple[str, ...]:
    found = [metric.percentiles.get(name, Estimate()) for name in STATISTICS]
    decimals = decimals_for(one.value for one in found)
    values = (fixed(one.value, decimals, LOST) for one in found)
    named = sentences.series_name(metric)
    return (named, str(metric.n), str(metric.lost), *values, clean(metric.unit))


def rates(series: Sequence[Series], width: int) -> Iterator[Line]:
    """A line for each rate, and what held it."""
    if series:
        yield []
    names = [sentences.series_name(each.metric) for each in series]
    name_width = max(map(cells, names), default=0)
    for each, name in zip(series, names, strict=True):
        label = f"{INDENT}{padded(name, name_width)}  "
        said = sentences.rate(each)
        if each.metric.limited_by:
            said += f" · limited by {clean(each.metric.limited_by)}"
        said += _beside_paper(each.metric) + _beside_schedule(each.metric)
        said += "".join(f" · {fate}" for fate in _fates(each.metric))
        if each.metric.metric == "ratio" and each.metric.setup:
            said += f" · {clean(each.metric.setup)}"
        yield from hanging((label, "bold"), said, width)


def _beside_paper(metric: Metric) -> str:
    """What the path allows on paper, and how many times that was taken."""
    if "on_paper_s" not in metric.details:
        return ""
    said = f" · on paper {short(metric.details['on_paper_s'])} s"
    times = metric.details.get("times_paper")
    return said if times is None else f"{said}, {times:.3g} times that"


def _beside_schedule(metric: Metric) -> str:
    """How many checkpoints were not done when the next one was due."""
    told = metric.details
    if not told.get("too_late"):
        return ""
    late = show_count(int(told["too_late"]), "checkpoint")
    return f" · {late} not done within {short(told['every_s'])} s, when the next is due"


def _fates(metric: Metric) -> Iterator[str]:
    """What became of UDP's datagrams: what the path lost, apart from what a host here dropped itself."""
    if metric.metric != "udp":
        return
    told = metric.details
    share = f" ({short(told['loss_percent'])} %)" if metric.lost and "loss_percent" in told else ""
    yield f"{metric.lost} of {metric.n} lost{share}"
    for name, words in FATES.items():
        if told.get(name):
            yield f"{short(told[name])} {words}"
    if "jitter_ms" in told:
        yield f"jitter {short(told['jitter_ms'])} ms"


def calibration(record: RunRecord, width: int) -> Iterator[Line]:
    """How many figures were as near as they must be, and each that was not and is no reason for the run to be unfit."""
    lines = record.calibration
    wrong = [line for line in lines if not line.within]
    words = f"{len(lines) - len(wrong)} of {show_count(len(lines), 'figure')} of the emulator within tolerance"
    yield from hanging((f"{INDENT}{'calibration':{LABEL_WIDTH}} ", "dim"), words, width)
    for line in wrong:
        if any(reason.startswith(line.miss) for reason in record.unfit):
            continue
        named = f"{clean(line.path)}, {clean(line.direction)}"
        said = (
            f"{named}: {clean(line.quantity)} {line.shown(line.got)} {clean(line.unit)} where "
            f"{line.shown(line.asked)} was asked, tolerance {line.shown(line.tolerance)}"
        )
        yield from hanging((f"{INDENT}{'':{LABEL_WIDTH}} ", "dim"), said, width)
