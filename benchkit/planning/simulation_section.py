"""What a simulation brought, as a section of a plan."""

from __future__ import annotations

import math

from benchkit.planning.figure import Figure, PathPlan, Section
from benchkit.planning.question import PathQuestion
from benchkit.planning.simulation import Scenario, Simulated
from benchkit.planning.window import bdp_bits
from benchkit.units import NS_PER_S, by_number

SOURCE = "simulation"
# A queue that stands for less is none: no segment is sent so fast.
LEAST_TOLD_S = 1e-12


def scenario_of(
    question: PathQuestion, flows: int, duration_ns: int, buffer_octets: int | None, seed: int
) -> Scenario:
    """The question's path with so many flows; without a buffer the queue holds one BDP."""
    bdp = bdp_bits(question.rate_bps, question.rtt_ns) / 8
    return Scenario(
        rate_bps=question.rate_bps,
        rtt_ns=question.rtt_ns,
        buffer_octets=bdp if buffer_octets is None else buffer_octets,
        loss=question.loss,
        flows=flows,
        congestion=question.congestion,
        duration_ns=duration_ns,
        framing=question.framing,
        window_octets=question.limits.window_octets,
        seed=seed,
    )


def with_simulation(
    plan: PathPlan, scenario: Scenario, found: Simulated, wall_s: float | None
) -> PathPlan:
    """The plan with what was simulated at its end; `wall_s` is how long that took, where it may be told."""
    fast = f"{found.path_s / wall_s:.3g} s of path time per second" if wall_s else ""
    figures = [
        Figure("goodput", "data per second, after the ramp", found.goodput_bps, "bit/s", SOURCE),
        Figure(
            "utilisation",
            "of what the line can carry",
            found.utilisation,
            "share",
            SOURCE,
            _windows_note(scenario),
        ),
        Figure("fairness", "fairness (Jain's index)", found.fairness, "", "jain"),
        Figure("ramp", "ramp, to 90 % of that", found.ramp_s, "s", SOURCE),
        *(
            Figure(
                f"queueing_p{share}", f"queueing delay, {_name(share)}", _told(delay), "s", SOURCE
            )
            for share, delay in found.queueing_s.items()
        ),
        Figure("dropped", "dropped by the queue", found.dropped, "share", SOURCE),
        Figure("lost", "lost at random", found.lost, "share", SOURCE),
        Figure("path_time", "path time simulated", found.path_s, "s", SOURCE, fast),
    ]
    title = f"Simulated: {scenario.flows} {scenario.congestion} flows, {scenario.buffer_octets / 1e6:.4g} MB of queue"
    section = Section(
        "simulated", title, tuple(figures), notes=("simulated, not measured",), status="simulated"
    )
    return PathPlan(plan.path, plan.assumptions, (*plan.sections, section))


def _windows_note(scenario: Scenario) -> str:
    """That the flows' windows do not fill the line, where that is so, and how many would."""
    window = scenario.window_octets
    if window is None:
        return ""
    goodput_bps = scenario.framing.goodput_bps(scenario.rate_bps)
    needed = math.ceil(goodput_bps * scenario.rtt_ns / NS_PER_S / 8 / window)
    if needed <= scenario.flows:
        return ""
    windows = f"{scenario.flows} {by_number(scenario.flows, 'window', 'windows')} of {window / 1e6:.4g} MB"
    return f"{windows} in each round trip fill no more: it takes {needed}, or larger socket buffers"


def _told(delay_s: float) -> float:
    """Without what is left of rounding."""
    return delay_s if delay_s >= LEAST_TOLD_S else 0.0


def _name(share: int) -> str:
    return "max" if share == 100 else f"p{share}"  # noqa: PLR2004  per cent
