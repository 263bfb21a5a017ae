"""The key that the agent of a site wants of bulk tests: in a file, named from the folder of the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchkit.errors import AskedWronglyError
from benchkit.linux.key_file import read_key
from benchkit.targets.problems import Complaint


def key_place(name: str | None, folder: Path) -> str:
    """Where the key of a site lies; "" where it has none."""
    return str((folder / name).resolve()) if name else ""


def key_complaints(names: Sequence[str | None], folder: Path) -> Iterator[Complaint]:
    """What is wrong with the keys of all sites, in their order."""
    for index, name in enumerate(names):
        try:
            read_key(key_place(name, folder))
        except AskedWronglyError as error:
            yield ("site", index, "stream_key"), str(error)
