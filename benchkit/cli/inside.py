"""A run inside user-mode Linux: the same command, with the host's files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchkit.errors import AskedWronglyError

if TYPE_CHECKING:  # numpy, which `--help` need not pay for
    from benchkit.model.target import Target


def run_inside(targets: Sequence[Target], results: Path, repeat: int, *, live: bool) -> int:
    """Run what this process was asked, there; its exit status. Raises AskedWronglyError where it could not be kept or seen."""
    from benchkit.campaign.question import longest_s  # costs numpy
    from benchkit.linux import uml

    if live:
        raise AskedWronglyError(
            "--live cannot be reached inside user-mode Linux: start `benchkit serve` beside the run"
        )
    real = [path.name for each in targets for path in each.paths if path.model is None]
    if real:
        raise AskedWronglyError(
            f"--kernel uml: {real[0]} is a real path, and user-mode Linux has no way to any network: leave --kernel uml out"
        )
    hidden = uml.why_hidden(results)
    if hidden is not None:
        raise AskedWronglyError(
            f"--results {results}: {hidden}, so the run would be lost: name another folder"
        )
    click.echo("starting user-mode Linux", err=True)
    return uml.run_inside(
        [sys.executable, "-m", "benchkit", *sys.argv[1:]],
        environment=uml.own_environment({}),
        # In a turn each of two targets is measured twice.
        limit_s=len(targets)
        * repeat
        * sum(longest_s(each.plan, len(each.paths)) for each in targets),
    )
