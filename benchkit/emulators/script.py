"""What has to be typed to build an emulation, as data: one run of a program for each namespace and step.

The same steps are run, or printed for a person (`--dry-run`). A namespace of ours has no name, so lines speak of
it as @NAME, which becomes a path when they are run, and a name of `ip netns` when they are printed. NAME is a
site's, or one of ours with a slash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchkit.linux import command
from benchkit.linux.netns import Namespace

_REFERENCE = re.compile(r"@(/?[a-z0-9-]+)")


@dataclass(frozen=True)
class Step:
    """Lines for one `ip -batch` or `tc -batch` inside the namespace `where`."""

    where: str
    program: str
    lines: tuple[str, ...]

    def spelt(self) -> list[str]:
        """The lines as a person would type them, anywhere, once `ip netns add` has made the namespaces."""
        lines = (_REFERENCE.sub(lambda found: typed(found[1]), line) for line in self.lines)
        return [f"{self.program} -n {typed(self.where)} {line}" for line in lines]


def typed(where: str) -> str:
    """What a person calls a namespace: a site by its name, one of ours with `benchkit-`."""
    return where.replace("/", "benchkit-")


def run(steps: Iterable[Step], places: Mapping[str, Namespace]) -> None:
    """Run each step in its namespace. Raises CommandError."""
    for step in steps:
        lines = (_REFERENCE.sub(lambda found: places[found[1]].path, line) for line in step.lines)
        command.run(
            (step.program, "-batch", "-"),
            feed="\n".join(lines) + "\n",
            netns=places[step.where].path,
        )
