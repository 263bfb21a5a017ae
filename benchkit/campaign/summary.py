"""Samples made into metrics, and budgets judged: from a harvest to the record of one path."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.campaign import phases
from benchkit.campaign.emulator_error import Moved, moved_goodput, moved_latency
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances, Found, latencies
from benchkit.campaign.limits import limited_by
from benchkit.clock import NS_PER_MS
from benchkit.model.place import Budget, Direction, Path, PathModel
from benchkit.model.record import Metric, PathRecord, Verdict
from benchkit.model.samples import Samples
from benchkit.stats.percentiles import percentile_share
from benchkit.stats.rates import plateau
from benchkit.stats.verdicts import Doubt, judge, overall


def path_record(path: Path, harvest: Harvest, under: Circumstances) -> PathRecord:
    """Everything known of one path. Of an unfit machine nothing is judged, and each verdict says why."""
    found = _metrics(path, harvest, under)
    verdicts = tuple(_verdict(path, budget, found, under) for budget in path.budgets)
    return PathRecord(
        path=path.name,
        near=path.near,
        far=path.far,
        verdict=overall((verdict.verdict for verdict in verdicts), under.unfit is not None),
        metrics=tuple(metric for metric, _ in found),
        verdicts=verdicts,
        great_circle_km=path.great_circle_km,
        model=_plain(path.model),
    )


def _metrics(path: Path, harvest: Harvest, under: Circumstances) -> list[Found]:
    """What was measured: latencies, and the rates before the latencies of the same load."""
    found = latencies(path, harvest, under)
    rates = []
    for name in (name for phase in phases.LOADED for name in phases.BULK[phase]):
        rows = harvest.samples("goodput", path.name, name)
        if rows is not None and len(rows):
            info = harvest.samples("tcp_info", path.name, name)
            rates.append(_goodput(path, name, rows, info, under.emulator_drops))
    idle = [each for each in found if each[0].phase not in phases.LOADED]
    loaded = [each for each in found if each[0].phase in phases.LOADED]
    return [*idle, *rates, *loaded]


def _goodput(path: Path, phase: str, rows: Samples, info: Samples | None, drops: int) -> Found:
    columns = rows.columns
    level = plateau(columns["octets"].data, columns["start_ns"].data, columns["end_ns"].data)
    rate = path.model.rate_bps if path.model else None
    metric = Metric(
        metric="goodput",
        phase=phase,
        unit="Mbit/s",
        n=len(rows),
        configured=rate / 1e6 if rate else None,
        estimate=level.goodput.estimate(),
        limited_by=limited_by(level.goodput.value, path.model, info, drops=drops),
        details={"ramp_s": level.ramp_s},
    )
    return metric, {"goodput": level.goodput}


def _verdict(path: Path, budget: Budget, found: Sequence[Found], under: Circumstances) -> Verdict:
    source = _judged(budget, found)
    if source is None:
        return judge(budget, None, n=0, unfit=under.unfit)
    metric, intervals = source
    interval = intervals.get(budget.percentile or budget.metric)
    effective = metric.effective_n or metric.n
    moved = _moved(path, budget, source, found, under)
    looks = under.looks if metric.metric == "rtt" else 1
    doubt = Doubt(looks, moved.less_by, moved.more_by)
    return judge(budget, interval, n=effective, phase=metric.phase, unfit=under.unfit, doubt=doubt)


def _moved(
    path: Path, budget: Budget, source: Found, found: Sequence[Found], under: Circumstances
) -> Moved:
    """How far the emulator moved what is judged. It loses nothing that the model does not, or the run is unfit."""
    if budget.metric == "loss":
        return Moved()
    if budget.metric == "goodput":
        own = [row for row in under.calibration if row.path == path.name]
        return moved_goodput(source[1]["goodput"].value, own)
    idle = next((each for each in found if _is_idle(each[0], "rtt")), None)
    if idle is None:
        return moved_latency(path.model, None, 1.0, under.tolerance_ns)
    metric, intervals = idle
    due = metric.n - metric.unstamped
    share = 1.0 if budget.percentile == "max" else float(percentile_share(budget.percentile))
    place = min(share * due / max(due - metric.lost, 1), 1.0)
    return moved_latency(path.model, intervals.get(budget.percentile), place, under.tolerance_ns)


def _judged(budget: Budget, found: Sequence[Found]) -> Found | None:
    """What a budget is held against: the idle path, and of two directions of goodput the worse one."""
    if budget.metric == "goodput":
        # Two directions at once compete for their acknowledgements: shown, not judged.
        alone = (phases.UP, phases.DOWN)
        rates = [each for each in found if each[0].metric == "goodput" and each[0].phase in alone]
        return min(rates, key=lambda each: each[1]["goodput"].value, default=None)
    name = "rtt" if budget.metric == "loss" else budget.metric
    return next((each for each in found if _is_idle(each[0], name)), None)


def _is_idle(metric: Metric, name: str) -> bool:
    return metric.metric == name and metric.phase == phases.IDLE


def _plain(model: PathModel | None) -> dict[str, object]:
    """A model in plain values, for the record."""
    if model is None:
        return {}
    plain: dict[str, object] = {
        "origin": model.origin,
        "forward": _plain_direction(model.forward),
        "backward": _plain_direction(model.backward),
        "mtu": model.mtu,
    }
    if model.rate_bps is not None:
        plain["rate_bps"] = model.rate_bps
    if model.buffer_octets is not None:
        plain["buffer_octets"] = model.buffer_octets
    return plain


def _plain_direction(direction: Direction) -> dict[str, object]:
    plain: dict[str, object] = {"delay_ms": direction.delay_ns / NS_PER_MS}
    if direction.jitter_ns:
        plain["jitter_ms"] = direction.jitter_ns / NS_PER_MS
        plain["distribution"] = direction.distribution
    if direction.bursts is not None:
        plain["bursts"] = {
            "enter": direction.bursts.enter,
            "leave": direction.bursts.leave,
            "bad_loss": direction.bursts.bad_loss,
            "good_loss": direction.bursts.good_loss,
        }
    plain["loss"] = direction.mean_loss
    for name in ("reorder", "duplicate"):
        if getattr(direction, name):
            plain[name] = getattr(direction, name)
    if direction.trace is not None:
        delays = direction.trace.delay_ns
        plain["trace"] = {
            "steps": len(delays),
            "least_ms": min(delays) / NS_PER_MS,
            "most_ms": max(delays) / NS_PER_MS,
        }
    return plain
