"""Charts as SVG and PNG, without a browser: the very specs of the page, with a title and a legend of their own."""

from __future__ import annotations

import html
import re
from typing import Any

from benchkit.errors import AskedWronglyError
from benchkit.reports.html.chart import Chart, Spec
from benchkit.reports.html.palette import LIGHT, painted, role

KINDS = ("svg", "png")
WIDTH, WIDE = 560, 900
DOTS_PER_POINT = 2
_LEGEND = {
    "orient": "top",
    "title": None,
    "symbolType": "stroke",
    "symbolStrokeWidth": 2,
    "labelLimit": 320,
    "columns": 4,
}


def picture(chart: Chart, kind: str) -> bytes:
    """The chart as a file of one of KINDS, light, with its words inside an SVG for who cannot see it.

    Raises AskedWronglyError where vl-convert is not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415  the extra `report`
    except ImportError as error:
        raise AskedWronglyError(
            "charts as files need vl-convert, which is not installed: pip install vl-convert-python"
        ) from error
    spec = _solid(vl_convert.vegalite_to_vega(file_spec(chart)))
    if kind == "png":
        return bytes(vl_convert.vega_to_png(spec, scale=DOTS_PER_POINT))
    return _described(str(vl_convert.vega_to_svg(spec)), chart).encode()


def file_spec(chart: Chart) -> Spec:
    """The spec as it stands alone: colours, a ground, a width, a title, and a legend for the page's buttons."""
    spec = dict(painted(chart.spec, LIGHT))
    if spec.get("width") == "container":
        spec["width"] = WIDE if chart.wide else WIDTH
        spec["autosize"] = {"type": "pad"}
    spec["background"] = LIGHT["card"]
    spec["padding"] = 12
    spec["title"] = {"text": chart.title, "anchor": "start", "color": LIGHT["ink"], "fontSize": 13}
    if chart.caption:
        words = {"subtitle": chart.caption, "subtitleColor": role("muted"), "subtitleFontSize": 11}
        spec["title"] = {**spec["title"], **words, "subtitlePadding": 4}
    spec["config"] = {**spec["config"], "background": LIGHT["card"]}
    spec["layer"] = [_with_legend(layer) for layer in spec["layer"]]
    found: Spec = painted(spec, LIGHT)
    return found


def _with_legend(layer: Spec) -> Spec:
    encoding = dict(layer.get("encoding", {}))
    for channel in ("color", "strokeDash"):
        entry: Any = encoding.get(channel)
        if isinstance(entry, dict) and entry.get("field") == "s" and entry.get("legend", 0) is None:
            encoding[channel] = {**entry, "legend": {**_LEGEND, "labelColor": role("ink")}}
    return {**layer, "encoding": encoding}


def _solid(spec: Spec) -> Spec:
    """The compiled spec with legends that can be read: Vega-Lite makes them as faint as the first of the marks is."""
    for legend in spec.get("legends", []):
        legend.get("encode", {}).get("symbols", {}).get("update", {}).pop("opacity", None)
    return spec


def _described(svg: str, chart: Chart) -> str:
    words = f"<title>{html.escape(chart.title)}</title><desc>{html.escape(chart.words)}</desc>"
    return re.sub(r"(<svg[^>]*)>", lambda found: f'{found[1]} role="img">{words}', svg, count=1)
