"""A chart: a Vega-Lite spec as plain values, what it says in words, and the series that a reader may hide.

Every spec has the signals that the page's script drives: `hidden` (names of series), `x0` and `x1` (the
stretch of the x axis that is shown), `brush` (what a reader drags to see closer).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchkit.reports.html.palette import role

Spec = dict[str, Any]
DASHES = {
    "idle": [1, 0],
    "http": [7, 3],
    "icmp": [2, 2],
    "connect": [4, 4],
    "request": [8, 2, 2, 2],
    "http-fresh": [7, 3, 1, 3],
    "http-load": [11, 3],
    "up": [3, 2],
    "down": [9, 3, 2, 3],
    "both": [5, 2, 1, 2],
    "http-up": [3, 2, 1, 2],
    "http-down": [9, 3, 2, 3, 2, 3],
    "http-both": [5, 2, 1, 2, 1, 2],
    "budget": [6, 3],
    "muted": [6, 3],
}
SOLID = [1, 0]
# Four digits that count, and no power of ten.
PLAIN = ",.4~r"
# Along an axis below, as many as labels have room for beside each other.
TICKS = {"expr": "max(2, ceil(width / 70))"}
_TEXTS = ("s", "p", "words", "row", "path", "interval", "km")
HEIGHT = 250
# Only a mouse drags: a finger on a chart scrolls the page.
BRUSH = {
    "name": "brush",
    "select": {
        "type": "interval",
        "encodings": ["x"],
        "clear": "dblclick",
        "on": "[pointerdown[event.pointerType == 'mouse'], window:pointerup] > window:pointermove!",
        "translate": False,
        "zoom": False,
        "mark": {"fill": role("idle"), "fillOpacity": 0.12, "stroke": role("idle")},
    },
}
# The name of a level stands above it, or at the top of the chart below it, for above that are the names of the phases.
ABOVE = {"expr": "scale('y', datum.y) < 14 ? 14 : -2"}
VISIBLE = {"filter": "indexof(hidden, datum.s) < 0"}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
CONFIG = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": role("muted"),
        "titleColor": role("muted"),
        "gridColor": role("line"),
        "domainColor": role("line"),
        "tickColor": role("line"),
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "labelFlush": False,
    },
    # As wide as most labels are: charts along one axis begin below each other.
    "axisYQuantitative": {"minExtent": 42},
    "text": {"color": role("ink"), "fontSize": 11},
}


@dataclass(frozen=True)
class Chart:
    """`key` names it as an id and a file; `words` stand for it where it cannot be seen; `series` is (name, role).

    `caption` is what the picture alone would not say: in a file of its own it stands below the title.

    Charts of one `axis` share their x: zoomed together, and drawn so that one stands above the other.
    """

    key: str
    title: str
    words: str
    spec: Spec
    series: tuple[tuple[str, str], ...] = ()
    wide: bool = False
    axis: str = ""
    caption: str = ""


def spec_of(
    layers: Sequence[Spec],
    data: Mapping[str, Sequence[Mapping[str, Any]]],
    ends: tuple[float, float] | None,
    *,
    height: int = HEIGHT,
) -> Spec:
    """The layers over named data. `ends` is the stretch of x that is shown first; None where nothing zooms."""
    params: list[Spec] = [{"name": "hidden", "value": []}]
    # Of an empty layer the renderer complains, and it draws nothing.
    first, *others = [
        dict(layer) for layer in layers if data.get(layer["data"].get("name", ""), True)
    ]
    if ends is not None:
        params += [{"name": "x0", "value": ends[0]}, {"name": "x1", "value": ends[1]}]
        first["params"] = [BRUSH]
    return {
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": params,
        "datasets": {name: list(points) for name, points in data.items()},
        "layer": [first, *others],
        "config": CONFIG,
    }


def layer(data: str, mark: Spec, *transform: Spec, **encoding: Any) -> Spec:  # noqa: ANN401  whatever Vega-Lite takes
    """One layer over named data: its mark, and what each of its channels shows."""
    found: Spec = {"data": {"name": data}, "mark": mark, "encoding": encoding}
    return {**found, "transform": list(transform)} if transform else found


def amount(field: str, **more: Any) -> Spec:  # noqa: ANN401  as above
    """A channel that shows a number."""
    return {"field": field, "type": "quantitative", **more}


def sort(field: str, scale: Spec) -> Spec:
    """A channel that shows which of some sorts a point is; the chart's words are its legend."""
    return {"field": field, "type": "nominal", "legend": None, "scale": scale}


def zoomed(field: str, title: str, **axis: Any) -> Spec:  # noqa: ANN401  whatever Vega-Lite takes
    """The x channel of a chart that zooms."""
    scale = {
        "zero": False,
        "nice": False,
        "domainMin": {"expr": "x0"},
        "domainMax": {"expr": "x1"},
    }
    return {
        "field": field,
        "type": "quantitative",
        "scale": scale,
        "axis": {"title": title, "grid": False, "tickCount": TICKS, **axis},
    }


def upright(field: str, title: str, *, zero: bool = False, **axis: Any) -> Spec:  # noqa: ANN401  as above
    """The y channel."""
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"zero": zero, "nice": True},
        "axis": {"title": title, "tickCount": 5, **axis},
    }


def colored(series: Sequence[tuple[str, str]], channel: str = "color") -> Spec:
    """Colour and dash by the name of the series; the page's own buttons are the legend."""
    names = [name for name, _ in series]
    found: Spec = {
        channel: {
            "field": "s",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": names, "range": [role(color) for _, color in series]},
        }
    }
    return found


def dashed(series: Sequence[tuple[str, str]]) -> Spec:
    """The dash beside the colour, for those who see no difference of colours."""
    names = [name for name, _ in series]
    return {
        "strokeDash": {
            "field": "s",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": names, "range": [DASHES.get(each, SOLID) for _, each in series]},
        }
    }


def dash(role: str) -> str:
    """The dash of a role as an attribute of SVG has it.

    >>> dash("http"), dash("idle")
    ('7 3', 'none')
    """
    found = DASHES.get(role, SOLID)
    return "none" if found == SOLID else " ".join(map(str, found))


def tip(**fields: str) -> list[Spec]:
    """What a hover shows: title by field, `_` for a blank in it."""
    return [
        {"field": field, "title": title.replace("_", " "), **_numeric(field)}
        for title, field in fields.items()
    ]


def levels(
    marks: Sequence[tuple[str, float, str]], series: Sequence[tuple[str, str]]
) -> tuple[Spec, list[Spec]]:
    """Level lines (name, y, role), each with its name on it: the layer's data and the layers.

    `series` are all names of the chart: layers share one scale of colours.
    """
    points = [
        {"s": name, "y": value, "color": color, "side": ("left", "right")[number % 2]}
        for number, (name, value, color) in enumerate(marks)
    ]
    line = {
        "data": {"name": "levels"},
        "transform": [VISIBLE],
        "mark": {"type": "rule", "strokeDash": [6, 3], "strokeWidth": 1.6},
        "encoding": {
            "y": {"field": "y", "type": "quantitative"},
            "tooltip": tip(line="s", value="y"),
            **colored(series),
        },
    }
    # At either end in turn: lines that lie close to each other would have their names in each other.
    ends: tuple[tuple[str, int | str, int], ...] = (("left", 0, 4), ("right", "width", -4))
    texts: list[Spec] = [
        {
            "data": {"name": "levels"},
            "transform": [VISIBLE, {"filter": f"datum.side === '{side}'"}],
            "mark": {"type": "text", "align": side, "baseline": "bottom", "dx": dx, "dy": ABOVE},
            "encoding": {
                "x": {"value": x},
                "y": {"field": "y", "type": "quantitative"},
                "text": {"field": "s"},
                **colored(series),
            },
        }
        for side, x, dx in ends[: len(points)]
    ]
    return {"levels": points}, [line, *texts]


def _numeric(field: str) -> Spec:
    return {} if field in _TEXTS else {"type": "quantitative", "format": PLAIN}
