"""`benchkit doctor`."""

from __future__ import annotations

import os
import sys

import click

UNFIT = 5


@click.command()
@click.pass_context
def doctor(context: click.Context) -> None:
    """Say what this machine can emulate, and what to do about what it cannot."""
    from benchkit.emulators.choice import why_no_netem, why_no_userspace  # noqa: PLC0415  costs numpy
    from benchkit.linux.privilege import obtain_namespaces  # noqa: PLC0415

    obtain_namespaces(sys.argv[1:])
    netem, userspace = why_no_netem(), why_no_userspace()
    _say("namespaces", None, "sites can be made", "")
    _say(
        "netem",
        netem,
        "real tc netem",
        "load it with `modprobe sch_netem`, or use the userspace line",
    )
    _say(
        "userspace",
        userspace,
        "our own packet line",
        "the kernel needs CONFIG_PACKET and CONFIG_VETH",
    )
    cores = len(os.sched_getaffinity(0))
    few = f"{cores} core; the line and the probes share it" if cores < 2 else None  # noqa: PLR2004
    _say("cores", few, f"{cores}", "give this machine a second core")
    context.exit(UNFIT if netem and userspace else 0)


def _say(topic: str, trouble: str | None, words: str, remedy: str) -> None:
    if trouble is None:
        click.echo(f"ok  {topic:<11} {words}".rstrip())
    else:
        click.echo(f"no  {topic:<11} {trouble}\n    {'':<11} {remedy}")
