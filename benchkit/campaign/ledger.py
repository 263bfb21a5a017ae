"""What was to be measured of each path in each phase, and how much of it was: what is not whole never passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.phases import BULK, SINGLE, Phase
from benchkit.clock import NS_PER_S

# A path and the name of a phase; "" is all of them.
Cell = tuple[str, str]
# Phases with a row for each packet or request that was due: whether one is whole is seen by counting.
COUNTED = {name: "packets" if as_packets else "requests" for name, _, as_packets in SINGLE.values()}
# What the rows of latencies are called.
KINDS = ("rtt", "http")
INTERRUPTED, ENDED_EARLY = "the run was interrupted", "the run ended early"


@dataclass
class _Account:
    """Of one cell: how many packets and nanoseconds of how many rounds are due, and how many rounds are over."""

    packets: int = 0
    lasts_ns: int = 0
    rounds: int = 0
    over: int = 0


class Ledger:
    """The accounts of one campaign. A phase that is measured in several rounds is one cell."""

    def __init__(self) -> None:
        """Nothing is planned yet."""
        self._accounts: dict[Cell, _Account] = {}
        self._troubles: dict[Cell, str] = {}
        self.without_far_end: dict[Cell, str] = {}

    def plan(self, cells: Iterable[Cell], packets: int, lasts_ns: int) -> None:
        """So much more is due of each of them."""
        for cell in cells:
            account = self._accounts.setdefault(cell, _Account())
            account.packets += packets
            account.lasts_ns += lasts_ns
            account.rounds += 1

    def plan_phase(self, phase: Phase) -> None:
        """So much more is due of each path of it."""
        self.plan(_cells(phase), phase.packets, phase.duration_ns)

    def close(self, cells: Iterable[Cell]) -> None:
        """A round of theirs has run to its end, and what was measured in it has been looked at."""
        for cell in cells:
            self._accounts[cell].over += 1

    def close_phase(self, phase: Phase) -> None:
        """The same of each path of it."""
        self.close(_cells(phase))

    def blame(self, cells: Iterable[Cell], why: str) -> None:
        """Something went wrong there; the first of several is kept."""
        for cell in cells:
            self._troubles.setdefault(cell, why)

    def lose_far_end(self, cells: Iterable[Cell], why: str) -> None:
        """Nobody was there to answer for some of the time: what was lost there tells nothing of the path."""
        for cell in cells:
            self.without_far_end.setdefault(cell, why)

    def missing(self, harvest: Harvest, *, interrupted: bool) -> Mapping[Cell, str]:
        """Why each cell that is not whole is not, with how much of how much there is."""
        found = {cell: why for cell, why in self._troubles.items() if cell not in self._accounts}
        cut = INTERRUPTED if interrupted else ENDED_EARLY
        for cell, account in self._accounts.items():
            why = self._of_one(cell, account, harvest, cut)
            if why is not None:
                found[cell] = why
        return found

    def _of_one(self, cell: Cell, account: _Account, harvest: Harvest, cut: str) -> str | None:
        trouble = self._troubles.get(cell)
        is_over = account.over == account.rounds
        counted = COUNTED.get(cell[1])
        if counted is not None:
            rows = sum(harvest.count(kind, *cell) for kind in KINDS)
            if rows >= account.packets:
                return None if is_over else f"{cut} before this was looked at"
            so_far = f"{rows} of {account.packets} {counted}" if rows else ""
        else:
            if is_over and trouble is None:
                return None
            so_far = _seconds(cell, account, harvest)
        if so_far:
            return f"{so_far}; {trouble or ('the rest was never told' if is_over else cut)}"
        if trouble or is_over:
            return trouble or "nothing was told of it"
        return f"{cut} before this was measured"


def _cells(phase: Phase) -> list[Cell]:
    return [(path.name, phase.name) for path in phase.paths]


def _seconds(cell: Cell, account: _Account, harvest: Harvest) -> str:
    """How long a bulk stream was seen, of the time that it was to take; "" where nothing was told of it."""
    path, phase = cell
    for name in BULK.get(phase, ()):
        rows = harvest.samples("goodput", path, name)
        if rows is not None and len(rows):
            seen = int(rows.columns["end_ns"][-1]) - int(rows.columns["start_ns"][0])
            return f"{seen / NS_PER_S:.1f} of {account.lasts_ns / NS_PER_S:g} s"
    return ""
