"""What a report says in words about verdicts and paths. The same words in every format for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchkit.model.record import Metric, PathRecord, RunRecord, Verdict, gravity
from benchkit.reports.figures import (
    LOST,
    clean,
    decimals_for,
    fixed,
    pairs,
    percent,
    short,
    with_interval,
)
from benchkit.reports.provenance import counted
from benchkit.reports.rows import Series
from benchkit.units import by_number, show_count, show_figure

METRIC_NAMES = {
    "rtt": "RTT",
    "icmp": "ping",
    "connect": "TCP connection",
    "request": "TCP request",
    "http": "HTTP",
    "http-fresh": "HTTP, new connection",
    "http-load": "HTTP, load client",
    "loss": "loss",
    "goodput": "goodput",
    "udp": "UDP",
    "completion": "time to completion",
    "inference": "inference",
    "ratio": "energy ratio",
}
PHASE_NAMES = {"up": "loaded up", "down": "loaded down", "both": "loaded both ways"}
# Metrics that are themselves the load.
LOADS = ("goodput", "udp", "completion", "inference")
# Those whose interval comes from what arrived in each tenth of a second.
PLATEAUS = ("goodput", "udp")
FEW_INDEPENDENT = " (too few independent tenths of a second for an interval)"
# A mesh may break thousands of promises: the tables name them all.
MOST_NAMES = 8
MOMENT_NAMES = {"mean": "mean", "stddev": "standard deviation"}
LOAD_NOTE = "Latency under load has no documented budget here: shown, not judged."
# Of the headroom: an emulator's error below it changes nothing that a reader would do.
_LARGE_PART = 0.1
UNMEASURED, UNJUDGED = "NOT MEASURED", "NOT JUDGED"


def headline(record: RunRecord) -> tuple[str, str]:
    """The verdict in one word, and the first sentence of the report."""
    if record.unfit or record.verdict == "unfit":
        word, said = "UNFIT", "this machine could not be trusted to measure"
        said += f": {clean(record.unfit[0])}" if record.unfit else ""
        said += f" (and {len(record.unfit) - 1} more)" if len(record.unfit) > 1 else ""
        return ("INTERRUPTED, UNFIT" if record.interrupted else word), said
    said = _count(record)
    if record.interrupted:
        kept = f"stopped after {short(record.duration_s)} s, what was measured is kept"
        return "INTERRUPTED", f"{kept}; so far {clean(record.verdict)}, {said}"
    if record.paths and not any(path.metrics for path in record.paths):
        names = [clean(path.path) for path in record.paths]
        return UNMEASURED, f"nothing was measured on {counted(record.paths)}: {_named(names)}"
    return clean(record.verdict).upper(), said


def _count(record: RunRecord) -> str:
    judged = [path for path in record.paths if path.verdicts]
    if not judged:
        return "no budget was judged"
    of = f"of {counted(record.paths)}"
    for verdict, few, many in (
        ("fail", "breaks its promise", "break their promises"),
        ("unfit", "could not be judged", "could not be judged"),
        ("inconclusive", "left open", "left open"),
    ):
        names = [clean(path.path) for path in judged if path.verdict == verdict]
        if names:
            return f"{len(names)} {of} {by_number(len(names), few, many)}: {_named(names)}"
    kept = len([path for path in judged if path.verdict == "pass"])
    return f"{kept} {of} {by_number(kept, 'keeps its promise', 'keep their promises')}"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def path_word(path: PathRecord) -> str:
    """The path's verdict in one word."""
    return verdict_word(path.verdict, is_measured=bool(path.metrics), is_judged=bool(path.verdicts))


def verdict_word(verdict: str, *, is_measured: bool, is_judged: bool = True) -> str:
    """What is said of a verdict: another word where there was nothing to judge, or to judge by."""
    if not is_measured and verdict != "unfit":
        return UNMEASURED
    return clean(verdict).upper() if is_judged else UNJUDGED


def path_sentence(path: PathRecord) -> str:
    """The path in one line: its worst verdict in figures."""
    if not path.verdicts:
        return "no budget was judged" if path.metrics else "nothing was measured"
    worst = min(path.verdicts, key=lambda verdict: gravity(verdict.verdict))
    said = _held_against(worst)
    more = len(path.verdicts) - 1
    if not more:
        return said
    alike = [each.verdict for each in path.verdicts].count(worst.verdict) - 1
    too = (
        f", {alike} of them {clean(worst.verdict).upper()}"
        if alike and worst.verdict != "pass" and path.metrics
        else ""
    )
    return f"{said} (+{show_count(more, 'budget')}{too})"


def _held_against(verdict: Verdict) -> str:
    name = f"{metric_name(verdict.metric)} {clean(verdict.percentile)}".rstrip()
    unit = clean(verdict.unit)
    if verdict.measured is None:
        return f"{name} not known, budget {limit(verdict)}"
    return f"{name} {with_interval(verdict.measured, unit)}, budget {limit(verdict)}"


def limit(verdict: Verdict) -> str:
    """The budget as it is judged, and as it was promised where that is another figure."""
    said = f"{short(verdict.limit)} {clean(verdict.unit)}"
    if verdict.reading == "one way":
        said += f" there and back ({short(verdict.limit / 2)} {clean(verdict.unit)} one way)"
    return said


def metric_name(metric: str) -> str:
    """The metric as a person calls it."""
    return METRIC_NAMES.get(metric, clean(metric))


def series_name(metric: Metric) -> str:
    """The metric and its phase: "RTT, loaded up"; goodput is itself the load, and HTTP has its own phase."""
    return series_words(metric.metric, metric.phase)


def series_words(metric: str, phase: str) -> str:
    """Likewise of a metric that is known by its name."""
    if phase == metric:
        return metric_name(metric)
    words = phase if metric in LOADS else PHASE_NAMES.get(phase, phase)
    return f"{metric_name(metric)}, {clean(words)}"


def _lost(metric: Metric) -> str:
    """How many, which share that is, and what the share may be in truth."""
    loss = metric.loss
    if not metric.lost:
        high = loss.high if loss is not None else None
        return "0 lost" if high is None else f"0 lost (at most {show_figure(high, 2)} %)"
    shown = percent(metric.lost, metric.n)
    if loss is not None and loss.low is not None and loss.high is not None:
        shown += f", {loss.low:.3g}..{loss.high:.3g} %"
    if metric.lost_forward is not None and metric.lost_backward is not None:
        shown += f"; {metric.lost_forward} there, {metric.lost_backward} back"
        rest = metric.lost - metric.lost_forward - metric.lost_backward
        shown += f", {rest} unknown" if rest > 0 else ""
    return f"{metric.lost} lost ({shown})"


def counts(metric: Metric) -> str:
    """How much was due, and what became of it."""
    due = (
        f"{metric.n} sent of {metric.n + metric.unsent} due" if metric.unsent else f"{metric.n} due"
    )
    said = [due, _lost(metric)]
    if metric.unstamped:
        said.append(f"{metric.unstamped} without kernel stamps")
    if metric.effective_n is not None:
        most = max((each.effective_n or 0 for each in metric.percentiles.values()), default=0)
        of = f" to {most}" if most > metric.effective_n else ""
        said.append(f"{metric.effective_n}{of} effective")
    return ", ".join(said)


def _by_direction(metric: Metric) -> str:
    """Where the lost ones went missing, as far as anybody can tell."""
    if metric.lost_forward is None or metric.lost_backward is None:
        return ""
    said = f"lost: {metric.lost_forward} on the way there, {metric.lost_backward} on the way back"
    rest = metric.lost - metric.lost_forward - metric.lost_backward
    return f"{said}, {rest} unknown" if rest > 0 else said


def far_end(path: PathRecord) -> str:
    """What a path's far end told of itself and of the way, each thing once; mostly nothing."""
    told = dict.fromkeys(clean(remark) for metric in path.metrics for remark in metric.remarks)
    return "; ".join(told)


def yardstick(series: Series, verdict: Verdict | None) -> str:
    """Physics, model, measured and budget side by side, and what is left; in the metric's unit."""
    metric = series.metric
    if verdict is None and metric.floor is None and metric.model is None:
        return ""
    said = []
    if metric.floor is not None:
        said.append(f"physical floor {short(metric.floor)}")
    if metric.model is not None:
        said.append(f"model {short(metric.model)}")
    statistic = verdict.percentile if verdict else "p50"
    found = next((row.estimate for row in series.rows if row.statistic == statistic), None)
    value = found.value if found else None
    places = decimals_for([value])
    if found is not None:
        said.append(f"{clean(statistic)} {fixed(value, places, LOST)}")
    if verdict:
        said.append(f"budget {limit(verdict)}")
    if verdict and verdict.headroom is not None:
        word = "headroom" if verdict.headroom >= 0 else "over by"
        said.append(f"{word} {fixed(abs(verdict.headroom), places)}")
    said += _emulators(verdict)
    return " · ".join(said)


def _emulators(verdict: Verdict | None) -> list[str]:
    """What of the figure is the emulator's own error, where that is any large part of the headroom."""
    if verdict is None:
        return []
    least = _LARGE_PART * abs(verdict.headroom or 0.0)
    both = (("+", verdict.less_by or 0.0), ("-", verdict.more_by or 0.0))
    return [f"emulator {sign}{show_figure(figure, 2)}" for sign, figure in both if figure > least]


def where(path: PathRecord) -> str:
    """Between which places, how far, and what was emulated there."""
    distance = (
        "" if path.great_circle_km is None else f", {path.great_circle_km:.0f} km of great circle"
    )
    modelled = f". Modelled: {_model(path.model)}" if path.model else ""
    return f"{clean(path.near)} to {clean(path.far)}{distance}{modelled}"


def _model(model: Mapping[str, Any]) -> str:
    """The model in words; what holds in both directions is said once."""
    rest = {key: value for key, value in model.items() if key != "origin"}
    if "forward" in rest and rest["forward"] == rest.get("backward"):
        rest = {"each way": rest["forward"], **rest}
        del rest["forward"], rest["backward"]
    origin = [clean(model["origin"])] if model.get("origin") else []
    return "; ".join([*origin, *pairs(rest)])


def rate(series: Series) -> str:
    """A figure without percentiles: a rate against what was CONFIGURED, never against another network's."""
    metric, unit = series.metric, clean(series.metric.unit)
    estimate = metric.estimate
    said = with_interval(estimate, unit) if estimate else "not measured"
    if metric.metric in PLATEAUS and estimate and estimate.low is None and estimate.high is None:
        said += FEW_INDEPENDENT
    if metric.configured is None:
        return said
    if estimate is None or estimate.value is None:
        return f"{said} · {short(metric.configured)} configured"
    return f"{said} · {percent(estimate.value, metric.configured)} of {short(metric.configured)} configured"


def moments(metric: Metric) -> str:
    """What else is known of a distribution, in the metric's unit."""
    decimals = decimals_for(metric.details.values())
    said = [
        f"{MOMENT_NAMES.get(name, clean(name))} {fixed(value, decimals)} {clean(metric.unit)}"
        for name, value in metric.details.items()
    ]
    fates = [
        f"{count} {words}"
        for count, words in (
            (metric.duplicated, "answered more than once"),
            (metric.reordered, "overtaken"),
        )
        if count
    ]
    parts = (", ".join(said), _by_direction(metric), ", ".join(fates))
    return "; ".join(part for part in parts if part)


def beside_rate(series: Series) -> str:
    """What held the rate, and what else was counted."""
    metric = series.metric
    said = [f"limited by {clean(metric.limited_by)}"] if metric.limited_by else []
    if metric.setup:
        said.append(clean(metric.setup))
    if metric.lost:
        said.append(f"{metric.lost} of {metric.n} lost")
    return " · ".join([*said, *pairs(metric.details)])
