"""The report as one HTML file, and its charts as specs: pure functions of a record and its samples."""

from __future__ import annotations

from benchkit.reports.html.page import charts_of, policy, render_html

__all__ = ["charts_of", "policy", "render_html"]
