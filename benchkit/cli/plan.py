"""`benchkit plan`."""

from __future__ import annotations

import sys
from typing import Any

import click

from benchkit import units
from benchkit.cli.options import BIT_RATE, DURATION, SIZE, terminal
from benchkit.cli.words import Whole, Words
from benchkit.errors import AskedWronglyError
from benchkit.model.place import Path
from benchkit.model.target import Target
from benchkit.planning.figure import PathPlan
from benchkit.planning.question import CONGESTION, Overrides, PathQuestion
from benchkit.planning.window import SocketLimits


class _Loss(Words[float]):
    """A share below 100 %; none at all may be asked for."""

    name = "share"

    def read(self, text: str) -> float:
        """As a share of 1."""
        loss = units.share(text)
        if loss >= 1:
            raise ValueError(f"{text!r} leaves nothing: give less than 100 %")
        return loss


@click.command()
@click.argument("target", default="guizhou")
@click.option(
    "--path", "paths", multiple=True, metavar="A-B", help="Only this path; may be repeated."
)
@click.option(
    "--rate",
    type=BIT_RATE,
    help='The rate of the line, as "400 Gbit/s"; without it that of the model.',
)
@click.option(
    "--rtt",
    type=DURATION,
    help='The unloaded round trip, as "10 ms"; without it that of the model.',
)
@click.option(
    "--loss",
    type=_Loss(),
    help='The share of packets lost, as "0.01 %"; without it that of the model.',
)
@click.option(
    "--mtu", type=Whole(576, 65_535), help="The MTU in octets; without it that of the model."
)
@click.option(
    "--streams",
    type=Whole(1, 1_000_000),
    help="How many TCP streams; without it as many as the socket buffers make necessary.",
)
@click.option(
    "--congestion",
    type=click.Choice(CONGESTION),
    help="The congestion control; without it that of the target's plan.",
)
@click.option(
    "--rmem",
    type=SIZE,
    help='The largest receive buffer (tcp_rmem), as "64 MiB"; without it that of this machine.',
)
@click.option(
    "--wmem",
    type=SIZE,
    help='The largest send buffer (tcp_wmem), as "64 MiB"; without it that of this machine.',
)
@click.option("--simulate", type=Whole(1, 100_000), metavar="N", help="Simulate N flows as well.")
@click.option(
    "--duration", type=DURATION, default="60s", show_default=True, help="How long is simulated."
)
@click.option(
    "--buffer",
    type=SIZE,
    help="The buffer of the simulated bottleneck; without it that of the model, or one BDP.",
)
@click.option(
    "--seed",
    type=Whole(0),
    default=1,
    show_default=True,
    help="The number that the simulation's losses are drawn from.",
)
@click.option(
    "--measure",
    is_flag=True,
    help="Time small jobs over the modelled paths, emulated here, beside what is computed.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "markdown", "json")),
    default="text",
    show_default=True,
    help="What the plan is written as.",
)
def plan(target: str, paths: tuple[str, ...], form: str, **asked: Any) -> None:  # noqa: ANN401  each of its own type
    """Compute what each path of TARGET needs: windows, streams, loss ceilings, transfer times.

    Every figure is computed by a formula whose source is named, or simulated; with --measure the round trips of
    small jobs (TCP, TLS 1.3, HTTP/1.1, RPC) are measured as well.
    """
    from benchkit.campaign.question import Changes, narrowed
    from benchkit.planning.path_plan import plan_path
    from benchkit.planning.question import question_of
    from benchkit.planning.rendering import FORMATS
    from benchkit.targets import load_target

    found = narrowed(load_target(target), Changes(paths=paths))
    if not found.paths:
        raise AskedWronglyError(
            f"target {found.name} has no path to plan: name another, as `benchkit targets` lists them"
        )
    overrides = Overrides(
        asked["rate"],
        asked["rtt"],
        asked["loss"],
        asked["mtu"],
        asked["streams"],
        asked["congestion"],
    )
    limits = _limits(asked["rmem"], asked["wmem"])
    plans = []
    times, by = _timed(found, overrides) if asked["measure"] else ({}, "")
    for path in found.paths:
        question = question_of(path, limits, found.plan.congestion, overrides)
        made = plan_path(question, times.get(path.name), by)
        plans.append(_simulated(made, question, path, asked) if asked["simulate"] else made)
    width, _ = terminal()
    click.echo(FORMATS[form](found.title, plans, width), nl=False)


def _timed(target: Target, overrides: Overrides) -> tuple[dict[str, dict[str, float]], str]:
    """The times of small jobs over every path, and what emulated it."""
    from benchkit.campaign.job_times import job_times  # costs numpy
    from benchkit.campaign.scaling import check_rates
    from benchkit.linux.privilege import obtain_namespaces

    changed = [
        f"--{name}"
        for name, value in (
            ("rate", overrides.rate_bps), ("rtt", overrides.rtt_ns), ("loss", overrides.loss), ("mtu", overrides.mtu),
        )
        if value is not None
    ]  # fmt: skip
    if changed or any(path.model is None for path in target.paths):
        why = f"not with {', '.join(changed)}" if changed else "and a real one has none"
        raise AskedWronglyError(
            f"--measure times jobs over the paths as the target models them, {why}: write a target for it"
        )
    check_rates(target)
    obtain_namespaces(sys.argv[1:])
    timed = units.show_count(len(target.paths), "path")
    click.echo(f"timing small jobs over {timed}, emulated here one after another", err=True)
    return job_times(target.paths, "auto", target.plan.seed)


def _simulated(
    made: PathPlan, question: PathQuestion, path: Path, asked: dict[str, Any]
) -> PathPlan:
    from benchkit.clock import NS_PER_S, monotonic_ns
    from benchkit.planning.simulation import simulate  # costs numpy
    from benchkit.planning.simulation_section import scenario_of, with_simulation

    buffer = asked["buffer"]
    # A model's buffer belongs to its rate: at another rate it says nothing.
    if buffer is None and path.model and path.model.rate_bps == question.rate_bps:
        buffer = path.model.buffer_octets
    scenario = scenario_of(question, asked["simulate"], asked["duration"], buffer, asked["seed"])
    began = monotonic_ns()
    found = simulate(scenario)
    return with_simulation(made, scenario, found, (monotonic_ns() - began) / NS_PER_S)


def _limits(rmem: int | None, wmem: int | None) -> SocketLimits:
    from benchkit.linux.socket_limits import socket_limits

    if rmem and wmem:
        return SocketLimits(rmem, wmem)
    receive, send, scale = socket_limits()
    origin = "this machine's" if not (rmem or wmem) else "given, and the other this machine's"
    return SocketLimits(rmem or receive, wmem or send, scale, origin)
