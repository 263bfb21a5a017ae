"""A computed number with its unit and its source, and the sections that a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass

Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `unit` is s, bit, octets, bit/s, segments, streams, km, share, times or none; `source` a key of SOURCES."""

    key: str
    label: str
    value: float
    unit: str
    source: str
    note: str = ""


# The key and label of a column of what was timed.
MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands over a column of a table; its cells are numbers in the unit, words where it has none, None where there is nothing."""

    key: str
    label: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that are read side by side. `sources` are keys of SOURCES."""

    key: str
    columns: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sources: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Figures, then a table, under one title. `status` says how its figures were found: computed or simulated."""

    key: str
    title: str
    figures: tuple[Figure, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()
    status: str = "computed"


@dataclass(frozen=True, slots=True)
class PathPlan:
    """All that was computed for one path. `assumptions` say in words what it was computed from."""

    path: str
    assumptions: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The keys of all sources that are cited, each once, in order."""
        cited: dict[str, None] = {}
        for section in self.sections:
            cited |= dict.fromkeys(figure.source for figure in section.figures)
            if section.table:
                cited |= dict.fromkeys(section.table.sources)
        return tuple(cited)
