"""A manual page for every command, from what `--help` says: `python .ci/man_pages.py FOLDER`, and a part of each wheel."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click_man.core import generate_man_page
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[1]
# What a manual page is full of without a break of lines: click marks it, and troff knows no such mark.
UNWRAPPED = re.compile(r"^\x08\n", re.MULTILINE)


def pages() -> dict[str, str]:
    """The text of each page by its file's name."""
    sys.path.insert(0, str(ROOT))
    from benchkit import __version__  # noqa: PLC0415  of this checkout, installed or not
    from benchkit.cli import COMMANDS, cli  # noqa: PLC0415

    for name, (_, _, words) in COMMANDS.items():
        _part(cli, name).short_help = words
    return dict(_pages(cli, "benchkit", __version__, None))


def _pages(
    command: click.Command, name: str, version: str, parent: click.Context | None
) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name, parent=parent)
    command.help = UNWRAPPED.sub("", command.help or "")
    if isinstance(command, click.Group):  # the generator looks at what a group was given alone
        command.commands |= {each: _part(command, each) for each in command.list_commands(context)}
    yield (
        f"{context.command_path.replace(' ', '-')}.1",
        generate_man_page(context, version=version, date=""),
    )
    if isinstance(command, click.Group):
        for each, part in command.commands.items():
            yield from _pages(part, each, version, context)


def _part(group: click.Group, name: str) -> click.Command:
    part = group.get_command(click.Context(group), name)
    if part is None:
        raise LookupError(f"{name} is in the table of commands and cannot be imported")
    return part


def write(folder: Path) -> list[Path]:
    """Write them all there."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


class ManPages(BuildHookInterface[Any]):
    """What puts them into a wheel, below share/man/man1."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the pages beside the build, unless it is an editable one."""
        if version == "editable":
            return
        # It lives as long as this hook, which the wheel is written in the life of.
        self._folder = tempfile.TemporaryDirectory(prefix="benchkit-man-")
        folder = Path(self._folder.name)
        build_data["shared_data"] |= {
            str(page): f"share/man/man1/{page.name}" for page in write(folder)
        }


if __name__ == "__main__":
    for page in write(Path(sys.argv[1])):
        print(page)  # noqa: T201  the answer
