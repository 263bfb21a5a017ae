"""Comparisons and gates in every format they have."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchkit.errors import AskedWronglyError
from benchkit.model.comparison import Comparison, Gate
from benchkit.model.comparison_json import dump_comparison, dump_gate
from benchkit.reports.comparison_markdown import render_comparison_markdown, render_gate_markdown
from benchkit.reports.comparison_text import render_comparison_text, render_gate_text
from benchkit.reports.gate_ci import render_gate_annotations, render_gate_junit, render_gate_summary
from benchkit.reports.side_by_side import render_comparisons_csv, render_paper

COMPARISON_FORMATS = ("text", "markdown", "json")
SIDE_BY_SIDE_FORMATS = (*COMPARISON_FORMATS, "csv", "paper", "html")
GATE_FORMATS = (*COMPARISON_FORMATS, "junit", "github-summary", "github-annotations")


def render_comparison(
    comparison: Comparison,
    format: str,  # noqa: A002  the option's name
    *,
    width: int = 80,
    color: bool = False,
) -> str:
    """The comparison in one of COMPARISON_FORMATS, with a newline at its end.

    Raises AskedWronglyError for another.
    """
    _check(format, COMPARISON_FORMATS)
    if format == "json":
        return dump_comparison(comparison)
    if format == "markdown":
        return render_comparison_markdown(comparison)
    return render_comparison_text(comparison, width, color=color)


def render_side_by_side(
    comparisons: Sequence[Comparison],
    format: str,  # noqa: A002  as above
    *,
    width: int = 80,
    color: bool = False,
) -> str:
    """Candidates against one base in one of SIDE_BY_SIDE_FORMATS; JSON of one is an object, of several a list.

    Raises AskedWronglyError for another.
    """
    if format == "csv":
        return render_comparisons_csv(comparisons)
    if format == "paper":
        return render_paper(comparisons)
    if format == "html":
        from benchkit.reports.html import render_comparisons  # noqa: PLC0415  costs jinja2

        return render_comparisons(comparisons)
    texts = [render_comparison(each, format, width=width, color=color) for each in comparisons]
    if format == "json" and len(texts) > 1:
        return json.dumps([json.loads(text) for text in texts], indent=2, ensure_ascii=False) + "\n"
    return "\n".join(texts)


def render_gate(
    gate: Gate,
    format: str,  # noqa: A002  as above
    *,
    width: int = 80,
    color: bool = False,
) -> str:
    """The gate's answer, likewise, in one of GATE_FORMATS. Raises AskedWronglyError for another."""
    _check(format, GATE_FORMATS)
    if format == "text":
        return render_gate_text(gate, width, color=color)
    renderers = {
        "json": dump_gate,
        "markdown": render_gate_markdown,
        "github-summary": render_gate_summary,
        "github-annotations": render_gate_annotations,
        "junit": render_gate_junit,
    }
    return renderers[format](gate)


def _check(format: str, known: Sequence[str]) -> None:  # noqa: A002  as above
    if format not in known:
        raise AskedWronglyError(f"no format `{format}` here: there are {', '.join(known)}")
