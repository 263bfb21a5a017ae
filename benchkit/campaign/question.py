"""What a campaign is asked: a target narrowed and changed by the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchkit.errors import AskedWronglyError
from benchkit.model.target import Target


@dataclass(frozen=True)
class Question:
    """A target as it will be measured, by which emulator, under which name; `command` repeats it."""

    target: Target
    emulator: str = "auto"
    name: str | None = None
    command: str = ""


@dataclass(frozen=True)
class Changes:
    """What the command line says about a target; None and () leave it as it is."""

    paths: Sequence[str] = ()
    probes: Sequence[str] = ()
    duration_ns: int | None = None
    rate_per_s: float | None = None
    seed: int | None = None


def narrowed(target: Target, changes: Changes) -> Target:
    """The target with only the paths asked for and its plan changed. Raises AskedWronglyError."""
    plan = target.plan
    plan = replace(
        plan,
        duration_ns=changes.duration_ns or plan.duration_ns,
        rate_per_s=changes.rate_per_s or plan.rate_per_s,
        seed=plan.seed if changes.seed is None else changes.seed,
        probes=tuple(changes.probes) or plan.probes,
    )
    known = {path.name: path for path in target.paths}
    for name in changes.paths:
        if name not in known:
            raise AskedWronglyError(
                f"--path {name}: target {target.name} has no such path; it has {', '.join(known)}"
            )
    wanted = set(changes.paths or known)
    kept = tuple(path for path in target.paths if path.name in wanted)
    return replace(target, plan=plan, paths=kept)
