"""Comparisons and gates as JSON, by the rules of `record_json`: absent is no key, numbers have six digits."""

from __future__ import annotations

from benchkit.model.comparison import Comparison, Gate
from benchkit.model.record_json import dump_plain


def dump_comparison(comparison: Comparison) -> str:
    """The comparison as indented JSON with a newline at its end. ValueError for a number that is not finite."""
    return dump_plain(comparison, "comparison")


def dump_gate(gate: Gate) -> str:
    """The gate's answer, with its comparison inside. ValueError for a number that is not finite."""
    return dump_plain(gate, "gate")
