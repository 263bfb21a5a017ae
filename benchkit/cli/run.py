"""`benchkit run`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from benchkit.cli.asking import (
    check_longest,
    check_several,
    check_target,
    longest_ns,
    say_outline,
    target_of,
)
from benchkit.cli.bulk_options import bulk_options
from benchkit.cli.cluster_options import access_of, measuring_options, patience_s
from benchkit.cli.exit_status import INTERRUPTED, gravest
from benchkit.cli.inside import run_inside
from benchkit.cli.options import (
    DURATION,
    FREQUENCY,
    LONGEST_DURATION,
    SCALE,
    ScheduleWords,
    format_option,
    own_results_option,
)
from benchkit.cli.series_options import check_series, series_options
from benchkit.cli.words import Whole
from benchkit.model.probe import PLAN_PROBES
from benchkit.model.schedule import Pacing, Schedule

if TYPE_CHECKING:  # numpy, which `--help` need not pay for
    from benchkit.campaign.question import Question
    from benchkit.model.target import Target
    from benchkit.store.rotation import Policy

KERNELS = ("host", "uml")
EMULATORS = ("auto", "netem", "userspace", "none")


@click.command()
@click.argument("target", default="guizhou")
@click.option(
    "--path", "paths", multiple=True, metavar="A-B", help="Only this path; may be repeated."
)
@click.option(
    "--probe",
    "probes",
    multiple=True,
    type=click.Choice(tuple(PLAN_PROBES)),
    help="Only this probe; may be repeated. `benchkit targets probes` tells what each needs.",
)
@click.option(
    "--emulator",
    type=click.Choice(EMULATORS),
    default="auto",
    show_default=True,
    help="How the paths are modelled; auto is netem where the kernel has it.",
)
@click.option(
    "--kernel",
    type=click.Choice(KERNELS),
    default="host",
    show_default=True,
    help="uml runs all of it in user-mode Linux, which has netem and needs no privilege.",
)
@click.option("--duration", type=DURATION, help='How long idle round trips are measured, as "30s".')
@click.option(
    "--until-decided",
    is_flag=True,
    help="Measure on while a verdict is inconclusive; intervals allow for each look.",
)
@click.option(
    "--max-duration",
    type=LONGEST_DURATION,
    help='The longest that --until-decided may measure idle round trips; "5m" without it.',
)
@click.option(
    "--rate", type=FREQUENCY, help='Packets of idle round trips on each path, as "500/s".'
)
@click.option(
    "--schedule",
    type=ScheduleWords(),
    help='When packets are due at that rate: "periodic", "poisson" or "bursts of 8".',
)
@click.option(
    "--pacing",
    type=click.Choice(get_args(Pacing)),
    help="timer is some 50 us late and costs next to nothing; precise is within 1 us or so, and keeps a core busy; batched "
    "sends many at once, as every STAMP probe does from 10,000/s on.",
)
@bulk_options
@click.option(
    "--seed",
    type=Whole(min=0),
    help="The number that jitter, losses and random times are drawn from.",
)
@click.option(
    "--repeat",
    type=Whole(min=1),
    default=1,
    show_default=True,
    help="Measure so many runs, one after another; with --interleave so many turns.",
)
@click.option(
    "--compare",
    "base",
    metavar="BASE",
    help="Another target to measure and compare; with --interleave.",
)
@click.option(
    "--interleave",
    is_flag=True,
    help="Measure BASE and TARGET in turns of base, TARGET, TARGET, base.",
)
@click.option(
    "--scale",
    type=SCALE,
    help="Divide rates and buffers, as 1:1000, for a path that no machine can carry.",
)
@click.option(
    "--meter",
    help="Where a target's energy counters are: an exporter's URL, or a CSV file whose first row names a column for each "
    "counter, and may name one `time`, in ISO 8601 or in seconds.",
)
@measuring_options
@click.option("--sites", type=Whole(min=2), help="Only the first so many sites of a mesh.")
@click.option("--name", help="A name for this run, kept in its record.")
@click.option("--dry-run", is_flag=True, help="Print every ip and tc command, and run nothing.")
@click.option("--gate", is_flag=True, help="Exit 3 when the answer is inconclusive.")
@series_options
@click.option("--live", is_flag=True, help="Serve the dashboard meanwhile: watch in a browser.")
@own_results_option
@format_option
@click.pass_context
def run(
    context: click.Context,
    target: str,
    paths: tuple[str, ...],
    probes: tuple[str, ...],
    emulator: str,
    kernel: str,
    duration: int | None,
    until_decided: bool,
    max_duration: int | None,
    rate: float | None,
    schedule: Schedule | None,
    pacing: Pacing | None,
    streams: int | None,
    stream_mode: str | None,
    congestion: str | None,
    window: float | None,
    udp_rate: float | None,
    seed: int | None,
    repeat: int,
    base: str | None,
    interleave: bool,
    scale: int | None,
    meter: str | None,
    cluster: str | None,
    certs: Path | None,
    patience: int,
    wait: int | None,
    sites: int | None,
    name: str | None,
    dry_run: bool,
    gate: bool,
    every: int | None,
    lasts: int | None,
    keep_raw: Policy | None,
    live: bool,
    results: Path,
    form: str,
) -> None:
    """Measure the paths of TARGET and judge them against their budgets.

    TARGET is a shipped target's name or a TOML file; `guizhou` without one. What has no default below is as the plan
    of TARGET says: `benchkit targets show TARGET`. The report goes to stdout, progress to stderr, the run to a new
    folder below --results.
    """
    from benchkit.campaign.question import Changes, Question  # costs numpy
    from benchkit.linux.uml import own_kernel

    check_several(repeat, base, form, interleave=interleave)
    alone = {"--repeat": repeat > 1, "--interleave": interleave, "--kernel uml": kernel == "uml"}
    check_series(every, lasts, form, alone)
    longest = longest_ns(max_duration, until_decided=until_decided)
    tcp = streams, stream_mode, congestion, round(window) if window else None
    changes = Changes(
        paths, probes, duration, rate, seed, longest, schedule, pacing, *tcp,
        None if udp_rate is None else round(udp_rate), scale, meter, sites,
    )  # fmt: skip
    here = own_kernel()
    asked = [target_of(each, changes, here) for each in (base, target) if each is not None]
    check_longest(max_duration, asked)
    if here != "uml" and kernel == "uml" and not dry_run:
        context.exit(run_inside(asked, results, repeat, live=live))
    for each in asked:
        check_target(each, emulator, in_cluster=cluster is not None)
    if dry_run:
        _print_steps(asked, emulator, in_cluster=cluster is not None)
        return
    command = shlex.join(["benchkit", "run", *_arguments()])
    access = access_of(cluster, certs) if cluster else None
    reached = access, patience_s(patience)
    questions = [
        Question(each, emulator, name, command, here, *reached, wait or 0) for each in asked
    ]
    if every is not None:
        series = (every, lasts), results, keep_raw
        context.exit(_series(questions[0], *series, gate=gate, live=live))
    status = _answer(questions, repeat, results, form, gate=gate, live=live)
    if keep_raw is not None:
        from benchkit.cli.series import rotated  # costs numpy

        rotated(results, questions[-1].target.name, keep_raw)
    context.exit(status)


def _series(
    question: Question,
    when: tuple[int, int | None],
    results: Path,
    keep_raw: Policy | None,
    *,
    gate: bool,
    live: bool,
) -> int:
    """Measure what is asked at whole intervals of the clock."""
    from benchkit.cli.measuring import see_runs_can_be_kept  # costs numpy
    from benchkit.cli.series import again_and_again

    _enter_namespaces([question])
    see_runs_can_be_kept(results)
    say_outline([question.target], in_cluster=question.cluster is not None)
    return again_and_again(question, when, results, keep_raw, gate=gate, live=live)


def _print_steps(targets: Sequence[Target], emulator: str, *, in_cluster: bool) -> None:
    from benchkit.cli.dry_run import print_steps  # costs numpy

    say_outline(targets, in_cluster=in_cluster)
    for each in targets:
        print_steps(each, emulator)


def _arguments() -> list[str]:
    return sys.argv[sys.argv.index("run") + 1 :] if "run" in sys.argv else sys.argv[1:]


def _enter_namespaces(questions: Sequence[Question]) -> None:
    """Before a word is said: an ordinary user's process begins anew with it."""
    from benchkit.linux.privilege import obtain_namespaces  # costs numpy

    if any(each.is_emulated for each in questions):
        obtain_namespaces(sys.argv[1:])


def _answer(
    questions: Sequence[Question], repeat: int, results: Path, form: str, *, gate: bool, live: bool
) -> int:
    """Measure what is asked, once or several times, or two targets in turns."""
    from benchkit.cli import interleave, measuring  # costs numpy
    from benchkit.cli.live_server import await_reader, dashboard
    from benchkit.linux.interrupts import one_interrupt

    *base, question = questions
    if base:
        interleave.check(base[0].target, question.target, form)
    _enter_namespaces(questions)
    measuring.see_runs_can_be_kept(results)
    in_cluster = question.cluster is not None
    say_outline((each.target for each in questions), in_cluster=in_cluster)
    if repeat > 1 and not base:
        click.echo(f"  measured {repeat} times, each as long", err=True)
    with dashboard(results, wanted=live) as address:
        with one_interrupt():
            if base:
                return interleave.interleaved(base[0], question, repeat, results, form, gate=gate)
            statuses: list[int] = []
            while len(statuses) < repeat and INTERRUPTED not in statuses:
                if repeat > 1:
                    click.echo(f"run {len(statuses) + 1} of {repeat}", err=True)
                kept = measuring.measure(question, results, gate=gate, form=form)
                measuring.show(kept.record, form, results)
                statuses.append(kept.status)
        if INTERRUPTED not in statuses:
            await_reader(address)
    return gravest(statuses)
