"""What an emulator gives: where each site is, and the addresses at the two ends of each path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchkit.emulators.line import LineReport
from benchkit.emulators.wiring import Wire
from benchkit.errors import AskedWronglyError
from benchkit.model.place import Path, PathModel


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

    def check(self) -> None:
        """Raise UnfitError if the emulation has ended by itself; cheap enough to ask ten times a second."""

    def report(self) -> LineReport | None:
        """What the emulator says of itself since it was last asked; None where it keeps no such count."""


def ends_of(wires: Sequence[Wire]) -> dict[str, Ends]:
    """The addresses of each path, by path name."""
    return {one.path: Ends(one.near, one.far) for one in wires}


def modelled(paths: Sequence[Path]) -> list[PathModel]:
    """The model of every path. Raises AskedWronglyError for a path that has none."""
    models = []
    for path in paths:
        if path.model is None:
            raise AskedWronglyError(
                f"path {path.name} is a real one and has no model to emulate: give it one in the target"
            )
        models.append(path.model)
    return models
