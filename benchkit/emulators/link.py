"""What an emulator gives: where each site is, and the addresses at the two ends of each path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchkit.emulators.line import LineReport
from benchkit.model.place import PathModel


@dataclass(frozen=True)
class Ends:
    """The addresses of one path's near and far end."""

    near: str
    far: str


class Emulation(Protocol):
    """A running emulation."""

    @property
    def namespaces(self) -> Mapping[str, str]:
        """The path of each site's network namespace, by site name."""

    @property
    def ends(self) -> Mapping[str, Ends]:
        """The addresses of each path, by path name."""

    def apply(self, models: Sequence[PathModel]) -> None:
        """Take new models, in the order of the paths."""

    def report(self) -> LineReport | None:
        """What the emulator says of itself since it was last asked; None where it keeps no such count."""
