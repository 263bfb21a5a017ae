"""Where a run's figures come from: a real network, a modelled one, or meters. The same words in every format for people."""

from __future__ import annotations

from benchkit.model.meter import FACILITY
from benchkit.model.record import RunRecord
from benchkit.reports.figures import clean
from benchkit.reports.scaled import label

NO_EMULATOR = "none"


def is_of_meters(record: RunRecord) -> bool:
    """Whether nothing but energy counters was read: then there are no sites, and no packets."""
    return bool(record.paths) and all(path.near == FACILITY for path in record.paths)


def in_a_word(record: RunRecord) -> str:
    """The same in a word or two, for a badge."""
    if is_of_meters(record):
        return "counters"
    return "real sites" if record.emulator == NO_EMULATOR else "modelled"


def provenance(record: RunRecord) -> str:
    """Whether these are figures of a real network."""
    if record.emulator == NO_EMULATOR:
        if is_of_meters(record):
            return "Read from energy counters; they are as good as the meters behind them."
        return "Measured between real sites, nothing emulated."
    if label(record):
        return (
            f"{label(record).capitalize()}, emulated by {clean(record.emulator)} on one machine: modelled paths at a "
            "part of their rate, not the operator's."
        )
    kernel = "" if record.kernel == "host" else f", kernel {clean(record.kernel)}"
    return (
        f"Emulated by {clean(record.emulator)} on one machine{kernel}:"
        " modelled paths, not the operator's."
    )
