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
    """The paths whose wires are tried one by one: all that are listed, and of a mesh the shortest, middle and longest.

    The others of a mesh differ from these in their delay alone, which is calibrated on every one.
    """
    mesh = sorted((path for path in paths if _is_modelled(path)), key=_rtt_ns)
    if len(mesh) <= 3:  # noqa: PLR2004  those three
        return tuple(paths)
    chosen = {mesh[place].name for place in (0, len(mesh) // 2, -1)}
    return tuple(path for path in paths if not _is_modelled(path) or path.name in chosen)


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
    of: dict[frozenset[str], Path] = {}
    for path in paths:
        if path.in_mesh:
            of.setdefault(frozenset((path.near, path.far)), path)
    for one in rounds([(path.near, path.far) for path in of.values()]):
        groups += _carried([of[frozenset(pair)] for pair in one])
    return groups


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
