"""`benchkit run`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from benchkit.cli.options import (
    DURATION,
    FREQUENCY,
    LONG_DURATION,
    format_option,
    results_option,
    terminal,
)
from benchkit.errors import AskedWronglyError
from benchkit.model.record import RunRecord

PROBES = ("rtt", "http", "tcp")
KERNELS = ("host", "uml")
EMULATORS = ("auto", "netem", "userspace", "none")
FAILED, INCONCLUSIVE, UNMEASURED, UNFIT, INTERRUPTED = 1, 3, 4, 5, 130
LONGEST_NS = 5 * 60 * 10**9


@click.command()
@click.argument("target", default="guizhou")
@click.option(
    "--path", "paths", multiple=True, metavar="A-B", help="Only this path; may be repeated."
)
@click.option(
    "--probe",
    "probes",
    multiple=True,
    type=click.Choice(PROBES),
    help="Only this probe; may be repeated.",
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
    type=LONG_DURATION,
    help='The longest that --until-decided may measure idle round trips; "5m" without it.',
)
@click.option("--rate", type=FREQUENCY, help='Packets on each path, as "500/s".')
@click.option("--seed", type=click.IntRange(min=0), help="What jitter and losses are drawn from.")
@click.option("--name", help="A name for this run, kept in its record.")
@click.option("--dry-run", is_flag=True, help="Print every ip and tc command, and run nothing.")
@click.option("--gate", is_flag=True, help="Exit 3 when the answer is inconclusive.")
@results_option
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
    seed: int | None,
    name: str | None,
    dry_run: bool,
    gate: bool,
    results: Path,
    form: str,
) -> None:
    """Measure the paths of TARGET and judge them against their budgets.

    TARGET is a shipped target's name or a TOML file; `guizhou` without one. The report goes to stdout,
    progress to stderr, the run to a new folder below --results.
    """
    from benchkit.campaign.question import Changes, Question, eased, narrowed  # noqa: PLC0415  costs numpy
    from benchkit.linux.uml import own_kernel  # noqa: PLC0415
    from benchkit.targets import load_target  # noqa: PLC0415

    asked = load_target(target)
    longest = _longest_ns(max_duration, until_decided=until_decided)
    changes = Changes(paths, probes, duration, rate, seed, longest)
    asked = narrowed(asked, changes)
    here = own_kernel()
    if here == "uml":
        asked = eased(asked, keeps_rate=rate is not None)
    elif kernel == "uml" and not dry_run:
        context.exit(_inside(asked, results))
    for warning in asked.warnings:
        click.echo(f"warning: {warning}", err=True)
    if emulator == "none" and any(path.model is not None for path in asked.paths):
        raise AskedWronglyError(
            f"--emulator none: the paths of target {asked.name} are modelled and have no addresses to "
            "measure; use auto, netem or userspace"
        )
    if dry_run:
        from benchkit.cli.dry_run import print_steps  # noqa: PLC0415

        print_steps(asked, emulator)
        return
    command = shlex.join(["benchkit", "run", *_arguments()])
    question = Question(asked, emulator, name, command, here)
    status = _answer(question, results, form, gate=gate)
    context.exit(status)


def _inside(target: object, results: Path) -> int:
    """Run the same command inside user-mode Linux, with the host's files."""
    from benchkit.campaign.question import longest_s  # noqa: PLC0415  costs numpy
    from benchkit.linux import uml  # noqa: PLC0415
    from benchkit.model.target import Target  # noqa: PLC0415

    assert isinstance(target, Target)  # noqa: S101
    hidden = uml.why_hidden(results)
    if hidden is not None:
        raise AskedWronglyError(
            f"--results {results}: {hidden}, so the run would be lost: name another folder"
        )
    click.echo("starting user-mode Linux", err=True)
    return uml.run_inside(
        [sys.executable, "-m", "benchkit", *sys.argv[1:]],
        environment=uml.own_environment({}),
        limit_s=longest_s(target.plan, len(target.paths)),
    )


def _longest_ns(max_duration: int | None, *, until_decided: bool) -> int | None:
    if max_duration is not None and not until_decided:
        raise AskedWronglyError(
            "--max-duration says how long --until-decided may go on: give both, or --duration"
        )
    return (max_duration or LONGEST_NS) if until_decided else None


def _arguments() -> list[str]:
    return sys.argv[sys.argv.index("run") + 1 :] if "run" in sys.argv else sys.argv[1:]


def _answer(question: object, results: Path, form: str, *, gate: bool) -> int:
    from benchkit.campaign.question import Question  # noqa: PLC0415  costs numpy
    from benchkit.campaign.runner import run_campaign  # noqa: PLC0415
    from benchkit.cli.progress import progress  # noqa: PLC0415
    from benchkit.linux.interrupts import one_interrupt  # noqa: PLC0415
    from benchkit.linux.privilege import obtain_namespaces  # noqa: PLC0415
    from benchkit.reports import render  # noqa: PLC0415
    from benchkit.store import write_run  # noqa: PLC0415

    assert isinstance(question, Question)  # noqa: S101
    if question.is_emulated:
        obtain_namespaces(sys.argv[1:])
    with one_interrupt():
        with progress() as observe:
            outcome = run_campaign(question, observe)
        folder = write_run(results, outcome.record, outcome.samples)
    width, color = terminal()
    click.echo(render(outcome.record, form, width=width, color=color), nl=False)
    click.echo(f"kept in {folder}", err=True)
    return exit_status(outcome.record, unmeasured=bool(outcome.unmeasured), gate=gate)


def exit_status(record: RunRecord, *, unmeasured: bool, gate: bool) -> int:
    """The exit status of a run, the gravest reason first."""
    reasons = (
        (record.interrupted, INTERRUPTED),
        (record.verdict == "unfit", UNFIT),
        (unmeasured, UNMEASURED),
        (record.verdict == "fail", FAILED),
        (record.verdict == "inconclusive" and gate, INCONCLUSIVE),
    )
    return next((status for holds, status in reasons if holds), 0)
