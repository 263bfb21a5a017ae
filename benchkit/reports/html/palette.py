"""Colours by role. In the page a role is a CSS variable, so that one chart serves light, dark and paper.

Text has a contrast of at least 4.5 on its ground, lines at least 3 (WCAG AA), in both schemes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LIGHT = {
    "ground": "#f4f6f9",
    "card": "#ffffff",
    "ink": "#17202b",
    "muted": "#55606e",
    "line": "#d5dbe3",
    "pass": "#17743a",
    "fail": "#c02626",
    "inconclusive": "#8a5a00",
    "unfit": "#6b46b8",
    "idle": "#0b62b4",
    "http": "#8a3fb0",
    "icmp": "#3f6212",
    "connect": "#7c5a12",
    "request": "#0f6b8a",
    "http-fresh": "#b0307a",
    "http-load": "#5b4bc4",
    "up": "#b04a00",
    "down": "#0a7468",
    "both": "#9c2f6d",
    "http-up": "#7a6200",
    "http-down": "#4f7300",
    "http-both": "#5b4bc4",
    "floor": "#8b95a2",
    "onfloor": "#17202b",
    "model": "#b3c6dc",
    "budget": "#c02626",
}
DARK = {
    "ground": "#0e1319",
    "card": "#161d26",
    "ink": "#e7ecf2",
    "muted": "#a5b0be",
    "line": "#323d4a",
    "pass": "#55c97d",
    "fail": "#ff8078",
    "inconclusive": "#e5b23f",
    "unfit": "#b9a0ff",
    "idle": "#69b3ff",
    "http": "#d39bf5",
    "icmp": "#a9cf6b",
    "connect": "#dcb869",
    "request": "#6fc3e0",
    "http-fresh": "#f596c8",
    "http-load": "#a99bff",
    "up": "#f5a35c",
    "down": "#4bd0c0",
    "both": "#f08fc0",
    "http-up": "#e3cf5a",
    "http-down": "#a9cf6b",
    "http-both": "#a99bff",
    "floor": "#77828f",
    "onfloor": "#0e1319",
    "model": "#3f5a78",
    "budget": "#ff8078",
}


def role(name: str) -> str:
    """A role as a chart names it."""
    return f"var(--{name})"


def css(palette: Mapping[str, str]) -> str:
    """The palette as declarations of a style sheet."""
    return "".join(f"--{name}:{color};" for name, color in palette.items())


def painted(spec: Any, palette: Mapping[str, str]) -> Any:  # noqa: ANN401  a JSON value
    """The spec with colours for roles, as a file outside of any page needs it."""
    if isinstance(spec, str):
        name = spec.removeprefix("var(--").removesuffix(")")
        return palette.get(name, spec) if role(name) == spec else spec
    if isinstance(spec, Mapping):
        return {key: painted(entry, palette) for key, entry in spec.items()}
    if isinstance(spec, Sequence):
        return [painted(entry, palette) for entry in spec]
    return spec
