"""What `--dry-run` prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

import click

from benchkit.emulators import netem, sites
from benchkit.emulators.choice import choose, steps_of
from benchkit.emulators.script import Step, typed
from benchkit.model.target import Target

TABLES = (
    "# `distribution NAME` is a table of the path's jitter: a run writes it to $TC_LIB_DIR/NAME.dist, "
    "in a folder of its own"
)


def print_steps(target: Target, emulator: str) -> None:
    """Every ip and tc command that emulating the target's paths takes, in order, as a person can type them."""
    name = choose(emulator, target.paths).name if emulator == "auto" else emulator
    steps = steps_of(name, target.paths, target.plan.seed)
    click.echo(
        f"# {name}: a run makes namespaces without names, and ends them; here each has one, of `ip netns`"
    )
    for line in (*_namespaces(steps), *_typed(steps)):
        click.echo(line)
    if name == "userspace":
        click.echo(
            "# packets between the devices of benchkit-hub: a process of the run carries them, late as the model says"
        )


def _namespaces(steps: Sequence[Step]) -> Iterator[str]:
    places = dict.fromkeys(step.where for step in steps)
    yield from (f"ip netns add {typed(where)}" for where in places)
    for where in places:
        extra = netem.ROUTER_SYSCTLS if where in netem.ROUTERS else {}
        settings = (
            shlex.quote(f"net.{key.replace('/', '.')}={value}")
            for key, value in sites.settings(extra).items()
        )
        yield f"ip netns exec {typed(where)} sysctl -qew {' '.join(settings)}"


def _typed(steps: Sequence[Step]) -> Iterator[str]:
    is_told = False
    for line in (line for step in steps for line in step.spelt()):
        if " distribution " in line and not is_told:
            is_told = True
            yield TABLES
        yield line
