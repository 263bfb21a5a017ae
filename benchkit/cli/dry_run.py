"""What `--dry-run` prints."""

from __future__ import annotations

import click

from benchkit.emulators.choice import choose, steps_of
from benchkit.model.target import Target


def print_steps(target: Target, emulator: str) -> None:
    """Every ip and tc command that emulating the target's paths takes, in order, each with its namespace."""
    name = choose(emulator, target.paths).name if emulator == "auto" else emulator
    click.echo(f"# {name}: each line is typed inside the network namespace in brackets")
    for step in steps_of(name, target.paths, target.plan.seed):
        for line in step.spelt():
            click.echo(line)
