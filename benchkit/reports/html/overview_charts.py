"""What stands first: floor, model, measured and budget as one bar for each path, and where the sites are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchkit.model.place import Site
from benchkit.model.record import Metric, PathRecord, RunRecord, Verdict
from benchkit.reports.figures import clean, short, with_interval
from benchkit.reports.html.chart import Chart, Spec, spec_of, tip
from benchkit.reports.html.palette import role
from benchkit.reports.rows import series_of
from benchkit.reports.sentences import path_sentence, path_word, yardstick

BAR_STEP = 64
KM_PER_DEGREE = 111.19
VERDICTS = ("pass", "fail", "inconclusive", "unfit")
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


def site_map(record: RunRecord, sites: Sequence[Site]) -> Chart | None:
    """The sites and the paths between them: by coordinates where all have some, else as a star to scale."""
    if not record.paths:
        return None
    places = _by_coordinates(record, sites)
    kind = "Places by their coordinates; straight lines, not the route of a fibre."
    if places is None:
        places = _as_star(record)
        kind = "Schematic: lengths are to scale, directions are not."
    labels = {site.name: clean(site.label or site.name) for site in sites}
    dots = [{"s": clean(labels.get(name, name)), "x": x, "y": y} for name, (x, y) in places.items()]
    lines = [
        {
            "s": clean(path.path),
            "x": places[path.near][0],
            "y": places[path.near][1],
            "x2": places[path.far][0],
            "y2": places[path.far][1],
            "xm": (places[path.near][0] + places[path.far][0]) / 2,
            "ym": (places[path.near][1] + places[path.far][1]) / 2,
            "verdict": path.verdict,
            "words": path_sentence(path),
            "km": "" if path.great_circle_km is None else f"{path.great_circle_km:.0f} km",
        }
        for path in record.paths
    ]
    words = (
        f"{kind} "
        + "; ".join(
            f"{line['s']} {line['km']} {path_word(path)}"
            for line, path in zip(lines, record.paths, strict=True)
        )
        + "."
    )
    return Chart("map", "Where the sites are", words, _map_spec(dots, lines, places))


def _map_spec(
    dots: Sequence[Spec], lines: Sequence[Spec], places: Mapping[str, tuple[float, float]]
) -> Spec:
    # One scale for both axes, or a map would lie about directions.
    xs, ys = zip(*places.values(), strict=True)
    reach = max(max(xs) - min(xs), max(ys) - min(ys), 1.0) * 0.68
    x_middle, y_middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    x_scale = {"domain": [x_middle - reach, x_middle + reach], "nice": False}
    y_scale = {"domain": [y_middle - reach, y_middle + reach], "nice": False}

    def at(x: str, y: str) -> Spec:
        return {
            "x": {"field": x, "type": "quantitative", "scale": x_scale, "axis": None},
            "y": {"field": y, "type": "quantitative", "scale": y_scale, "axis": None},
        }

    color = {
        "field": "verdict",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(VERDICTS), "range": [role(each) for each in VERDICTS]},
    }
    layers = [
        {
            "data": {"name": "lines"},
            "mark": {"type": "rule", "strokeWidth": 3, "strokeCap": "round"},
            "encoding": {
                **at("x", "y"),
                "x2": {"field": "x2"},
                "y2": {"field": "y2"},
                "color": color,
                "tooltip": tip(path="s", verdict="words", km="km"),
            },
        },
        {
            "data": {"name": "lines"},
            "mark": {"type": "text", "dy": -8, "color": role("muted")},
            "encoding": {**at("xm", "ym"), "text": {"field": "km"}},
        },
        {
            "data": {"name": "dots"},
            "mark": {
                "type": "point",
                "filled": True,
                "size": 130,
                "color": role("ink"),
                "opacity": 1,
            },
            "encoding": {**at("x", "y"), "tooltip": tip(site="s")},
        },
        {
            "data": {"name": "dots"},
            "mark": {"type": "text", "dy": 17, "fontSize": 12, "fontWeight": "bold"},
            "encoding": {**at("x", "y"), "text": {"field": "s"}},
        },
    ]
    spec = spec_of(layers, {"dots": dots, "lines": lines}, None, height=300)
    return {**spec, "width": 300}


def _by_coordinates(
    record: RunRecord, sites: Sequence[Site]
) -> dict[str, tuple[float, float]] | None:
    known = {
        site.name: (site.latitude, site.longitude)
        for site in sites
        if site.latitude is not None and site.longitude is not None
    }
    names = _names(record)
    if not set(names) <= set(known):
        return None
    middle = math.radians(sum(known[name][0] for name in names) / len(names))
    return {
        name: (known[name][1] * math.cos(middle) * KM_PER_DEGREE, known[name][0] * KM_PER_DEGREE)
        for name in names
    }


def _as_star(record: RunRecord) -> dict[str, tuple[float, float]]:
    """The first path's near end in the middle, the others round it as far away as they are."""
    names = _names(record)
    hub = record.paths[0].near
    km = {path.far: path.great_circle_km for path in record.paths if path.near == hub}
    typical = next((each for each in km.values() if each), 1.0)
    others = [name for name in names if name != hub]
    places = {hub: (0.0, 0.0)}
    for index, name in enumerate(others):
        angle = math.radians(360.0 * index / len(others) - 60.0)
        length = km.get(name) or typical
        places[name] = (length * math.cos(angle), length * math.sin(angle))
    return places


def _names(record: RunRecord) -> list[str]:
    return list(dict.fromkeys(name for path in record.paths for name in (path.near, path.far)))
