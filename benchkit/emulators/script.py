"""What has to be typed to build an emulation, as data: one run of a program for each namespace and step.

The same steps are run, or printed for a person (`--dry-run`). A namespace has no name in the kernel, so lines
speak of it as @NAME, which becomes a path when they are run. NAME is a site's, or one of ours with a slash.
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
        """The lines as a person would type them inside that namespace."""
        return [f"[{self.where.lstrip('/')}] {self.program} {line}" for line in self.lines]


def run(steps: Iterable[Step], places: Mapping[str, Namespace]) -> None:
    """Run each step in its namespace. Raises CommandError."""
    for step in steps:
        lines = (_REFERENCE.sub(lambda found: places[found[1]].path, line) for line in step.lines)
        command.run(
            (step.program, "-batch", "-"),
            feed="\n".join(lines) + "\n",
            netns=places[step.where].path,
        )
