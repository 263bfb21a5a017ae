"""Matrices for a terminal: numbers where they fit, else one sign for each path, so that 47 sites fit in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchkit.reports.figures import cells, decimals_for, fixed, padded
from benchkit.reports.layout import INDENT, hanging
from benchkit.reports.mesh import Cell, Matrix
from benchkit.reports.paint import Line, style_of

NUMBER_WIDTH, NAME_WIDTH = 7, 14
STEPS = (1, 2, 5)
LOST, ABSENT, ITSELF = "!", " ", "\N{MIDDLE DOT}"
MARKS = {"fail": "\N{MULTIPLICATION SIGN}"}
# A few outliers would leave all others the digit 0.
SCALED_TO = 0.98


def matrix_lines(matrix: Matrix, width: int) -> Iterator[Line]:
    """A title, and the matrix in as few columns as it takes."""
    yield []
    yield [(f"{INDENT}{matrix.words}, {matrix.unit}, from the row's site to the column's", "bold")]
    widest = max(cells(name) for name in matrix.sites)
    column = (width - len(INDENT) - widest - 2) // len(matrix.sites)
    if column >= max(NUMBER_WIDTH, widest + 2):
        yield from _numbers(matrix, matrix.sites, matrix.sites, max(NUMBER_WIDTH, widest + 2))
    elif len(INDENT) + widest + 5 + NUMBER_WIDTH * len(matrix.sites) <= width:
        heads = [str(place) for place, _ in enumerate(matrix.sites, start=1)]
        rows = [f"{head:>2} {name}" for head, name in zip(heads, matrix.sites, strict=True)]
        yield from _numbers(matrix, heads, rows, NUMBER_WIDTH)
    else:
        yield from _signs(matrix, width)
        return
    if blank := _blank(matrix):
        yield from hanging((INDENT, ""), blank, width, "dim")


def _blank(matrix: Matrix) -> str:
    """What a blank cell says, and how many there are; nothing where there is none."""
    ways = ((near, far) for near in matrix.sites for far in matrix.sites if near != far)
    count = sum(way not in matrix.cells for way in ways)
    return f"a blank has no figure, {count} of them" if count else ""


def _numbers(
    matrix: Matrix, heads: Sequence[str], rows: Sequence[str], column: int
) -> Iterator[Line]:
    """Under the heads a row for each site, columns so wide; where no name has room both are numbered."""
    places = decimals_for(cell.value for cell in matrix.cells.values())
    names = max(map(cells, rows))
    head = "".join(padded(name, column, right=True) for name in heads)
    yield [(f"{INDENT}{' ' * names}  {head}", "dim")]
    for near, name in zip(matrix.sites, rows, strict=True):
        line: Line = [(f"{INDENT}{padded(name, names)}  ", "bold")]
        for far in matrix.sites:
            cell = matrix.cells.get((near, far))
            text = _number(cell, places) if near != far else ITSELF
            line.append((padded(text, column, right=True), _style(cell)))
        yield line


def _number(cell: Cell | None, places: int) -> str:
    return "" if cell is None else fixed(cell.value, places, "lost")


def _signs(matrix: Matrix, width: int) -> Iterator[Line]:
    values = sorted(cell.value for cell in matrix.cells.values() if cell.value is not None)
    step = _step(values[int(SCALED_TO * (len(values) - 1))] if values else 1.0)
    name_width = min(NAME_WIDTH, max(cells(name) for name in matrix.sites))
    room = max(10, width - len(INDENT) - name_width - 5)
    for first in range(0, len(matrix.sites), room):
        yield from _block(matrix, first, min(first + room, len(matrix.sites)), (step, name_width))
    said = f"a digit counts {step:g} {matrix.unit}: 3 is from {3 * step:g} to {4 * step:g} {matrix.unit}, 9 is 9 or more"
    marks = [cell.verdict for cell in matrix.cells.values()]
    if "fail" in marks:
        said += f"; {MARKS['fail']} is beyond its budget"
    if undecided := marks.count("inconclusive"):
        said += f"; {undecided} are not decided"
    if any(cell.value is None for cell in matrix.cells.values()):
        said += f"; {LOST} was lost"
    if blank := _blank(matrix):
        said += f"; {blank}"
    yield from hanging((INDENT, ""), said, width, "dim")


def _block(matrix: Matrix, first: int, last: int, shape: tuple[float, int]) -> Iterator[Line]:
    """Some columns of it, numbered as the rows are."""
    step, name_width = shape
    numbers = [f"{number + 1:2}" for number in range(first, last)]
    for digit in (0, 1):
        head = "".join(number[digit] for number in numbers)
        yield [(f"{INDENT}{' ' * (name_width + 3)} {head}", "dim")]
    for place, near in enumerate(matrix.sites, start=1):
        line: Line = [(f"{INDENT}{place:2} {padded(near[:name_width], name_width)} ", "")]
        for far in matrix.sites[first:last]:
            cell = matrix.cells.get((near, far))
            line.append((ITSELF if near == far else _sign(cell, step), _style(cell)))
        yield line


def _step(largest: float) -> float:
    """The least of 1, 2, 5 times a power of ten of which nine are not exceeded."""
    scale = 1e-6
    while True:
        for factor in STEPS:
            if 10 * factor * scale > largest:
                return factor * scale
        scale *= 10


def _sign(cell: Cell | None, step: float) -> str:
    if cell is None:
        return ABSENT
    if cell.value is None:
        return LOST
    return MARKS.get(cell.verdict) or str(min(9, int(cell.value / step)))


def _style(cell: Cell | None) -> str:
    return style_of(cell.verdict) if cell is not None and cell.verdict in MARKS else ""
