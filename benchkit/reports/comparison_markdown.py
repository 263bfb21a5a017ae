"""Comparisons and gates for a pull request: the figures of the text report, laid out as tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from benchkit.model.comparison import Comparison, Gate
from benchkit.reports import comparison_rows as rows
from benchkit.reports.figures import clean
from benchkit.reports.markup import escaped


def render_comparison_markdown(comparison: Comparison) -> str:
    """The comparison as GitHub's Markdown; no name in it can break a table or become markup."""
    word, said = rows.headline(comparison)
    return _text([f"## {escaped(word)}: {escaped(said)}", "", *_body(comparison)])


def render_gate_markdown(gate: Gate) -> str:
    """The gate's verdict and its reasons, then the comparison, where there is one."""
    word, said = rows.gate_headline(gate)
    lines = [f"## {escaped(word)}: {escaped(said)}", ""]
    lines += [*(f"- {escaped(clean(reason))}" for reason in gate.reasons), ""]
    if said := rows.second(gate):
        lines += [escaped(said), ""]
    if gate.comparison is not None:
        word, said = rows.headline(gate.comparison)
        lines += [f"**{escaped(word)}**: {escaped(said)}", "", *_body(gate.comparison)]
    return _text(lines)


def _body(comparison: Comparison) -> Iterator[str]:
    yield from (f"- {escaped(side)}" for side in rows.sides(comparison))
    yield from (f"- note: {escaped(clean(note))}" for note in comparison.notes)
    if said := rows.remedy(comparison):
        yield f"- remedy: {escaped(said)}"
    for path, blocks in rows.blocks_of(comparison).items():
        yield from ("", f"### {escaped(path)}", "")
        for block in blocks:
            yield _line((block.title, *rows.HEADER[1:]))
            yield "| :-- |" + " --: |" * (len(rows.HEADER) - 2) + " :-- |"
            yield from (_line(row) for _, row in block.rows)
            yield ""
        told = rows.told((cell for block in blocks for cell, _ in block.rows), comparison.differs)
        yield from (
            f"- **{escaped(name)}, {escaped(word)}** {escaped(reason)}"
            for name, word, reason in told
        )


def _text(lines: Sequence[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _line(row: Sequence[str]) -> str:
    return f"| {' | '.join(escaped(clean(entry)) for entry in row)} |"
