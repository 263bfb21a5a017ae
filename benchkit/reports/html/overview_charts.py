"""What stands first: floor, model, measured and budget as one bar for each path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchkit.model.record import VERDICTS, Metric, PathRecord, Verdict, gravity
from benchkit.reports.figures import clean, short, with_interval
from benchkit.reports.html.chart import Chart, Spec, amount, layer, sort, spec_of, tip
from benchkit.reports.html.palette import role
from benchkit.reports.rows import series_of
from benchkit.reports.sentences import yardstick

BAR_STEP = 72
_LEFT = 0.35
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
    end = max(max(row["budget"], row["value"] or 0.0) for row in rows)
    rows = [{**row, "side": _side((row["value"] or 0.0) / end if end else 0.0)} for row in rows]
    sides = dict.fromkeys(row["side"] for row in rows)
    parts = [part for row in rows for part in _parts(row)]
    words = "One bar for each path: what no fibre can beat, what the model adds, what was measured, and the budget. "
    words += " ".join(f"{row['path']}: {row['words']}." for row in rows)
    y = _upright([row["path"] for row in rows])
    bars = layer(
        "parts",
        {"type": "bar", "height": 24, "cornerRadius": 2},
        y=y,
        x=amount("from", axis={"title": "latency, ms", "grid": True}),
        x2={"field": "to"},
        color=sort("role", BAR_COLORS),
        tooltip=tip(path="path", part="words", from_ms="from", to_ms="to"),
    )
    layers = [bars, *_bar_marks(y, sides)]
    return Chart(
        "overview",
        "Floor, model, measured, budget",
        words,
        spec_of(layers, {"parts": parts, "rows": rows}, None, height=BAR_STEP * len(rows)),
        wide=True,
    )


def _upright(names: Sequence[str]) -> Spec:
    """A row for each path."""
    axis = {
        "title": None,
        "labelFontSize": 13,
        "labelColor": role("ink"),
        "ticks": False,
        "domain": False,
        "labelLimit": 160,
        "labelPadding": 8,
    }
    return {"field": "path", "type": "nominal", "sort": list(names), "axis": axis}


def _judged(path: PathRecord) -> tuple[Metric, Verdict] | None:
    """The gravest of its budgets of a latency, and what that is of."""
    found = [
        (series.metric, verdict)
        for series in series_of(path)
        if series.is_distribution
        for verdict in series.verdicts
        if verdict.unit == "ms"
    ]
    return min(found, key=lambda pair: gravity(pair[1].verdict), default=None)


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


def _side(share: float) -> str:
    """Which way the words run from a mark at that share of the scale, to stay within it."""
    return "left" if share < _LEFT else "right" if share > 1 - _LEFT else "center"


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


def _bar_marks(y: Spec, sides: Iterable[str]) -> list[Spec]:
    """The marks on the bars, and at them what was measured, above, and its budget, below."""
    hover = tip(
        path="path",
        floor="floor",
        model="model",
        measured="value",
        low="low",
        high="high",
        budget="budget",
    )
    budget, value, measured = amount("budget"), amount("value"), sort("verdict", BAR_COLORS)
    tick = {"type": "tick", "thickness": 4, "size": 36}
    limit = {"type": "tick", "thickness": 2.5, "size": 38, "color": role("budget")}
    whisker = {"type": "rule", "strokeWidth": 2, "color": role("ink")}
    above = {"type": "text", "baseline": "bottom", "dy": -20, "fontWeight": "bold"}
    below = {"type": "text", "baseline": "top", "dy": 18, "fontWeight": "bold"}
    limit_label = {**below, "align": "right", "dx": -4, "color": role("budget")}
    within = {"type": "text", "align": "left", "dx": 6, "color": role("onfloor")}
    return [
        layer("rows", limit, y=y, x=budget, tooltip=hover),
        layer("rows", whisker, y=y, x=amount("low"), x2={"field": "high"}),
        layer("rows", tick, y=y, x=value, color=measured, tooltip=hover),
        *(
            layer(
                "rows",
                {**above, "align": side},
                {"filter": f"datum.side === '{side}'"},
                y=y,
                x=amount("value"),
                text={"field": "label"},
            )
            for side in sides
        ),
        layer("rows", limit_label, y=y, x=budget, text={"field": "limit"}),
        layer("rows", within, y=y, x={"datum": 0}, text={"field": "said"}),
    ]
