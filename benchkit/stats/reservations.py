"""Reservations about a verdict: what was measured in part, answered by nobody, or dropped by this host decides less."""

from __future__ import annotations

from dataclasses import replace

from benchkit.model.record import Verdict
from benchkit.stats.percentiles import percentile_share
from benchkit.units import by_number, show_count

# Of what a verdict rests on: so much may be of our own making.
OWN_SHARE = 0.1


def of_a_part(verdict: Verdict, why: str | None) -> Verdict:
    """What was measured in part, for that reason, cannot pass: nobody knows what is missing. What it proves broken is."""
    if why is None or verdict.verdict == "fail":
        return verdict
    return replace(verdict, verdict="inconclusive", reason=f"measured in part: {why}")


def without_far_end(verdict: Verdict, why: str | None) -> Verdict:
    """Where nobody was there to answer, for that reason, what was lost is no failing of the path."""
    if why is None or verdict.verdict == "pass":
        return verdict
    return replace(
        verdict, verdict="inconclusive", reason=f"its far end fell silent meanwhile: {why}"
    )


def with_own_drops(verdict: Verdict, dropped: int, n: int, lost: int) -> Verdict:
    """What fails by losses of which more than a tenth may be this host's own is open.

    `dropped` is how many packets it had no room for, of all paths; `n` and `lost` are those of this one. A percentile rests on
    the packets that it leaves out.

    >>> from benchkit.stats.interval import Interval
    >>> from benchkit.stats.verdicts import Budget, judge
    >>> failed = judge(Budget("rtt", 10.0, "ms", "p99"), Interval(12.0, 11.0, 13.0), n=5000)
    >>> with_own_drops(failed, 3, 5000, 3).verdict, with_own_drops(failed, 30, 5000, 30).verdict
    ('fail', 'inconclusive')
    """
    if not _may_decide(verdict, dropped, n, lost):
        return verdict
    why = (
        f"{show_count(dropped, 'packet')} that arrived {by_number(dropped, 'was', 'were')} dropped by this host, and "
        f"{by_number(dropped, 'counts', 'count')} as lost: free a core and run again"
    )
    return replace(verdict, verdict="inconclusive", reason=why)


def with_held_answers(verdict: Verdict, held: int, n: int, lost: int) -> Verdict:
    """What fails by losses of which more than a tenth may have been held back by the far end is open.

    `held` is how many (`stats.stalls`), `n` and `lost` are how many packets were due and lost.
    """
    if not _may_decide(verdict, held, n, lost):
        return verdict
    why = (
        f"{show_count(held, 'packet')} may count as lost because the far end stood still and answered too late: free a core there "
        "and run again"
    )
    return replace(verdict, verdict="inconclusive", reason=why)


def with_refusals_there(verdict: Verdict, forward: int, n: int, lost: int) -> Verdict:
    """What fails by losses of which more than a tenth were on the way there says that the far end itself may have made them.

    `forward` is how many those are, `n` and `lost` are how many packets were due and lost. A far end that turns packets away
    counts them as little as one that they never reach.
    """
    figure = verdict.measured
    is_late = verdict.metric != "loss" and (figure is None or figure.value is not None)
    if is_late or not _may_decide(verdict, forward, n, lost):
        return verdict
    why = "lost on the way there is also what an agent's --rate-cap turns away: its own output tells whom it refuses"
    return replace(verdict, reason=f"{verdict.reason}; {why}")


def _may_decide(verdict: Verdict, count: int, n: int, lost: int) -> bool:
    """Whether it fails, and may do so for so many packets that no path has lost."""
    if verdict.verdict != "fail" or not count:
        return False
    rests_on = float(lost) if verdict.metric == "loss" else _beyond(verdict.percentile) * n
    return count > OWN_SHARE * rests_on


def _beyond(percentile: str | None) -> float:
    return float(1 - percentile_share(percentile)) if percentile and percentile != "max" else 0.0
