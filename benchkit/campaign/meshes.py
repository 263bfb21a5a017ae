"""What a mesh asks of a campaign: which wires stand for all, and which throughput tests may run at once."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.emulators.wiring import super_packet_octets
from benchkit.model.place import Path
from benchkit.planning.rounds import rounds

MOST_AT_ONCE = 64
# So many frames a second pass the switch of a mesh on one core, with some to spare.
FRAMES_PER_S = 15_000
# Of each two frames there is about one acknowledgement on the way back.
ACKNOWLEDGED = 1.5


def sampled(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The paths whose wires are tried one by one: all that are listed, and of a mesh's like wires the shortest, middle and longest.

    Rate, buffer and MTU are arithmetic that all lanes of one switch share: like wires differ in their delay alone, which
    is calibrated on every one of them. What the arithmetic could get wrong is what depends on the delay, so the three are
    those where that would show. To try each by itself would take most of an hour for a thousand pairs.
    """
    like: dict[tuple[int | None, ...], list[Path]] = {}
    for path in paths:
        if path.in_mesh and path.model is not None:
            wire = (path.model.rate_bps, path.model.buffer_octets, path.model.mtu)
            like.setdefault(wire, []).append(path)
    left_out = set[str]()
    for alike in like.values():
        by_delay = sorted(alike, key=_rtt_ns)
        chosen = {by_delay[place].name for place in (0, len(by_delay) // 2, -1)}
        left_out |= {path.name for path in by_delay} - chosen
    return tuple(path for path in paths if path.name not in left_out)


def apart(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    """The paths, in as few parts as it takes for no site of a mesh, which has one address, to be the same end twice."""
    parts: list[list[Path]] = []
    for path in paths:
        free = (part for part in parts if not any(_meet(path, each) for each in part))
        part = next(free, None)
        if part is None:
            parts.append(part := [])
        part.append(path)
    return [tuple(part) for part in parts]


def _meet(one: Path, other: Path) -> bool:
    return one.in_mesh and other.in_mesh and (one.near == other.near or one.far == other.far)


def side_by_side(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    """The paths, in as many parts as it takes to have no more processes at once than a machine can start and pace."""
    if not any(_is_modelled(path) for path in paths):
        return [tuple(paths)]
    return [tuple(paths[at : at + MOST_AT_ONCE]) for at in range(0, len(paths), MOST_AT_ONCE)]


def bulk_groups(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Which paths are loaded at once: listed ones alone, those of a mesh in rounds that share no site.

    Of the two paths between two sites the first is loaded, in both directions. Modelled ones share this machine: no
    more of them at once than it carries.
    """
    groups: list[tuple[Path, ...]] = [(path,) for path in paths if not path.in_mesh]
    of = _loaded(paths)
    for one in rounds([(path.near, path.far) for path in of.values()]):
        groups += _carried([of[frozenset(pair)] for pair in one])
    return groups


def stand_ins(paths: Sequence[Path]) -> dict[str, Path]:
    """By the name of each path of a mesh that is not loaded itself, the way back of it that is, in both directions."""
    of = _loaded(paths)
    loaded = {path.name: of[frozenset((path.near, path.far))] for path in paths if path.in_mesh}
    return {name: path for name, path in loaded.items() if path.name != name}


def _loaded(paths: Sequence[Path]) -> dict[frozenset[str], Path]:
    """The first path between each two sites of a mesh."""
    of: dict[frozenset[str], Path] = {}
    for path in paths:
        if path.in_mesh:
            of.setdefault(frozenset((path.near, path.far)), path)
    return of


def _carried(together: Sequence[Path]) -> list[tuple[Path, ...]]:
    """A round, in as many parts as this machine takes; real paths load other machines."""
    parts: list[list[Path]] = [[]]
    offered = 0.0
    for path in together:
        frames = frames_per_s(path)
        if parts[-1] and offered + frames > FRAMES_PER_S:
            parts.append([])
            offered = 0.0
        parts[-1].append(path)
        offered += frames
    return [tuple(part) for part in parts]


def frames_per_s(path: Path) -> float:
    """What a full path makes an emulator carry; nothing where it is real."""
    if path.model is None:
        return 0.0
    if path.model.rate_bps is None:
        return float("inf")
    octets = super_packet_octets(path.model, splits=True)
    return ACKNOWLEDGED * path.model.rate_bps / (8 * octets)


def _is_modelled(path: Path) -> bool:
    return path.in_mesh and path.model is not None


def _rtt_ns(path: Path) -> int:
    return path.model.rtt_ns if path.model else 0
