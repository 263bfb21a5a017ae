"""What every page has in common: one file, its policy, its colours, its scripts, and how it is filled in."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchkit.reports.html import palette
from benchkit.reports.html.chart import dash


def page(template: str, home: str, **values: Any) -> str:  # noqa: ANN401  whatever the template shows
    """The page of a template of ours, whole. `home` is where a dashboard has its list; empty in a file."""
    text: str = (
        _templates()
        .get_template(template)
        .render(
            **values,
            home=home,
            json=as_json,
            dash=dash,
            light=palette.css(palette.LIGHT),
            dark=palette.css(palette.DARK),
            policy=policy(),
            style=Markup(_asset("report.css")),  # noqa: S704  our own file
            scripts=[Markup(script) for script in _scripts()],  # noqa: S704  our own files
        )
    )
    return text


@functools.cache
def policy() -> str:
    """The Content-Security-Policy under which a page works: its own scripts by hash, and no network at all."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _scripts()
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'"
    )


def as_json(value: Any) -> Markup:  # noqa: ANN401  a JSON value
    """JSON that can stand inside a script element: no tag can begin in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  made harmless above


@functools.cache
def _scripts() -> tuple[str, ...]:
    return _asset("vega.js"), _asset("report.js")


@functools.cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("benchkit.reports.html", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
