"""Reports as one HTML file, and their charts as specs: pure functions of records, samples, comparisons, histories."""

from __future__ import annotations

from benchkit.reports.html.comparison_page import render_comparisons
from benchkit.reports.html.history_page import render_histories
from benchkit.reports.html.page import charts_of, drawn, render_html
from benchkit.reports.html.shell import policy

__all__ = ["charts_of", "drawn", "policy", "render_comparisons", "render_histories", "render_html"]
