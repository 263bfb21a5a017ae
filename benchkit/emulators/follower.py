"""Walks a trace of delay in time, for an emulator that cannot: each step is a change of the models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import BenchkitError
from benchkit.model.place import Direction, PathModel


class Follower:
    """A thread that applies the models of each step when its time comes, counted from its making."""

    def __init__(
        self, models: Sequence[PathModel], install: Callable[[Sequence[PathModel]], None]
    ) -> None:
        """Start at once."""
        self._models = models
        self._install = install
        self._trouble: BenchkitError | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="trace", daemon=True)
        self._began = monotonic_ns()
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the walk before its time, if anything did."""
        if self._trouble is not None:
            raise self._trouble

    def stop(self) -> None:
        """Return when nothing more will be changed."""
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        for at_ns in step_times(self._models):
            left = self._began + at_ns - monotonic_ns()
            if self._ended.wait(max(0, left) / NS_PER_S):
                return
            try:
                self._install([model_at(model, at_ns) for model in self._models])
            except BenchkitError as error:
                self._trouble = error
                return


def step_times(models: Sequence[PathModel]) -> list[int]:
    """When anything changes, in ns after the start."""
    directions = (each for model in models for each in (model.forward, model.backward))
    return sorted({at for each in directions if each.trace for at in each.trace.at_ns})


def model_at(model: PathModel, elapsed_ns: int) -> PathModel:
    """The model with the delays of that time."""

    def then(direction: Direction) -> Direction:
        trace = direction.trace
        return direction if trace is None else replace(direction, delay_ns=trace.at(elapsed_ns))

    return replace(model, forward=then(model.forward), backward=then(model.backward))
