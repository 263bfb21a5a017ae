"""What a scaled run says of the path at its own rate, and what it does not. A pure function of the record."""

from __future__ import annotations

from collections.abc import Iterator

from benchkit.model.record import Metric, PathRecord, RunRecord
from benchkit.reports.figures import percent, short

TITLE = "Scaled 1:{}: what carries over to the path's own rate"
CARRIES = "utilisation, and queueing delay in BDPs, which are round trips of the unloaded path"
DOES_NOT = (
    "slow start takes log2({}) = {} round trips more; a window holds {} times the segments, so that the same share of "
    "losses costs far more, and coming back from one takes longer; what each packet costs a processor or a "
    "card, and how long it takes onto the wire"
)
LOADED = ("up", "down")


def label(record: RunRecord) -> str:
    """`scaled 1:1000`; empty for a run at the path's own rate."""
    return f"scaled 1:{record.scale}" if record.scale else ""


def title(record: RunRecord) -> str:
    """Over `facts`."""
    return TITLE.format(record.scale)


def facts(record: RunRecord) -> list[tuple[str, str]]:
    """What carries over, in figures for each path, and what does not; nothing for a run that is not scaled."""
    if not record.scale:
        return []
    doublings = f"{(record.scale - 1).bit_length()}"
    found = [("carries over", CARRIES)]
    found += [(path.path, said) for path in record.paths if (said := "; ".join(_carried(path)))]
    return [*found, ("does not", DOES_NOT.format(record.scale, doublings, record.scale))]


def _carried(path: PathRecord) -> Iterator[str]:
    idle = _middle(_metric(path, "rtt", "idle"))
    for phase in LOADED:
        goodput, loaded = _metric(path, "goodput", phase), _middle(_metric(path, "rtt", phase))
        reached = goodput.estimate.value if goodput and goodput.estimate else None
        if goodput and reached is not None and goodput.configured:
            yield f"{phase}: {percent(reached, goodput.configured)} of the rate"
        if idle and loaded is not None:
            yield f"{phase}: queue {short(max(0.0, loaded / idle - 1))} BDP at p50"


def _metric(path: PathRecord, metric: str, phase: str) -> Metric | None:
    return next((m for m in path.metrics if m.metric == metric and m.phase == phase), None)


def _middle(metric: Metric | None) -> float | None:
    found = metric.percentiles.get("p50") if metric else None
    return found.value if found else None
