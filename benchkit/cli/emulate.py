"""`benchkit emulate`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

import click

from benchkit.cli.words import Whole
from benchkit.errors import AskedWronglyError

if TYPE_CHECKING:
    from benchkit.model.target import Target

COMMAND = "benchkit.command"
NOT_FOUND = 127  # as shells end


class WithCommand(click.Command):
    """A command whose words after `--` are another's, and are taken as they are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set aside what comes after the first `--`."""
        ours, separator, theirs = args, "", list[str]()
        if "--" in args:
            at = args.index("--")
            ours, separator, theirs = args[:at], args[at], args[at + 1 :]
        ctx.meta[COMMAND] = tuple(theirs) if separator else ()
        try:
            return super().parse_args(ctx, ours)
        except click.NoSuchOption as error:
            if separator:
                raise
            said = f"{error.message} What belongs to COMMAND stands after --."
            raise click.NoSuchOption(error.option_name, said, error.possibilities, ctx) from error


@click.command(cls=WithCommand)
@click.argument("words", nargs=-1, metavar="[TARGET] PATH -- COMMAND...")
@click.option("--shell", is_flag=True, help="Open a shell there instead of a command.")
@click.option(
    "--serve", metavar="COMMAND", help="Run this at the other end meanwhile, started first."
)
@click.option(
    "--at",
    type=click.Choice(("near", "far")),
    default="near",
    show_default=True,
    help="At which end of the path COMMAND runs.",
)
@click.option(
    "--emulator",
    type=click.Choice(("auto", "netem", "userspace")),
    default="auto",
    show_default=True,
    help="How the path is modelled; auto is netem where the kernel has it.",
)
@click.option(
    "--seed",
    type=Whole(min=0),
    help="The number that jitter and losses are drawn from; without it that of the target's plan.",
)
@click.option("--dry-run", is_flag=True, help="Print every ip and tc command instead.")
@click.pass_context
def emulate(
    context: click.Context,
    words: tuple[str, ...],
    shell: bool,
    serve: str | None,
    at: str,
    emulator: str,
    seed: int | None,
    dry_run: bool,
) -> None:
    """Run COMMAND at one end of an emulated PATH of TARGET, and end with its exit status.

    TARGET is `guizhou` without one. Both sites resolve by name: benchkit emulate guiyang-hangzhou -- ping
    hangzhou. BENCHKIT_NEAR and BENCHKIT_FAR hold the addresses. What the emulator did is told on stderr.
    """
    from benchkit.campaign.question import Changes, narrowed  # costs numpy
    from benchkit.targets import load_target

    target_name, path_name = _asked(words)
    command = context.meta[COMMAND] or ((os.environ.get("SHELL", "/bin/sh"),) if shell else ())
    if not command and not dry_run:
        raise AskedWronglyError(
            f"nothing to run at {path_name}: give a command after --, or --shell"
        )
    try:
        target = narrowed(load_target(target_name), Changes(paths=(path_name,), seed=seed))
    except AskedWronglyError as error:
        raise _with_target_first(error, words) from error
    if dry_run:
        from benchkit.cli.dry_run import print_steps

        print_steps(target, emulator)
        return
    context.exit(_run(target, command, serve, emulator, at_far_end=at == "far"))


def _asked(words: tuple[str, ...]) -> tuple[str, str]:
    if len(words) == 1:
        return "guizhou", words[0]
    if len(words) != 2:  # noqa: PLR2004  a target and a path
        raise AskedWronglyError(
            "emulate needs a path, and may have a target before it: benchkit emulate guizhou "
            "guiyang-hangzhou -- COMMAND"
        )
    return words[0], words[1]


def _with_target_first(error: AskedWronglyError, words: tuple[str, ...]) -> AskedWronglyError:
    """The error; where no target was named, how one is."""
    if len(words) > 1:
        return error
    from benchkit.targets import shipped_targets

    if words[0].endswith(".toml") or words[0] in {path.stem for path in shipped_targets()}:
        return AskedWronglyError(
            f"{words[0]} is a target: name one of its paths behind it, as benchkit emulate {words[0]} A-B -- COMMAND"
        )
    return AskedWronglyError(
        f"{error}; a path of another target has that before it: benchkit emulate TARGET {words[0]}"
    )


def _run(
    target: Target, command: tuple[str, ...], serve: str | None, emulator: str, *, at_far_end: bool
) -> int:
    from benchkit.campaign.errand import Errand, run_errand  # costs numpy
    from benchkit.campaign.question import tolerance_ns
    from benchkit.linux.privilege import obtain_namespaces
    from benchkit.linux.uml import own_kernel

    beside = shlex.split(serve or "")
    if beside and shutil.which(beside[0]) is None:
        raise AskedWronglyError(f"--serve: no program {beside[0]!r}: install it, or give its path")
    if shutil.which(command[0]) is None:
        click.echo(f"benchkit: no program {command[0]!r}: install it, or give its path", err=True)
        return NOT_FOUND
    obtain_namespaces(sys.argv[1:])
    errand = Errand(
        path=target.paths[0],
        command=command,
        serve=beside,
        at_far_end=at_far_end,
        emulator=emulator,
        seed=target.plan.seed,
    )
    tolerance = tolerance_ns(target.plan, own_kernel())
    return run_errand(errand, lambda text: click.echo(f"benchkit: {text}", err=True), tolerance)
