"""Where the time of a latency went, in words: its parts, its directions, and what a load did to it."""

from __future__ import annotations

from collections.abc import Iterator

from benchkit.model.account import Delay, OneWay, Parts
from benchkit.model.record import Metric
from benchkit.reports.figures import clean, decimals_for, fixed, short
from benchkit.units import by_number

WHOLE = "whole"
PLACES = 3
RESPONSIVENESS = (
    "by foreign probes of draft-ietf-ippm-responsiveness-09 (TCP and HTTP/1.1 on new connections, no TLS, no requests "
    "on the loaded ones)"
)


def accounts(metric: Metric) -> tuple[str, ...]:
    """Sentences, the most telling first; none where nothing of it was measured."""
    return tuple(_sentences(metric))


def _sentences(metric: Metric) -> Iterator[str]:
    unit = clean(metric.unit)
    if metric.below_floor:
        yield "not above the instrument's own floor: what is shown is the instrument"
    if metric.unsent:
        due = metric.n + metric.unsent
        yield f"{metric.unsent} of {due} that were due {by_number(metric.unsent, 'was', 'were')} never sent: this machine was too busy; that is not counted as lost"
    load = []
    if metric.buffer_delay_percent is not None:
        load.append(f"buffer delay {short(metric.buffer_delay_percent)} % (RFC 6349)")
    if metric.rpm is not None:
        load.append(f"responsiveness {fixed(metric.rpm, 0)} RPM {RESPONSIVENESS}")
    if load:
        yield " · ".join(load)
    if metric.syn_retransmitted is not None:
        yield f"{metric.syn_retransmitted} of {metric.n} had their SYN sent again"
    if metric.parts is not None:
        yield _parts(metric.parts, unit)
    if metric.one_way is not None:
        yield _one_way(metric.one_way, unit)


def _parts(parts: Parts, unit: str) -> str:
    """Means, which sum up, and the tails, which do not."""
    named = {name: share for name, share in parts.shares.items() if name != WHOLE}
    shown = {name: share for name, share in named.items() if share.p99 or share.mean}
    whole = parts.shares[WHOLE]
    places = max(PLACES, decimals_for([whole.mean]))
    means = " + ".join(f"{clean(name)} {fixed(each.mean, places)}" for name, each in shown.items())
    tails = ", ".join(f"{clean(name)} {fixed(each.p99, places)}" for name, each in shown.items())
    said = f"{fixed(whole.mean, places)} = {means} {unit} on average; p99 {tails}"
    if parts.missing:
        lacking = ", ".join(f"{name.upper()} {count}" for name, count in parts.missing.items())
        said += f"; answered without a stamp: {lacking}"
    return said


def _one_way(found: OneWay, unit: str) -> str:
    there, back = (_delay(each) for each in (found.forward, found.backward))
    error = "" if found.error is None else f" ±{fixed(found.error, PLACES)}"
    name = "queueing one way" if found.relative else "one way"
    said = f"{name}: there {there}, back {back} {unit}{error}. {clean(found.words)}"
    if found.skew_ppm is not None:
        said += f" Clock skew {short(found.skew_ppm)} ±{short(found.skew_error_ppm)} ppm"
        said += f", offset between {fixed(found.offset_low, PLACES)} and {fixed(found.offset_high, PLACES)} {unit}."
    return said


def _delay(delay: Delay) -> str:
    places = max(PLACES, decimals_for([delay.p50]))
    return f"p50 {fixed(delay.p50, places)}, p99 {fixed(delay.p99, places)}"
