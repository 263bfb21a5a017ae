"""Comparisons and gates for a terminal: the word first, then every cell with its interval."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from benchkit.model.comparison import Comparison, Gate
from benchkit.reports import comparison_rows as rows
from benchkit.reports.figures import cells, clean, padded
from benchkit.reports.paint import Line, painted, style_of

_STYLES = {
    "REGRESSION": "bold red",
    "IMPROVEMENT": "bold green",
    "NOT COMPARABLE": "bold yellow",
}
_GAP = "  "


def render_comparison_text(comparison: Comparison, width: int, *, color: bool = False) -> str:
    """The comparison in lines; sentences are wrapped at `width`, tables are as wide as they are."""
    word, said = rows.headline(comparison)
    lines = [*_hanging(f"{word}: ", said, width), *_body(comparison, width)]
    return "".join(f"{painted(line, color=color)}\n" for line in lines)


def render_gate_text(gate: Gate, width: int, *, color: bool = False) -> str:
    """The gate's verdict and its reasons, then the comparison, where there is one."""
    word, said = rows.gate_headline(gate)
    lines = list(_hanging(f"{word}: ", said, width))
    for reason in gate.reasons:
        lines += _hanging("  - ", clean(reason), width)
    if said := rows.second(gate):
        lines += _hanging("", said, width)
    if gate.comparison is not None:
        lines.append([])
        word, said = rows.headline(gate.comparison)
        lines += _hanging(f"{word}: ", said, width)
        lines += _body(gate.comparison, width)
    return "".join(f"{painted(line, color=color)}\n" for line in lines)


def _body(comparison: Comparison, width: int) -> Iterator[Line]:
    for side in rows.sides(comparison):
        yield from _hanging("", side, width)
    for note in comparison.notes:
        yield from _hanging("note: ", clean(note), width)
    if said := rows.remedy(comparison):
        yield from _hanging("remedy: ", said, width)
    for path, blocks in rows.blocks_of(comparison).items():
        yield []
        yield [(path, "bold")]
        for block in blocks:
            yield from _table(block)
        told = rows.told((cell for block in blocks for cell, _ in block.rows), comparison.differs)
        for name, word, reason in told:
            yield from _hanging(f"  {name}, {word}: ", reason, width)
    yield []
    yield from _hanging("", rows.LEGEND, width)


def _table(block: rows.Block) -> Iterator[Line]:
    found = [(block.title, *rows.HEADER[1:]), *(row for _, row in block.rows)]
    widths = [max(cells(row[index]) for row in found) for index in range(len(rows.HEADER))]
    yield [(_joined(found[0], widths), "dim")]
    for row in found[1:]:
        yield [(_joined(row[:-1], widths) + _GAP, ""), (row[-1], _style(row[-1]))]


def _joined(row: Sequence[str], widths: Sequence[int]) -> str:
    shown = [
        padded(text, width, right=index > 0)
        for index, (text, width) in enumerate(zip(row, widths, strict=False))
    ]
    return "  " + _GAP.join(shown)


def _hanging(label: str, text: str, width: int) -> Iterator[Line]:
    room = max(width - cells(label), 20)
    first, *rest = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
    yield [(label, _style(label.removesuffix(": "))), (first, "")]
    for line in rest:
        yield [(" " * cells(label) + line, "")]


def _style(word: str) -> str:
    if word.isupper():
        return _STYLES.get(word, style_of(word))
    return {name.lower(): style for name, style in _STYLES.items()}.get(word, "")
