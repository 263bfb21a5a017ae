"""Two counters of energy whose ratio was promised: of a whole facility, and of its IT equipment."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.model.place import Budget

# What is kept of a reading: the counters in millionths of their unit, NULL where it could not be read.
# `at_ns` is of a clock that does not step, or of a recording: since 1970, and NULL where it has no times.
ENERGY_COLUMNS = ("at_ns", "total_micro", "equipment_micro")
# The column of a recording that says when each row was read.
TIME = "time"
MICRO = 1_000_000
# What a report names where a path has its two ends.
FACILITY, EQUIPMENT = "total facility energy", "IT equipment energy"


@dataclass(frozen=True, slots=True)
class Meter:
    """Where the counters are read, and what was promised about their ratio.

    `address` is a Prometheus endpoint ("http://host:9400/metrics"), or a CSV file with a header: one recording, read
    as a whole. `total` and `equipment` are series of the one, like `energy_joules_total{part="facility"}` (several that
    match are summed), or columns of the other, whose column `time`, if it has one, says when each row was read, in
    seconds or in ISO 8601. Both counters must be in one unit.
    """

    name: str
    address: str
    total: str
    equipment: str
    interval_ns: int
    budgets: tuple[Budget, ...] = ()

    @property
    def is_recording(self) -> bool:
        """Whether it is a file rather than an endpoint."""
        return not self.address.startswith(("http://", "https://"))
