"""How far the figures can be trusted: the instrument with no delay to measure, and what the emulator made of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchkit.model.record import Calibration
from benchkit.model.samples import Samples
from benchkit.reports.figures import clean, short
from benchkit.reports.html.chart import Chart, Spec, amount, layer, sort, spec_of, tip
from benchkit.reports.html.curves import Curve, curve_of
from benchkit.reports.html.latency_charts import tail_chart
from benchkit.reports.html.palette import role

FLOOR = "floor"
ROW_STEP = 17
MOST_LINES = 120
ROLES = ("idle", "http", "up", "down")


def floor_chart(samples: Sequence[Samples]) -> Chart | None:
    """Round trips with no delay emulated: all that is left is the instrument's own."""
    found: list[Curve] = []
    for rows in samples:
        if rows.kind == "rtt" and rows.phase == FLOOR and len(found) < len(ROLES):
            curve = curve_of(rows)
            if curve is not None:
                found.append(replace(curve, name=clean(rows.path), role=ROLES[len(found)]))
    if not found:
        return None
    words = "Percentiles of the round trip while no delay was emulated: what the instrument and the emulator add by themselves."
    return tail_chart("instrument-floor", "The instrument's own floor", words, found)


def calibration_chart(calibration: Sequence[Calibration]) -> Chart | None:
    """Each line's error as a share of its tolerance: within the band the model was given."""
    lines = [line for line in calibration if line.tolerance > 0][:MOST_LINES]
    if not lines:
        return None
    points = [_point(line) for line in lines]
    names = list(dict.fromkeys(point["row"] for point in points))
    worst = max(abs(line.got - line.asked) / line.tolerance for line in lines)
    layers = _calibration_layers(names, max(1.25, round(worst * 1.1, 2)))
    out = sum(point["verdict"] == "fail" for point in points)
    words = f"Asked against got, each error as a share of its tolerance: {len(points) - out} of {len(points)} within, the worst at {worst:.0%}."
    spec = spec_of(
        layers,
        {"band": [{"low": -1, "high": 1}], "points": points},
        None,
        height=ROW_STEP * len(names),
    )
    return Chart("calibration", "Calibration: error over tolerance", words, spec, wide=True)


def _point(line: Calibration) -> Spec:
    return {
        "row": f"{clean(line.path)} {clean(line.direction)}, {clean(line.quantity)}",
        "share": round((line.got - line.asked) / line.tolerance, 4),
        "words": f"asked {short(line.asked)}, got {short(line.got)}, tolerance {short(line.tolerance)} {clean(line.unit)}",
        "verdict": "pass" if line.within else "fail",
    }


def _calibration_layers(names: Sequence[str], reach: float) -> list[Spec]:
    """The band of the tolerance, and a dot for each line, up to so many times its tolerance."""
    y = {
        "field": "row",
        "type": "nominal",
        "sort": list(names),
        "axis": {"title": None, "labelLimit": 260, "grid": True},
    }
    axis = {
        "title": "error as a share of its tolerance",
        "values": [-1, -0.5, 0, 0.5, 1],
        "format": "+.0%",
    }
    domain = ["pass", "fail"]
    dots = layer(
        "points",
        {"type": "point", "filled": True, "size": 70, "opacity": 1},
        y=y,
        x=amount("share", scale={"domain": [-reach, reach], "nice": False}, axis=axis),
        color=sort("verdict", {"domain": domain, "range": [role("pass"), role("fail")]}),
        shape=sort("verdict", {"domain": domain, "range": ["circle", "cross"]}),
        tooltip=tip(line="row", words="words", share="share"),
    )
    band = {"type": "rect", "color": role("pass"), "opacity": 0.1}
    return [layer("band", band, x=amount("low"), x2={"field": "high"}), dots]
