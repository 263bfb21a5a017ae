"""What is known of a campaign so far; it stands when the campaign is interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.instrument import Gauges
from benchkit.campaign.ledger import Ledger
from benchkit.campaign.phases import Phase
from benchkit.emulators.line import LineReport, combined
from benchkit.model.record import Calibration


@dataclass
class Log:
    """Samples, readings of the machine, and everything that has to be told.

    `line` holds what the emulator said of each phase that was carried out, `own_drops` how many packets this host had no room for in its own sockets.
    """

    harvest: Harvest = field(default_factory=Harvest)
    gauges: Gauges = field(default_factory=Gauges)
    calibration: list[Calibration] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    line: list[tuple[Phase, LineReport]] = field(default_factory=list)
    own_drops: dict[str, int] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    interrupted: bool = False

    def miss(self, path: str, why: str) -> None:
        """Note that this path is not measured, and why."""
        self.unmeasured.append(why)
        self.notes.append(why)
        self.ledger.blame([(path, "")], why)

    def line_in(self, phase: str) -> LineReport | None:
        """What the emulator said of all phases of that name together; None where it said nothing."""
        found = [report for one, report in self.line if one.name == phase]
        return combined(found) if found else None

    @property
    def emulator_drops(self) -> dict[tuple[str, str], int]:
        """By path and phase what the emulator itself lost meanwhile: of paths that were loaded at once, of any of them."""
        return _by_path((phase, report.dropped) for phase, report in self.line)

    @property
    def overflowed(self) -> dict[tuple[str, str], int]:
        """By path and phase how many packets found the modelled buffer full, where one path alone was loaded."""
        alone = (each for each in self.line if len(each[0].paths) == 1)
        return _by_path((phase, report.overflowed) for phase, report in alone)


def _by_path(counts: Iterable[tuple[Phase, int]]) -> dict[tuple[str, str], int]:
    """What was counted in phases, by the name of the path and of the phase."""
    found: Counter[tuple[str, str]] = Counter()
    for phase, count in counts:
        found.update({(path.name, phase.name): count for path in phase.paths})
    return found
