"""The command line: the only place that prints to a person, and the only one that exits.

A command's module is imported when it is called: `benchkit --help` must answer at once.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

import click

from benchkit import __version__
from benchkit.cli.exit_status import INTERRUPTED, UNFIT, UNREAD
from benchkit.cli.hearing import UnreadError, speak_aside, to_nobody, told_apart
from benchkit.errors import AskedWronglyError, BenchkitError, printable
from benchkit.linux import watched

# What the loader says of a library for which there is no room, and Python of a thread.
NO_ROOM = ("failed to map segment", "annot allocate memory", "can't start new thread")
# command: (module, function, what it does)
COMMANDS = {
    "run": (
        "benchkit.cli.run",
        "run",
        "Measure a target's paths and judge them against their budgets.",
    ),
    "emulate": (
        "benchkit.cli.emulate",
        "emulate",
        "Run any command at one end of an emulated path.",
    ),
    "record": (
        "benchkit.cli.record",
        "record",
        "Measure a real path and write it as a model.",
    ),
    "plan": (
        "benchkit.cli.plan",
        "plan",
        "Compute or simulate what each path needs; --measure times it.",
    ),
    "agent": (
        "benchkit.cli.agent",
        "agent",
        "Be the far end of real paths, until interrupted.",
    ),
    "scheduler": (
        "benchkit.cli.scheduler",
        "scheduler",
        "Be where the agents and runs of a cluster meet.",
    ),
    "report": ("benchkit.cli.report", "report", "Show a run again, in any format."),
    "compare": ("benchkit.cli.compare", "compare", "Say what changed between runs, beyond chance."),
    "gate": (
        "benchkit.cli.gate",
        "gate",
        "Pass or fail a run by its budgets and a baseline.",
    ),
    "upload": (
        "benchkit.cli.upload",
        "upload",
        "Upload runs that could not be uploaded when measured.",
    ),
    "baseline": ("benchkit.cli.baseline", "baseline", "Give names to runs to gate against."),
    "history": ("benchkit.cli.history", "history", "Show a figure over all runs; ask them in SQL."),
    "serve": (
        "benchkit.cli.serve",
        "serve",
        "Show runs in a browser: list, compare, history, live.",
    ),
    "targets": ("benchkit.cli.targets", "targets", "List, show or check targets."),
    "doctor": (
        "benchkit.cli.doctor",
        "doctor",
        "Say what this machine can do; tidy up after killed runs.",
    ),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is needed."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  as click has it
    ) -> click.Context:
        """Read the words; --help is said here."""
        with told_apart():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  as click has it
        """Run the command."""
        with told_apart():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  as click has it
        """Give the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  as above
        """Import the command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; who misspelt it is told what is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=COMMANDS, ctx=ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        """Write the table without importing what it names."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, _, words) in COMMANDS.items()])


OUTPUT = frozenset(("-o", "--output"))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="benchkit %(version)s")
def cli() -> None:
    """Does a computing channel keep its promise? Measure its paths, hold them against documented budgets.

    `benchkit run` with no arguments measures the three Guiyang paths, emulated on this machine.

    Exit status: 0 pass, 1 a budget failed, 2 asked wrongly, 3 inconclusive under --gate, 4 could not
    measure, 5 this machine is unfit, 130 interrupted, 141 nobody read stdout to its end.
    """


def main() -> None:
    """Run a command and exit by the table of the design."""
    speak_aside()
    try:
        tell = watched.go_on()
    except BenchkitError as error:
        click.echo(f"benchkit: {printable(error)}", err=True)
        sys.exit(error.exit_code)
    status = _status()
    tell(status)
    sys.exit(status)


def _status() -> int:
    """Run the command; whatever is raised becomes a line and a status."""
    try:
        status = cli.main(standalone_mode=False, prog_name="benchkit")
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = error.exit_code
    except click.ClickException as error:
        click.echo(_misread(error), err=True)
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("benchkit: interrupted", err=True)
        status = INTERRUPTED
    except BenchkitError as error:
        click.echo(f"benchkit: {printable(error)}", err=True)
        status = error.exit_code
    except MemoryError as error:
        status = _out_of_memory(str(error) or "no more is to be had")
    except (BrokenPipeError, UnreadError):
        to_nobody(1)
        status = UNREAD
    except PermissionError as error:
        where = printable(error.filename or "a file")
        click.echo(
            f"benchkit: {where}: {error.strerror}: name another, or run as who may", err=True
        )
        status = AskedWronglyError.exit_code
    except Exception as error:  # noqa: BLE001  Python would end with 1, which says that a budget failed
        status = _unforeseen(error)
    return status if isinstance(status, int) else 0


def _misread(error: click.ClickException) -> str:
    """Say in one line what click could not read, and where what can be asked is told: click itself takes four."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    named = [word for word in sys.argv[1:2] if word in COMMANDS]
    command = context.command_path if context else " ".join(["benchkit", *named])
    said = printable(error.format_message()).rstrip(".")
    see = f"see `{command} --help`"
    if isinstance(error, click.NoSuchOption) and error.option_name in OUTPUT:
        see += "; to a file goes what `benchkit report latest -o FILE` tells of a run"
    return f"{command}: {said[:1].lower()}{said[1:]} ({see})"


def _out_of_memory(said: str) -> int:
    allowed = watched.limit()
    remedy = f"raise or lift the limit of {allowed}" if allowed else "free some"
    click.echo(
        f"benchkit: out of memory: {printable(said)}: {remedy}, or ask for less at once", err=True
    )
    return UNFIT


def _unsaid(error: OSError) -> int:
    """Where stdout takes no more, as on a disk that is full, what to end with."""
    to_nobody(1)  # Python would end with 120 when it flushes
    click.echo(
        f"benchkit: stdout: {error.strerror}: what was said is not whole; write it elsewhere, and a run's report again "
        "with `benchkit report`",
        err=True,
    )
    return UNFIT


def _is_of_echo(error: OSError) -> bool:
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals["__name__"]) == click.echo.__module__


def _unforeseen(error: Exception) -> int:
    if isinstance(error, OSError) and _is_of_echo(error):
        return _unsaid(error)
    if watched.limit() and any(words in str(error) for words in NO_ROOM):
        return _out_of_memory(str(error))
    traceback.print_exc()
    click.echo("benchkit: this is a defect of benchkit: report it with the lines above", err=True)
    return UNFIT
