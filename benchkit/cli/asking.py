"""What `benchkit run` is asked: its targets, and whether its options fit together, before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from benchkit.errors import AskedWronglyError
from benchkit.units import show_duration

if TYPE_CHECKING:  # numpy, which `--help` need not pay for
    from benchkit.campaign.question import Changes
    from benchkit.model.target import Target

# Formats that may follow themselves on stdout, when there are several runs.
SEVERAL = ("text", "markdown")
LONGEST_NS = 300 * 10**9


def check_several(repeat: int, base: str | None, form: str, *, interleave: bool) -> None:
    """Whether several runs, or turns of two targets, are asked for as they can be. Raises AskedWronglyError."""
    if (base is not None) != interleave:
        raise AskedWronglyError(
            "--compare BASE and --interleave measure two targets in turns: give both; runs that are there "
            "already are compared by `benchkit compare`"
        )
    if repeat > 1 and base is None and form not in SEVERAL:
        raise AskedWronglyError(
            f"--repeat {repeat} --format {form}: several reports in one stream are text or markdown; "
            "`benchkit report` shows each run in every format"
        )


def target_of(name: str, changes: Changes, kernel: str) -> Target:
    """The target as it is asked, and as this kernel can measure it."""
    from benchkit.campaign.question import eased, narrowed  # costs numpy
    from benchkit.campaign.scaling import check_rates
    from benchkit.targets import load_target

    asked = narrowed(load_target(name), changes)
    check_rates(asked)
    return eased(asked, keeps_rate=changes.rate_per_s is not None) if kernel == "uml" else asked


def say_outline(targets: Iterable[Target], *, in_cluster: bool = False) -> None:
    """Say what is odd about the targets and what is going to be done, once nothing stands in its way.

    What is asked wrongly is one line, and an ordinary user's process begins anew before: nothing is said twice.
    """
    from benchkit.campaign.outline import outline  # costs numpy

    targets = tuple(targets)
    for line in (f"warning: {said}" for each in targets for said in _oddities(each, in_cluster)):
        click.echo(line, err=True)
    for each in targets:
        for line in outline(each, in_cluster=in_cluster):
            click.echo(line, err=True)


def _oddities(asked: Target, in_cluster: bool) -> tuple[str, ...]:
    from benchkit.campaign import congestion  # costs numpy

    # In a cluster others send, on machines of their own.
    unsuitable = None if in_cluster else congestion.check(asked)
    return (*asked.warnings, unsuitable) if unsuitable else asked.warnings


def check_target(asked: Target, emulator: str, *, in_cluster: bool = False) -> None:
    """See that what is asked can be measured.

    Raises AskedWronglyError where it needs an emulator and has none, where nothing that is asked can be measured, for a
    congestion control that this host does not know, or a recording that lacks a column.
    """
    from benchkit.campaign import metering, shortfalls  # costs numpy

    if emulator == "none" and asked.emulated:
        raise AskedWronglyError(
            f"--emulator none: the paths of target {asked.name} are modelled and have no addresses to "
            "measure; use auto, netem or userspace"
        )
    shortfalls.check(asked, in_cluster=in_cluster)
    metering.check_recordings(asked)
    _oddities(asked, in_cluster)


def longest_ns(max_duration: int | None, *, until_decided: bool) -> int | None:
    """How long an undecided run may go on, in nanoseconds; None where it may not. Raises AskedWronglyError."""
    if max_duration is not None and not until_decided:
        raise AskedWronglyError(
            "--max-duration says how long --until-decided may go on: give both, or --duration"
        )
    return (max_duration or LONGEST_NS) if until_decided else None


def check_longest(max_duration: int | None, asked: Iterable[Target]) -> None:
    """See that an undecided run may at least be as long as a decided one. Raises AskedWronglyError."""
    for each in asked:
        if max_duration is not None and max_duration < each.plan.duration_ns:
            least = show_duration(each.plan.duration_ns)
            raise AskedWronglyError(
                f"--max-duration {show_duration(max_duration)} is less than the {least} that target {each.name} is measured for "
                "at first: give more, or a shorter --duration"
            )
