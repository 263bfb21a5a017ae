"""What is known of a campaign so far; it stands when the campaign is interrupted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.instrument import Gauges
from benchkit.emulators.line import LineReport
from benchkit.model.record import Calibration


@dataclass
class Log:
    """Samples, readings of the machine, and everything that has to be told.

    `line` holds the reports by phase; `missing` says why a cell, (path, phase), was not or not wholly measured, where
    phase "" is all of them.
    """

    harvest: Harvest = field(default_factory=Harvest)
    gauges: Gauges = field(default_factory=Gauges)
    calibration: list[Calibration] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    line: dict[str, LineReport] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)
    interrupted: bool = False

    def miss(self, paths: Iterable[str], why: str, phase: str = "") -> None:
        """Note that these paths are not measured, and why."""
        self.unmeasured.append(why)
        self.notes.append(why)
        self.missing |= {(path, phase): why for path in paths}

    @property
    def load_drops(self) -> int:
        """What the emulator itself lost while paths were loaded."""
        return sum(self.line[name].dropped for name in phases.LOADED if name in self.line)
