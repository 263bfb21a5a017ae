"""How lines of a terminal report are laid out: labels, hanging text, tables, all within a width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from benchkit.reports.background import Facts
from benchkit.reports.figures import cells, padded
from benchkit.reports.paint import Line, Span

INDENT = "  "
LABEL_WIDTH = 17


def section(title: str, width: int) -> Iterator[Line]:
    """A title with a rule, after an empty line."""
    yield []
    yield [(title, "bold"), (f" {'─' * max(0, width - cells(title) - 1)}", "dim")]


def facts(pairs: Facts, width: int) -> Iterator[Line]:
    """Labels, and what is said of each."""
    for label, words in pairs:
        yield from hanging((f"{INDENT}{label:{LABEL_WIDTH}} ", "dim"), words, width)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Line]:
    """Columns as wide as they need to be, numbers at the right."""
    widths = [max(cells(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, *rows):
        entries = [
            padded(entry, width, right=i > 0)
            for i, (entry, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield [(f"{INDENT}{'  '.join(entries)}".rstrip(), "dim" if row is header else "")]


def wrapped(text: str, width: int) -> Iterator[Line]:
    """Text in as many lines as it takes."""
    for line in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
        yield [(line, "")]


def hanging(first: Span, text: str, width: int, style: str = "") -> Iterator[Line]:
    """Text after a label; its further lines stand under its first word, or under the label where that is long."""
    label, label_style = first
    hang = cells(label) if cells(label) <= width // 2 else 2 * len(INDENT)
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=" " * cells(label),
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
    yield [(label, label_style), (lines[0].lstrip(), style)]
    for line in lines[1:]:
        yield [(line, style)]
