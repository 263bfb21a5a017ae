"""`benchkit doctor --aa`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import replace

import click

from benchkit.campaign import self_comparison as aa
from benchkit.campaign.finding import Finding
from benchkit.campaign.question import Question, eased
from benchkit.cli.progress import progress
from benchkit.clock import NS_PER_MS
from benchkit.linux.interrupts import one_interrupt
from benchkit.linux.privilege import obtain_namespaces
from benchkit.linux.uml import own_kernel
from benchkit.targets import load_target
from benchkit.units import show_figure


def compare_with_itself(target: str, runs: int, duration_ns: int, see_ns: int) -> list[Finding]:
    """Measure, with progress on stderr, and say what was found."""
    here, asked = own_kernel(), load_target(target)
    asked = eased(asked, keeps_rate=False) if here == "uml" else asked
    asked = replace(asked, plan=replace(asked.plan, duration_ns=duration_ns))
    question = Question(asked, kernel=here)
    if question.is_emulated:
        obtain_namespaces(sys.argv[1:])
    with one_interrupt(), progress() as observe:
        found = aa.compare_with_itself(
            question,
            runs,
            see_ns / NS_PER_MS,
            lambda text: click.echo(text, err=True),
            observe,
        )
    return list(findings(found))


def findings(found: aa.SelfComparison) -> Iterator[Finding]:
    """What came of it, a finding a line."""
    said = (
        f"{found.runs} runs of {found.seconds:g} s, each against the others and against its neighbour: "
        f"{found.alarmed} of {found.comparisons} comparisons saw a change that is not there"
    )
    figures = {"comparisons": found.comparisons, "false_alarms": found.alarmed}
    if found.alarmed:
        remedy = f"{found.alarms[0]}; gate against five runs or more, and end other work meanwhile"
        yield Finding("aa", "warning", said, remedy, figures)
    else:
        yield Finding("aa", "ok", said, figures=figures)
    yield from (_of(each, found.seconds) for each in found.visible)


def _of(visible: aa.Visible, seconds: float) -> Finding:
    """What can be seen of one percentile; the first finding says of which runs."""
    if not math.isfinite(visible.now):
        said = f"runs of {seconds:g} s are too short here for an interval of it ({visible.path})"
        return Finding(visible.statistic, "warning", said, "give --aa a longer --duration")
    said = (
        f"one such run held against a baseline of {aa.BASE_RUNS} would show a change of {show_figure(visible.now, 2)} ms four times in "
        f"five ({visible.path})"
    )
    figures = {"smallest_visible_ms": round(visible.now, 6), "change_ms": visible.change}
    change = f"{visible.change:g} ms"
    if visible.seconds is not None:
        figures["seconds_a_run"] = round(visible.seconds, 6)
        said += f"; one of {change} takes runs of {show_figure(visible.seconds, 2)} s"
        return Finding(visible.statistic, "ok", said, figures=figures)
    if visible.runs is not None:
        figures["runs_a_side"] = visible.runs
        remedy = (
            f"runs differ too much among themselves for longer ones to show {change}: "
            f"compare {visible.runs} with {visible.runs}"
        )
        return Finding(visible.statistic, "warning", said, remedy, figures)
    remedy = (
        f"no number of runs up to a hundred shows {change} here: end other work, or look for more"
    )
    return Finding(visible.statistic, "warning", said, remedy, figures)
