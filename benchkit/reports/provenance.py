"""Where a run's figures come from: a real network, a modelled one, or meters. The same words in every format for people."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.model.meter import FACILITY
from benchkit.model.record import PathRecord, RunRecord
from benchkit.reports.figures import clean
from benchkit.reports.scaled import label
from benchkit.units import show_count

NO_EMULATOR = "none"


def is_of_meters(record: RunRecord) -> bool:
    """Whether nothing but energy counters was read: then there are no sites, and no packets."""
    return bool(record.paths) and all(path.near == FACILITY for path in record.paths)


def counted(paths: Sequence[PathRecord]) -> str:
    """How many paths and meters there are, each called what it is."""
    meters = len([path for path in paths if path.near == FACILITY])
    if meters == len(paths) and meters:
        return show_count(meters, "meter")
    return f"{len(paths)} paths and meters" if meters else show_count(len(paths), "path")


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
