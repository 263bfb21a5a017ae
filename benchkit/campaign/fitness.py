"""Whether the emulator did what it was asked while paths were measured: what a verdict rests on."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

from benchkit.clock import NS_PER_MS, NS_PER_US
from benchkit.emulators.line import LineReport, quantile_ns
from benchkit.model.samples import Samples
from benchkit.units import by_number, show_count

LATENESS_SHARE = 0.95
# Of an interval: packets that leave so much later than they were due are no longer at the rate that was asked. A mesh's
# senders let packets leave together (each is stamped by itself), so it is their rate that is held, not each one's moment.
PACING_SHARE = 0.05
# Of the packets of a path: when so many were never sent, those that were tell of the quieter moments only.
UNSENT_SHARE = 0.01
# When so many of a path's packets left so late it is told: at 1000/s a hundred of them left at once.
STANDSTILL_NS = 100 * NS_PER_MS
UNFIT_AS_A_WHOLE = "this run is unfit"


def why_unfit(paths: Collection[str], troubles: Sequence[str]) -> dict[str, str]:
    """For each path why it is not judged: its own trouble, or one of the machine, and never that of another path.

    >>> troubles = ["calibration of a-b, forward: too late", "calibration of a-b, backward: too late"]
    >>> why_unfit(["a-b", "a-c"], troubles)
    {'a-b': 'calibration of a-b, forward: too late', 'a-c': 'this run is unfit'}
    """
    if not troubles:
        return {}
    known, own, of_all = set(paths), dict[str, str](), UNFIT_AS_A_WHOLE
    for trouble in reversed(troubles):
        named = known.intersection(re.findall(r"[\w-]+", trouble))
        own |= dict.fromkeys(named, trouble)
        of_all = of_all if named else trouble
    return {path: own.get(path, of_all) for path in paths}


def line_troubles(
    report: LineReport | None, tolerance_ns: int, share: float = LATENESS_SHARE
) -> list[str]:
    """Sentences on an emulator that was itself the bottleneck while idle paths were measured: in more than 1 - `share` of all packets."""
    if report is None:
        return []
    troubles = []
    if not report.packets:
        troubles.append(
            "not one packet passed the emulator: what was measured went another way; report this as a "
            "defect of benchkit"
        )
    if report.dropped:
        troubles.append(
            f"the emulator lost {show_count(report.dropped, 'packet')} that the model does not lose: the machine is "
            "too busy; free a core and run again"
        )
    late = quantile_ns(report, share)
    if late is not None and late > tolerance_ns:
        remedy = (
            "" if report.realtime else ", or run as root so that the line gets real-time priority"
        )
        of = round(1 / (1 - share))
        troubles.append(
            f"the userspace line released {of - 1} packets in {of} only within {late / NS_PER_US:.0f} µs of when they were due, "
            f"tolerance {tolerance_ns / NS_PER_US:.0f} µs: the machine is too busy; free a core{remedy}"
        )
    return troubles


def pacing_troubles(found: Sequence[Samples], interval_ns: int) -> list[str]:
    """A sentence where the packets of a mesh left later than the pace allows: a busy machine sends in bunches."""
    if not found:
        return []
    late = np.concatenate(
        [(rows.columns["sent_ns"] - rows.columns["due_ns"]).compressed() for rows in found]
    )
    unsent = sum(len(rows) for rows in found) - len(late)
    allowed = PACING_SHARE * interval_ns
    reached = float(np.quantile(late, LATENESS_SHARE)) if len(late) else float("inf")
    if reached <= allowed and not unsent:
        return []
    said = (
        f"{show_count(unsent, 'packet')} {by_number(unsent, 'was', 'were')} never sent"
        if unsent
        else "1 packet in 20 left late"
    )
    said += f", by more than {reached / NS_PER_MS:.1f} ms where {allowed / NS_PER_MS:.1f} ms is a twentieth of the interval"
    paths = f"{show_count(len(found), 'path')} {by_number(len(found), 'is', 'are')}"
    remedy = "give fewer --sites or a lower --rate, or free a core"
    return [f"pacing: {said}: {paths} too many at this rate here; {remedy}"]


def unsent_troubles(found: Sequence[Samples]) -> list[str]:
    """A sentence for each path on which this host sent too few of the packets that were due."""
    troubles = []
    for rows in found:
        unsent = int(np.ma.getmaskarray(rows.columns["sent_ns"]).sum())
        if unsent > UNSENT_SHARE * len(rows):
            troubles.append(
                f"{unsent} of {len(rows)} packets that were due on {rows.path} {by_number(unsent, 'was', 'were')} never sent: the machine is too "
                "busy; free a core or give a lower --rate"
            )
    return troubles


def late_remark(found: Sequence[Samples]) -> str | None:
    """A sentence where packets left so late that this machine must have stood still, on the path with the latest."""
    latest = max(((_late_ns(each), each.path, each.phase) for each in found), default=None)
    if latest is None or latest[0] < STANDSTILL_NS:
        return None
    late_ns, path, phase = latest
    return (
        f"1 packet in 100 on {path}, {phase}, left more than {late_ns / NS_PER_MS:.0f} ms after it was due, and then behind one another: this "
        "machine stood still meanwhile; free a core and measure again"
    )


def _late_ns(rows: Samples) -> float:
    late = (rows.columns["sent_ns"] - rows.columns["due_ns"]).compressed()
    return float(np.quantile(late, 1 - UNSENT_SHARE)) if len(late) else 0.0


def dropped_troubles(dropped: int, packets: int) -> list[str]:
    """A sentence where this host had no room for too many packets; they may all be of the path that has `packets`."""
    if dropped <= UNSENT_SHARE * packets:
        return []
    return [
        (
            f"{show_count(dropped, 'packet')} that arrived {by_number(dropped, 'was', 'were')} dropped by this machine and "
            f"{by_number(dropped, 'counts', 'count')} as lost: it is too busy; free a core or "
            "give a lower --rate"
        )
    ]
