"""What a budget says against its metric, its document and its holder."""

from __future__ import annotations

from collections.abc import Iterator

from benchkit.model.target import METRICS, PERCENTILES
from benchkit.targets.documents import Library
from benchkit.targets.limits import HAS_PERCENTILES, example_of, limit_of
from benchkit.targets.positions import Location
from benchkit.targets.problems import Complaint
from benchkit.targets.tree import Table, table_in, tables_in, text_in


def budget_complaints(tree: Table, library: Library) -> Iterator[Complaint]:
    """What is wrong with budgets of paths, of meters, and for all paths."""
    asks = any(text_in(work, "kind") == "inference" for _, work in tables_in(tree, ("workload",)))
    holders = [*tables_in(tree, ("path",)), *tables_in(tree, ("meter",))]
    holders.append((("defaults",), table_in(tree, "defaults")))
    for holder_location, holder in holders:
        for location, budget in tables_in(holder, (*holder_location, "budget")):
            metric = text_in(budget, "metric")
            if metric in METRICS and (metric == "ratio") != (holder_location[0] == "meter"):
                yield (*location, "metric"), _elsewhere(str(metric))
            if "fact" in budget and "limit" in budget:
                yield (*location, "limit"), "stands beside a fact; give one of them"
            if "fact" not in budget and "limit" not in budget:
                example = example_of(metric if metric in METRICS else "rtt")
                yield (
                    location,
                    f'has no limit: write limit = "{example}", or fact = "document:fact" to cite one of the seeds',
                )
            if metric in METRICS:
                yield from _misfits(location, budget, metric)
            if metric == "inference" and not asks:
                yield (
                    (*location, "metric"),
                    f"{metric!r} is of a [[workload]] of that kind, and there is none: write one, or drop the budget",
                )
            yield from _figures(location, budget, metric, library)


def _elsewhere(metric: str) -> str:
    if metric == "ratio":
        return "'ratio' is what a [[meter]] measures, and no path: move the budget there"
    return f"{metric!r} is what a [[path]] measures, and no meter: write 'ratio', or move the budget there"


def _misfits(location: Location, budget: Table, metric: str) -> Iterator[Complaint]:
    percentile = budget.get("percentile")
    if percentile in PERCENTILES and metric not in HAS_PERCENTILES:
        yield (
            (*location, "percentile"),
            f"{percentile!r} cannot be: {metric} has no percentiles; drop it",
        )
    if "reading" in budget and metric != "rtt":
        yield (
            (*location, "reading"),
            f"only rtt is read one way or round trip, not {metric}; drop it",
        )


def _figures(
    location: Location, budget: Table, metric: str | None, library: Library
) -> Iterator[Complaint]:
    citation, limit = text_in(budget, "fact"), text_in(budget, "limit")
    judged = metric if metric in METRICS else None
    if limit is not None and judged:
        try:
            limit_of(judged, limit)
        except ValueError as error:
            yield (*location, "limit"), str(error)
    if citation is None:
        return
    try:
        fact = library.fact(citation)
    except LookupError as error:
        yield (*location, "fact"), str(error.args[0])
        return
    if fact and judged:
        try:
            limit_of(judged, fact.figure)
        except ValueError as error:
            yield (*location, "fact"), f"{citation!r} is no budget for {judged}: {error}"


def context_complaints(tree: Table, library: Library) -> Iterator[Complaint]:
    """What a target cites beside its budgets, and nobody has said."""
    context = tree.get("context")
    for index, citation in enumerate(context if isinstance(context, list) else []):
        if isinstance(citation, str):
            try:
                library.fact(citation)
            except LookupError as error:
                yield ("context", index), str(error.args[0])
