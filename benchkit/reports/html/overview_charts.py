"""What stands first: floor, model, measured and budget as one bar for each path."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.model.record import VERDICTS, Metric, PathRecord, Verdict
from benchkit.reports.figures import clean, short, with_interval
from benchkit.reports.html.chart import Chart, Spec, spec_of, tip
from benchkit.reports.html.palette import role
from benchkit.reports.rows import series_of
from benchkit.reports.sentences import yardstick

BAR_STEP = 64
# One scale for parts and verdicts: layers share it.
BAR_COLORS = {
    "domain": ["floor", "model", "headroom", *VERDICTS],
    "range": [role(each) for each in ("floor", "model", "line", *VERDICTS)],
}


def bar_chart(paths: Sequence[PathRecord]) -> Chart | None:
    """Physics, model, measurement and budget on one scale from zero; None where no latency was judged."""
    judged = [(path, *found) for path in paths for found in [_judged(path)] if found is not None]
    if not judged:
        return None
    rows = [_bar(path, metric, verdict) for path, metric, verdict in judged]
    parts = [part for row in rows for part in _parts(row)]
    words = "One bar for each path: what no fibre can beat, what the model adds, what was measured, and the budget. "
    words += " ".join(f"{row['path']}: {row['words']}." for row in rows)
    names = [row["path"] for row in rows]
    y = {
        "field": "path",
        "type": "nominal",
        "sort": names,
        "axis": {
            "title": None,
            "labelFontSize": 13,
            "labelColor": role("ink"),
            "ticks": False,
            "domain": False,
            "labelLimit": 160,
            "labelPadding": 8,
        },
    }
    x = {"field": "from", "type": "quantitative", "axis": {"title": "round trip, ms", "grid": True}}
    bars = {
        "data": {"name": "parts"},
        "mark": {"type": "bar", "height": 24, "cornerRadius": 2},
        "encoding": {
            "y": y,
            "x": x,
            "x2": {"field": "to"},
            "color": {
                "field": "role",
                "type": "nominal",
                "legend": None,
                "scale": BAR_COLORS,
            },
            "tooltip": tip(path="path", part="words", from_ms="from", to_ms="to"),
        },
    }
    layers = [bars, *_bar_marks(y)]
    return Chart(
        "overview",
        "Floor, model, measured, budget",
        words,
        spec_of(layers, {"parts": parts, "rows": rows}, None, height=BAR_STEP * len(rows)),
        wide=True,
    )


def _judged(path: PathRecord) -> tuple[Metric, Verdict] | None:
    for series in series_of(path):
        for verdict in series.verdicts:
            if series.is_distribution and verdict.unit == "ms":
                return series.metric, verdict
    return None


def _bar(path: PathRecord, metric: Metric, verdict: Verdict) -> Spec:
    series = next(each for each in series_of(path) if each.metric is metric)
    measured = verdict.measured
    value = measured.value if measured else None
    name = clean(verdict.percentile)
    label = f"{name} {with_interval(measured, 'ms')}" if measured else f"{name} not known"
    return {
        "path": clean(path.path),
        "floor": metric.floor,
        "model": metric.model,
        "value": value,
        "low": measured.low if measured else None,
        "high": measured.high if measured else None,
        "budget": verdict.limit,
        "label": f"measured {label}",
        "limit": f"budget {short(verdict.limit)}",
        "said": f"floor {short(metric.floor)} · model {short(metric.model)}"
        if metric.floor is not None
        else "",
        "verdict": verdict.verdict,
        "words": yardstick(series, verdict),
    }


def _parts(row: Spec) -> list[Spec]:
    """The stretches of a bar from zero on; what is not known is not there."""
    marks = [("floor", row["floor"], "no fibre on the great circle is faster")]
    marks.append(("model", row["model"], "what the model adds: route, equipment"))
    at, found = 0.0, []
    for name, end, words in marks:
        if end is not None and end > at:
            found.append({"path": row["path"], "role": name, "from": at, "to": end, "words": words})
            at = end
    if row["budget"] > at:
        found.append(
            {
                "path": row["path"],
                "role": "headroom",
                "from": at,
                "to": row["budget"],
                "words": "room up to the budget",
            }
        )
    if row["value"] is not None and row["value"] > row["budget"]:
        found.append(
            {
                "path": row["path"],
                "role": "fail",
                "from": row["budget"],
                "to": row["value"],
                "words": "beyond the budget",
            }
        )
    return found


def _bar_marks(y: Spec) -> list[Spec]:
    x = {"field": "value", "type": "quantitative"}
    hover = tip(
        path="path",
        floor="floor",
        model="model",
        measured="value",
        low="low",
        high="high",
        budget="budget",
    )
    measured = {
        "field": "verdict",
        "type": "nominal",
        "legend": None,
        "scale": BAR_COLORS,
    }
    tick = {"type": "tick", "thickness": 4, "size": 36}
    limit = {"type": "tick", "thickness": 2.5, "size": 44, "color": role("budget")}
    whisker = {"type": "rule", "strokeWidth": 2, "color": role("ink")}
    above = {"type": "text", "baseline": "bottom", "dy": -20}
    return [
        {
            "data": {"name": "rows"},
            "mark": limit,
            "encoding": {
                "y": y,
                "x": {"field": "budget", "type": "quantitative"},
                "tooltip": hover,
            },
        },
        {
            "data": {"name": "rows"},
            "mark": whisker,
            "encoding": {
                "y": y,
                "x": {"field": "low", "type": "quantitative"},
                "x2": {"field": "high"},
            },
        },
        {
            "data": {"name": "rows"},
            "mark": tick,
            "encoding": {"y": y, "x": x, "color": measured, "tooltip": hover},
        },
        {
            "data": {"name": "rows"},
            "mark": {**above, "align": "right", "dx": -6, "fontWeight": "bold"},
            "encoding": {
                "y": y,
                "x": {"field": "budget", "type": "quantitative"},
                "text": {"field": "label"},
            },
        },
        {
            "data": {"name": "rows"},
            "mark": {
                **above,
                "align": "left",
                "dx": -2,
                "color": role("budget"),
                "fontWeight": "bold",
            },
            "encoding": {
                "y": y,
                "x": {"field": "budget", "type": "quantitative"},
                "text": {"field": "limit"},
            },
        },
        {
            "data": {"name": "rows"},
            "mark": {"type": "text", "align": "left", "dx": 6, "color": role("onfloor")},
            "encoding": {"y": y, "x": {"datum": 0}, "text": {"field": "said"}},
        },
    ]
