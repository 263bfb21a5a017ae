"""Plans as text, Markdown and JSON. Everything says that it was computed, or simulated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap
from typing import Any

from benchkit.planning.chart import loss_chart
from benchkit.planning.figure import MEASURED, PathPlan, Section, Table
from benchkit.planning.scale import shown
from benchkit.planning.sources import SOURCES

ON_PAPER = "what each path needs on paper"
LABEL = 46


def _status(plans: Sequence[PathPlan]) -> str:
    """How the figures were found; those that were simulated or measured say so where they stand."""
    sections = [section for plan in plans for section in plan.sections]
    simulated = any(section.status != "computed" for section in sections)
    measured = any(
        heading.key == MEASURED
        for section in sections
        if section.table
        for heading in section.table.columns
    )
    ways = [way for way, is_one in (("simulated", simulated), (MEASURED, measured)) if is_one]
    said = f"computed, and {' or '.join(ways)} where it says so" if ways else "computed"
    return f"{said}{'' if measured else ', not measured'}: {ON_PAPER}"


def render_text(title: str, plans: Sequence[PathPlan], width: int = 80) -> str:
    """For a terminal, with a chart of what loss leaves."""
    return "\n".join(_text(title, plans, width)) + "\n"


def _text(title: str, plans: Sequence[PathPlan], width: int) -> Iterator[str]:
    yield from (title, _status(plans))
    for plan in plans:
        yield from ("", f"{plan.path} {'─' * max(1, width - len(plan.path) - 1)}")
        for words in plan.assumptions:
            yield from wrap(words, width, initial_indent="  ", subsequent_indent="    ")
        for section in plan.sections:
            yield from ("", f"  {section.title}")
            yield from _text_figures(section, width)
            yield from _text_table(section.table)
            yield from _notes(section, width)
        yield from _text_chart(plan, width)
    yield from ("", "Sources")
    for key in _cited(plans):
        yield from wrap(
            f"[{key}] {SOURCES[key]}", width, initial_indent="  ", subsequent_indent="      "
        )


def _text_figures(section: Section, width: int) -> Iterator[str]:
    for figure in section.figures:
        line = (
            f"    {figure.label:{LABEL}} {shown(figure.value, figure.unit):>12}  [{figure.source}]"
        )
        yield line.rstrip()
        if figure.note:
            yield from wrap(figure.note, width, initial_indent=" " * 8, subsequent_indent=" " * 8)


def _cells(table: Table) -> list[list[str]]:
    header = [column.label for column in table.columns]
    rows = [
        [shown(cell, column.unit) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    return [header, *rows]


def _text_table(table: Table | None) -> Iterator[str]:
    if table is None:
        return
    lines = _cells(table)
    sizes = [max(len(line[at]) for line in lines) for at in range(len(table.columns))]
    for line in lines:
        first, *rest = [
            cell.ljust(size) if not column.unit else cell.rjust(size)
            for cell, size, column in zip(line, sizes, table.columns, strict=True)
        ]
        yield ("    " + "  ".join([first, *rest])).rstrip()
    yield "    " + " ".join(f"[{key}]" for key in table.sources)


def _notes(section: Section, width: int) -> Iterator[str]:
    words = ((section.table.note,) if section.table and section.table.note else ()) + section.notes
    for note in words:
        yield from wrap(note, width, initial_indent="    ", subsequent_indent="    ")


def _text_chart(plan: PathPlan, width: int) -> Iterator[str]:
    loss = next(section for section in plan.sections if section.key == "loss")
    most = next(f.value for s in plan.sections for f in s.figures if f.key == "goodput")
    if loss.table:
        yield ""
        yield from (line.rstrip() for line in loss_chart(loss.table, most, width))


def render_markdown(title: str, plans: Sequence[PathPlan], width: int = 80) -> str:
    """For a pull request or a wiki; the chart stands in a fence."""
    return "\n".join(_markdown(title, plans, width)).rstrip() + "\n"


def _markdown(title: str, plans: Sequence[PathPlan], width: int) -> Iterator[str]:
    yield from (f"## {_safe(title)}", "", f"*{_status(plans)}*", "")
    for plan in plans:
        yield from (f"### {_safe(plan.path)}", "")
        yield from (f"- {_safe(words)}" for words in plan.assumptions)
        yield ""
        for section in plan.sections:
            yield from (f"#### {section.title}", "")
            yield from _markdown_figures(section)
            yield from _markdown_table(section.table)
            yield from (f"{_safe(words)}\n" for words in _notes(section, 10_000))
        yield from ("```text", *_text_chart(plan, width), "```", "")
    yield from ("#### Sources", "")
    yield from (f"- **{key}** {_safe(SOURCES[key])}" for key in _cited(plans))


def _markdown_figures(section: Section) -> Iterator[str]:
    if not section.figures:
        return
    yield from (f"| | {section.status} | source | |", "|:--|--:|:--|:--|")
    for figure in section.figures:
        cells = (figure.label, shown(figure.value, figure.unit), figure.source, figure.note)
        yield f"| {' | '.join(_safe(cell) for cell in cells)} |"
    yield ""


def _markdown_table(table: Table | None) -> Iterator[str]:
    if table is None:
        return
    header, *rows = _cells(table)
    rules = ["--:" if column.unit else ":--" for column in table.columns]
    for line in (header, rules, *rows):
        yield f"| {' | '.join(line if line is rules else [_safe(cell) for cell in line])} |"
    yield from ("", " ".join(f"\\[{key}\\]" for key in table.sources), "")


def _safe(text: str) -> str:
    """No name can break a table or become markup."""
    return "".join(
        f"\\{sign}" if sign in "\\`*_{}[]<>|#~" else sign for sign in " ".join(text.split())
    )


def render_json(title: str, plans: Sequence[PathPlan], width: int = 80) -> str:  # noqa: ARG001  as the others
    """For machines: base units (seconds, bits, octets, shares), keys that stay."""
    document = {
        "schema": 1,
        "status": "computed",
        "title": title,
        "paths": [_plain(plan) for plan in plans],
        "sources": {key: SOURCES[key] for key in _cited(plans)},
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _plain(plan: PathPlan) -> dict[str, Any]:
    return {
        "path": plan.path,
        "assumptions": list(plan.assumptions),
        **{section.key: _plain_section(section) for section in plan.sections},
    }


def _plain_section(section: Section) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "status": section.status,
        "figures": {
            figure.key: {"value": figure.value, "unit": figure.unit, "source": figure.source}
            | ({"note": figure.note} if figure.note else {})
            for figure in section.figures
        },
    }
    table = section.table
    if table:
        keys = [column.key for column in table.columns]
        plain[table.key] = [dict(zip(keys, row, strict=True)) for row in table.rows]
        plain["units"] = {column.key: column.unit for column in table.columns if column.unit}
        plain["sources"] = list(table.sources)
    return plain


def _cited(plans: Sequence[PathPlan]) -> list[str]:
    cited = dict.fromkeys(key for plan in plans for key in plan.sources)
    # Notes cite too, in brackets.
    noted = "".join(
        words
        for plan in plans
        for section in plan.sections
        for words in (*section.notes, *(figure.note for figure in section.figures))
    )
    return [key for key in SOURCES if key in cited or f"[{key}]" in noted]


FORMATS: dict[str, Callable[[str, Sequence[PathPlan], int], str]] = {
    "text": render_text,
    "markdown": render_markdown,
    "json": render_json,
}
