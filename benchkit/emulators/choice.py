"""Which emulators there are, which of them this machine can run, and which one a run gets."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchkit.emulators.link import Emulation
from benchkit.emulators.netem import netem
from benchkit.emulators.netem import steps as netem_steps
from benchkit.emulators.none import none
from benchkit.emulators.script import Step
from benchkit.emulators.star import is_star
from benchkit.emulators.userspace import steps as userspace_steps
from benchkit.emulators.userspace import userspace
from benchkit.errors import BenchkitError, UnfitError
from benchkit.linux import command
from benchkit.linux.netns import Namespace
from benchkit.linux.packet_ring import PacketRing
from benchkit.model.place import Path

EMULATORS: dict[str, Callable[..., AbstractContextManager[Emulation]]] = {
    "netem": netem,
    "userspace": userspace,
    "none": none,
}
# What each types to build itself.
STEPS: dict[str, Callable[[Sequence[Path], int], list[Step]]] = {
    "netem": netem_steps,
    "userspace": userspace_steps,
}


# Beyond so many paths building them takes minutes.
MOST_OF_NETEM = 256


@dataclass(frozen=True)
class Choice:
    """The emulator of a run, and why this one, in words."""

    name: str
    reason: str

    def emulate(self, paths: Sequence[Path], seed: int) -> AbstractContextManager[Emulation]:
        """Emulate the paths while the context lasts."""
        return EMULATORS[self.name](paths, seed=seed)


def choose(wanted: str, paths: Sequence[Path] = ()) -> Choice:
    """Choose by name, or for "auto" netem where the kernel has it, else the userspace line; "none" for real paths.

    A large mesh gets our own line: netem would need devices of its own for each of its paths.
    Raises UnfitError when what was asked cannot run here.
    """
    if len(paths) > MOST_OF_NETEM and wanted != "none":
        if wanted == "netem":
            raise UnfitError(
                f"netem was asked for, which takes four devices a path, {MOST_OF_NETEM} paths at most, and there are "
                f"{len(paths)}: use --emulator userspace, or {_fewer(paths)}"
            )
        if is_star(paths):
            return Choice("userspace", f"one wire a site carries a mesh of {len(paths)} paths")
    release = platform.release()
    if wanted == "none":
        return Choice("none", "no path is a modelled one")
    if wanted == "userspace":
        return Choice("userspace", "asked for")
    missing = why_no_netem()
    if wanted == "netem":
        if missing:
            raise UnfitError(
                f"netem was asked for, and kernel {release} does not give it ({missing}): load it with "
                "`modprobe sch_netem`, or use --emulator userspace"
            )
        return Choice("netem", "asked for")
    if missing:
        return Choice("userspace", f"kernel {release} has no netem ({missing})")
    return Choice("netem", f"kernel {release} has it")


def _fewer(paths: Sequence[Path]) -> str:
    """How to ask for no more than netem takes."""
    if not any(path.in_mesh for path in paths):
        return "name some with --path"
    sites = math.isqrt(MOST_OF_NETEM)
    return f"--sites {sites}, {sites * (sites - 1)} paths in a full mesh"


def steps_of(name: str, paths: Sequence[Path], seed: int) -> list[Step]:
    """Every ip and tc command of an emulator for these paths, without running one."""
    return STEPS[name](paths, seed)


def why_no_netem() -> str | None:
    """Try netem in a namespace of our own: None if it works, else what the kernel said."""
    try:
        with Namespace("a trial of netem") as trial:
            words = ("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1000us")
            command.run(words, netns=trial.path)
    except BenchkitError as error:
        return str(error.args[-1]).rstrip(".")
    return None


def why_no_userspace() -> str | None:
    """Try a packet ring in a namespace of our own: None if it works, else what the kernel said."""
    try:
        with Namespace("a trial of packet rings") as trial:
            trial.inside(lambda: PacketRing("lo", largest=1500, slots=16).close())
    except (BenchkitError, OSError) as error:
        return str(error)
    return None
