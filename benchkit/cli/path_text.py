"""One path of a target in words: its ends, its budgets, its delay, and what else its model does to packets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchkit.model.place import Budget, Direction, Path
from benchkit.model.target import METRICS, Target
from benchkit.reports.sentences import metric_name
from benchkit.units import (
    show_bit_rate,
    show_count,
    show_duration,
    show_figure,
    show_octets,
    show_share,
)

EACH_WAY, THERE, BACK = "each way", "there", "back"


def path_words(path: Path, target: Target) -> Iterator[tuple[str, str]]:
    """Its name, with what it is between, then a line without a name for each budget."""
    said = []
    if path.name != f"{path.near}-{path.far}":
        said.append(f"{path.near} to {path.far}")
    if path.model is None:
        said.append(
            f"real, to {target.site(path.far).address or 'where the cluster has its agent'}"
        )
    else:
        said.append(f"modelled RTT {path.model.rtt_ns / 1e6:.2f} ms")
    if path.floor_ns is not None:
        said.append(f"floor {path.floor_ns / 1e6:.2f} ms over {path.great_circle_km:.0f} km")
    yield path.name, ", ".join(said)
    for budget in budget_words(path.budgets):
        yield "", budget


def budget_words(budgets: Sequence[Budget]) -> Iterator[str]:
    """Each budget: "RTT p95 at most 10 ms [guizhou-2024:guiyang-guangzhou]"."""
    for budget in budgets:
        side = "at most" if METRICS[budget.metric][1] else "at least"
        name = " ".join(filter(None, (metric_name(budget.metric), budget.percentile)))
        one_way = budget.reading == "one way"
        reading = " there and back, twice what is promised one way" if one_way else ""
        cited = f" [{budget.fact}]" if budget.fact else ""
        yield f"{name} {side} {show_figure(budget.limit)} {budget.unit}{reading}{cited}"


def delay_words(path: Path) -> str:
    """Where its delay comes from; the distance, in which paths differ, stands elsewhere."""
    if path.model is None:
        return ""
    km = f" {path.great_circle_km:.0f} km" if path.great_circle_km is not None else ""
    return path.model.origin.replace(f"great circle{km}", "great circle")


def condition_words(path: Path) -> str:
    """What its model does beside delaying: jitter, loss and the like by direction, then rate, buffer and MTU."""
    model = path.model
    if model is None:
        return ""
    there, back = [*_weather(model.forward)], [*_weather(model.backward)]
    if model.forward.delay_ns != model.backward.delay_ns:
        there.insert(0, f"delay {show_duration(model.forward.delay_ns)}")
        back.insert(0, f"delay {show_duration(model.backward.delay_ns)}")
    ways = {EACH_WAY: there} if there == back else {THERE: there, BACK: back}
    said = [f"{way} {', '.join(weather)}" for way, weather in ways.items() if weather]
    said.append(f"rate {show_bit_rate(model.rate_bps)}" if model.rate_bps else "rate unlimited")
    said += [f"buffer {show_octets(model.buffer_octets)}"] if model.buffer_octets else []
    return "; ".join([*said, f"MTU {model.mtu}"])


def _weather(way: Direction) -> Iterator[str]:
    if way.deviations_ns:
        yield f"jitter {show_duration(way.jitter_ns)} from a table of {len(way.deviations_ns)}"
    elif way.jitter_ns:
        yield f"jitter {show_duration(way.jitter_ns)} ({way.distribution})"
    if way.bursts is not None:
        often = f"entered by {show_share(way.bursts.enter)}, left by {show_share(way.bursts.leave)}"
        within = f"{show_share(way.bursts.bad_loss)} lost within, {show_share(way.bursts.good_loss)} beside"
        yield f"loss in bursts ({often}, {within})"
    for name, share in (
        ("loss", way.loss),
        ("reordering", way.reorder),
        ("duplication", way.duplicate),
    ):
        if share:
            yield f"{name} {show_share(share)}"
    if way.trace is not None:
        apart = f", {show_duration(way.trace.at_ns[1])} apart" if len(way.trace.at_ns) > 1 else ""
        yield f"a trace of {show_count(len(way.trace.at_ns), 'delay')}{apart}"
