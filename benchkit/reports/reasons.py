"""Why each budget is kept, broken or left open: the sentence of a verdict, and of which metric it is."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from benchkit.model.record import PathRecord, Verdict
from benchkit.reports.figures import clean
from benchkit.reports.rows import UNLOADED, Series
from benchkit.reports.sentences import metric_name

_NOT_MEASURED = "not measured"
# What a judged percentile does in its sentence.
_VERBS = "is |lies |needs |was "


def reasons(path: PathRecord, told: Collection[str] = ()) -> tuple[tuple[Verdict, str], ...]:
    """Each verdict of a path with its sentence. The metric is named, but where budgets are on round trips alone."""
    alone = {verdict.metric for verdict in path.verdicts} == {"rtt"}
    return tuple(
        (each, reason(each if alone and _says_which(each) else _naming(each), told))
        for each in path.verdicts
    )


def _says_which(verdict: Verdict) -> bool:
    """Whether its own sentence says of which budget it is, where all are on one metric."""
    return not verdict.reason.startswith(_NOT_MEASURED)


def reason(verdict: Verdict, told: Collection[str] = ()) -> str:
    """Why, and which documented fact it cites; why a run is unfit is not said again where it is `told` already."""
    cited = clean(verdict.fact) if verdict.fact else "the limit is the user's, no document"
    if verdict.reading:
        cited += f", read as {clean(verdict.reading)}"
    why = "this run is unfit" if verdict.reason in told else clean(verdict.reason)
    return f"{why} [{cited}]"


def _naming(verdict: Verdict) -> Verdict:
    """Likewise, with its metric beside the percentile, which stands alone in the record."""
    name = metric_name(verdict.metric)
    if verdict.reason.startswith(_NOT_MEASURED):
        of = verdict.percentile
        named = f"{name} {of}" if of == "max" or of[1:2].isdigit() else name
        return replace(verdict, reason=f"{named}: {verdict.reason}")
    if verdict.metric == "goodput" and verdict.phase:  # the worse of two directions
        begins, words = rf"\bgoodput (?={_VERBS})", f"{name}, {clean(verdict.phase)} "
    elif verdict.percentile:
        begins, words = rf"\b{re.escape(verdict.percentile)} (?={_VERBS})", f"{name} \\g<0>"
    else:
        return verdict
    return replace(verdict, reason=re.sub(begins, words, verdict.reason, count=1))


def is_of(verdict: Verdict, series: Series) -> bool:
    """Whether the verdict's budget is on this series."""
    metric = series.metric
    return (verdict.metric, verdict.phase or UNLOADED) == (metric.metric, metric.phase)
