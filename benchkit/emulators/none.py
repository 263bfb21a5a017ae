"""No emulator: every path is a real one, and packets go where they go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchkit.emulators.link import Ends
from benchkit.model.place import Path, PathModel


class NoEmulation:
    """Nothing in between."""

    def __init__(self) -> None:
        """Have no namespaces and no ends."""
        self.namespaces: Mapping[str, str] = {}
        self.ends: Mapping[str, Ends] = {}

    def apply(self, models: Sequence[PathModel]) -> None:
        """Have nothing to change."""

    def check(self) -> None:
        """Have nothing that ends."""

    def report(self) -> None:
        """Have nothing to say."""


@contextmanager
def none(paths: Sequence[Path], *, seed: int) -> Iterator[NoEmulation]:  # noqa: ARG001  an emulator's signature
    """Emulate no path."""
    yield NoEmulation()
