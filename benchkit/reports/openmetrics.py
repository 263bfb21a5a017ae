"""OpenMetrics text: the run as gauges in base units, for Prometheus' push gateway or its text file collector.

A percentile that was lost is +Inf, as OpenMetrics has infinities: an alert on `> 0.01` must see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from benchkit.model.record import VERDICTS, Estimate, Metric, PathRecord, RunRecord, Verdict
from benchkit.model.record_json import significant
from benchkit.reports.figures import clean
from benchkit.reports.rows import DROPPED, counts_of

# unit of a metric: (OpenMetrics' base unit, factor)
BASE = {
    "ms": ("seconds", 1e-3),
    "Mbit/s": ("bits_per_second", 1e6),
    "%": ("ratio", 0.01),
}
ENDS = {"": "value", "_low": "low", "_high": "high"}
END_HELP = {
    "_low": "Lower end of the 95 % interval of ",
    "_high": "Upper end of the 95 % interval of ",
}
Labels = Mapping[str, str]


@dataclass(slots=True)
class _Family:
    """One family: its samples stand together, as the format wants."""

    kind: str
    words: str
    unit: str = ""
    samples: list[tuple[str, Labels, str]] = field(default_factory=list)


def render_openmetrics(record: RunRecord) -> str:
    """The run, its figures, counts, budgets and verdicts; ends with # EOF."""
    families: dict[str, _Family] = {}
    _run(record, families)
    for path in record.paths:
        for metric in path.metrics:
            _metric(path, metric, families)
        for verdict in path.verdicts:
            _verdict(path, verdict, families)
    lines = [line for name, family in families.items() for line in _lines(name, family)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _run(record: RunRecord, families: dict[str, _Family]) -> None:
    told = {"run": record.run, "target": record.target, "emulator": record.emulator}
    info = families.setdefault(
        "benchkit_run", _Family("info", "The run that these figures are of.")
    )
    info.samples.append(("_info", {**told, "kernel": record.kernel}, "1"))
    _states("benchkit_run_verdict", "The worst verdict of the run.", {}, record.verdict, families)
    started = _timestamp(record.started)
    if started is not None:
        name, words = "benchkit_run_started_timestamp_seconds", "When the run began."
        family = families.setdefault(name, _Family("gauge", words, "seconds"))
        family.samples.append(("", {}, started))


def _metric(path: PathRecord, metric: Metric, families: dict[str, _Family]) -> None:
    where = {"path": path.path, "metric": metric.metric, "phase": metric.phase}
    for name, estimate in metric.percentiles.items():
        labels = {**where, "percentile": name}
        _estimate("benchkit_latency", labels, estimate, metric.unit, families)
    if metric.estimate is not None and metric.estimate.value is not None:
        _estimate(f"benchkit_{_name(metric.metric)}", where, metric.estimate, metric.unit, families)
    if metric.loss is not None:
        _estimate("benchkit_loss", where, metric.loss, "%", families)
    counts = {"due": metric.n, "lost": metric.lost, **counts_of(metric)}
    if DROPPED in metric.details:
        counts[DROPPED] = round(metric.details[DROPPED])
    for name, count in counts.items():
        words = f"Packets, requests or intervals {name.replace('_', ' ')} in this phase."
        family = families.setdefault(f"benchkit_{name}", _Family("gauge", words))
        family.samples.append(("", where, str(count)))


def _estimate(
    name: str, labels: Labels, estimate: Estimate, unit: str, families: dict[str, _Family]
) -> None:
    base, factor = BASE.get(unit, ("", 1.0))
    for suffix, end in ENDS.items():
        figure = getattr(estimate, end)
        # No upper end, or a lost percentile, is infinite; no lower end says nothing.
        if figure is None and end == "low":
            continue
        text = "+Inf" if figure is None else _number(figure * factor)
        whole = "_".join(part for part in (f"{name}{suffix}", base) if part)
        words = f"{END_HELP.get(suffix, '')}{name.removeprefix('benchkit_')}."
        family = families.setdefault(whole, _Family("gauge", words[0].upper() + words[1:], base))
        family.samples.append(("", labels, text))


def _verdict(path: PathRecord, verdict: Verdict, families: dict[str, _Family]) -> None:
    base, factor = BASE.get(verdict.unit, ("", 1.0))
    labels = {"path": path.path, "metric": verdict.metric, "percentile": verdict.percentile}
    labels["limit"] = _number(verdict.limit * factor)
    name = "_".join(part for part in ("benchkit_budget", base) if part)
    family = families.setdefault(name, _Family("gauge", "The documented limit.", base))
    sample = ("", labels, _number(verdict.limit * factor))
    if sample not in family.samples:
        family.samples.append(sample)
        words = "One budget held against one figure."
        _states("benchkit_verdict", words, labels, verdict.verdict, families)


def _states(
    name: str, words: str, labels: Labels, state: str, families: dict[str, _Family]
) -> None:
    family = families.setdefault(name, _Family("stateset", words))
    for each in dict.fromkeys((*VERDICTS, state)):
        family.samples.append(("", {**labels, name: each}, str(int(each == state))))


def _lines(name: str, family: _Family) -> Iterator[str]:
    yield f"# TYPE {name} {family.kind}"
    if family.unit:
        yield f"# UNIT {name} {family.unit}"
    yield f"# HELP {name} {_escaped(family.words)}"
    # Two metrics of one name in one phase would be the same sample twice, which is refused whole.
    unique: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
    for suffix, labels, value in family.samples:
        unique.setdefault((suffix, tuple(labels.items())), value)
    for (suffix, pairs), value in unique.items():
        inner = ",".join(f'{key}="{_escaped(clean(word))}"' for key, word in pairs)
        yield f"{name}{suffix}{{{inner}}} {value}" if inner else f"{name}{suffix} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _name(metric: str) -> str:
    kept = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in clean(metric))
    return kept.strip("_") or "unnamed"


def _number(value: float) -> str:
    return repr(significant(value))


def _timestamp(started: str) -> str | None:
    try:
        return f"{datetime.fromisoformat(started).timestamp():.3f}"
    except ValueError:
        return None
