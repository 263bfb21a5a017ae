"""What is known of a campaign so far; it stands when the campaign is interrupted."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.instrument import Gauges
from benchkit.campaign.ledger import Ledger
from benchkit.emulators.line import LineReport
from benchkit.model.record import Calibration


@dataclass
class Log:
    """Samples, readings of the machine, and everything that has to be told.

    `line` holds the reports by phase, `own_drops` how many packets this host had no room for in its own sockets.
    """

    harvest: Harvest = field(default_factory=Harvest)
    gauges: Gauges = field(default_factory=Gauges)
    calibration: list[Calibration] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    line: dict[str, LineReport] = field(default_factory=dict)
    own_drops: dict[str, int] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    interrupted: bool = False

    def miss(self, path: str, why: str) -> None:
        """Note that this path is not measured, and why."""
        self.unmeasured.append(why)
        self.notes.append(why)
        self.ledger.blame([(path, "")], why)

    @property
    def load_drops(self) -> int:
        """What the emulator itself lost while paths were loaded."""
        return sum(self.line[name].dropped for name in phases.LOADED if name in self.line)
