"""Any number of candidates held against one base, line by line: what their tables, CSV and pages show."""

from __future__ import annotations

import csv
import io
import string
from collections.abc import Sequence
from dataclasses import dataclass

from benchkit.model.comparison import WORDS, Cell, Comparison
from benchkit.model.record import Estimate
from benchkit.reports.comparison_rows import figure_name
from benchkit.reports.figures import ABSENT, LOST, clean, decimals_for, fixed, interval, signed

CSV_HEADER = (
    *("base", "candidate", "path", "metric", "phase", "statistic", "unit"),
    *("base_value", "base_low", "base_high", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "floor", "smallest_visible"),
    *("word", "judged", "method", "missing"),
)
MARKS = {"regression": "(worse)", "improvement": "(better)", "not comparable": "(?)"}


@dataclass(frozen=True)
class Line:
    """One statistic: its cell in each comparison, None where that has none."""

    cells: tuple[Cell | None, ...]

    @property
    def first(self) -> Cell:
        """A cell that says what the line is about."""
        return next(cell for cell in self.cells if cell is not None)

    @property
    def base(self) -> Estimate | None:
        """The base's own figure."""
        return next((cell.base for cell in self.cells if cell is not None and cell.base), None)


def letters(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """A short name for each candidate: A, B …, later ones by number; the only one needs none."""
    if len(comparisons) == 1:
        return ("",)
    alphabet = string.ascii_uppercase
    return tuple(
        alphabet[place] if place < len(alphabet) else f"N{place + 1}"
        for place in range(len(comparisons))
    )


def gravest(comparisons: Sequence[Comparison]) -> str:
    """The gravest word of all."""
    words = [comparison.word for comparison in comparisons]
    return min(words, key=lambda word: WORDS.index(word) if word in WORDS else 0)


def lines_of(comparisons: Sequence[Comparison]) -> tuple[Line, ...]:
    """Every cell, those of one statistic on one line, in the order of the first comparison that has them."""
    found = [{cell.key: cell for cell in comparison.cells} for comparison in comparisons]
    keys = dict.fromkeys(key for each in found for key in each)
    return tuple(Line(tuple(each.get(key) for each in found)) for key in keys)


def render_comparisons_csv(comparisons: Sequence[Comparison]) -> str:
    """Every cell of every comparison in long form; what is absent is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for comparison in comparisons:
        for cell in comparison.cells:
            writer.writerow(_csv_row(comparison, cell))
    return text.getvalue()


def render_paper(comparisons: Sequence[Comparison]) -> str:
    """One Markdown table for a paper: judged figures with their intervals, and the differences from the base."""
    names = letters(comparisons)
    header = ["path", "figure", "base", *(_column(name) for name in names)]
    lines = [f"| {' | '.join(header)} |", "| :-- | :-- |" + " --: |" * (1 + len(names))]
    judged = (line for line in lines_of(comparisons) if line.first.gated)
    lines += [f"| {' | '.join(_paper_row(line))} |" for line in judged]
    return "\n".join([*lines, "", *_caption(comparisons, names)]) + "\n"


def value_words(estimate: Estimate | None, places: int) -> str:
    """8.55 [8.54..8.56]."""
    if estimate is None:
        return ABSENT
    ends = interval(estimate, places)
    value = fixed(estimate.value, places, LOST)
    return value if ends == ABSENT else f"{value} [{ends}]"


def difference_words(cell: Cell | None, places: int, *, marked: bool = True) -> str:
    """+0.12 [+0.10..+0.14], and what it means where it means something and is to be marked."""
    if cell is None:
        return ABSENT
    if cell.missing:
        return f"missing in the {cell.missing}"
    difference = cell.difference
    if difference is None or difference.value is None:
        return cell.word
    ends = [
        ABSENT if end is None else signed(end, places) for end in (difference.low, difference.high)
    ]
    said = f"{signed(difference.value, places)} [{'..'.join(ends)}]"
    mark = MARKS.get(cell.word) if marked else None
    return f"{said} {mark}" if mark else said


def places_of(line: Line) -> int:
    """How many decimals the figures of a line need."""
    if line.first.statistic == "loss":
        return 3
    found = [line.base, *(cell.candidate for cell in line.cells if cell is not None)]
    return decimals_for(each.value for each in found if each is not None)


def _column(name: str) -> str:
    return f"{name}: difference" if name else "difference"


def _paper_row(line: Line) -> list[str]:
    cell, places = line.first, places_of(line)
    figure = figure_name(cell)
    row = [clean(cell.path), figure, value_words(line.base, places)]
    row += [difference_words(each, places) for each in line.cells]
    return [entry.replace("|", "\\|").replace("<", "&lt;") for entry in row]


def _caption(comparisons: Sequence[Comparison], names: Sequence[str]) -> list[str]:
    base = ", ".join(map(clean, comparisons[0].base))
    runs = "; ".join(
        f"{name + ': ' if name else 'candidate '}{', '.join(map(clean, each.candidate))}"
        for name, each in zip(names, comparisons, strict=True)
    )
    said = [f"*Base {base}; {runs}. Differences are candidate less base, with 95 % intervals."]
    marks = ", ".join(f"{mark}: {word}" for word, mark in MARKS.items())
    said.append(f"{marks}; without a mark no difference was seen.*")
    differs = [f"*Not comparable: {clean(line)}.*" for each in comparisons for line in each.differs]
    return [" ".join(said), *dict.fromkeys(differs)]


def _csv_row(comparison: Comparison, cell: Cell) -> list[object]:
    return [
        " ".join(comparison.base),
        " ".join(comparison.candidate),
        *(cell.path, cell.metric, cell.phase, cell.statistic, cell.unit),
        *_ends(cell.base),
        *_ends(cell.candidate),
        *_ends(cell.difference),
        *(_number(cell.floor), _number(cell.smallest_visible)),
        *(cell.word, "yes" if cell.gated else "no", cell.method or "", cell.missing or ""),
    ]


def _ends(estimate: Estimate | None) -> list[object]:
    found = estimate or Estimate()
    return [_number(each) for each in (found.value, found.low, found.high)]


def _number(value: float | None) -> object:
    return "" if value is None else f"{value:.6g}"
