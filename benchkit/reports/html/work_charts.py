"""Charts of workloads: how far a data set had come, how long each checkpoint took, how late inference answers were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchkit.model.record import Metric, PathRecord
from benchkit.model.samples import Samples
from benchkit.reports.figures import clean, short
from benchkit.reports.html.chart import (
    VISIBLE,
    Chart,
    Spec,
    colored,
    levels,
    spec_of,
    tip,
    upright,
    zoomed,
)
from benchkit.reports.html.curves import Curve, Points, time_points
from benchkit.reports.html.latency_charts import Marks, mark_series, said_of
from benchkit.reports.html.palette import role
from benchkit.reports.html.time_charts import spread_lines
from benchkit.units import NS_PER_MS, NS_PER_S, show_count

MOST_POINTS = 400
PAPER = "on paper"
DATA: Spec = {"data": {"name": "curves"}, "transform": [VISIBLE]}


def work_charts(path: PathRecord, samples: Sequence[Samples], place: str) -> list[Chart]:
    """One chart for each workload of a path whose samples are at hand."""
    rows = {
        (each.kind, each.phase): each
        for each in samples
        if each.path == path.path and each.kind in {"files", "inference"} and len(each)
    }
    charts = []
    for number, metric in enumerate(path.metrics):
        phase, key = f"work {metric.phase}", f"{place}-work-{number}"
        if metric.metric == "inference" and ("inference", phase) in rows:
            charts.append(_inference(metric, rows["inference", phase], key))
        elif metric.metric == "completion" and ("files", phase) in rows:
            draw = _checkpoints if "every_s" in metric.details else _data_set
            charts.append(draw(metric, rows["files", phase], key))
    return charts


def _data_set(metric: Metric, rows: Samples, key: str) -> Chart:
    """How much had been answered for as time went on, beside the straight line of the path on paper."""
    name = clean(metric.phase)
    done, octets = rows.columns["done_ns"], np.ma.getdata(rows.columns["octets"])
    arrived = ~np.ma.getmaskarray(done)
    order = np.argsort(np.ma.getdata(done)[arrived], kind="stable")
    began = int(np.ma.getdata(rows.columns["due_ns"]).min())
    at = (np.ma.getdata(done)[arrived][order] - began) / NS_PER_S
    mega = np.cumsum(octets[arrived][order]) / 1e6
    kept = np.unique(np.linspace(0, at.size - 1, min(at.size, MOST_POINTS)).astype(int))
    points: Points = [{"s": name, "x": 0.0, "y": 0.0}]
    points += [
        {"s": name, "x": round(float(at[i]), 4), "y": round(float(mega[i]), 4)}
        for i in (kept if at.size else [])
    ]
    whole = float(octets.sum()) / 1e6
    series: list[tuple[str, str]] = [(name, "up")]
    paper_s = metric.details.get("on_paper_s")
    if paper_s:
        series.append((PAPER, "muted"))
        points += [{"s": PAPER, "x": 0.0, "y": 0.0}]
        points += [{"s": PAPER, "x": round(paper_s, 4), "y": round(whole, 4)}]
    encoding = {
        "x": zoomed("x", "seconds since the start"),
        "y": upright("y", "MB answered for", zero=True),
        **colored(series),
    }
    line: Spec = {**DATA, "mark": {"type": "line", "clip": True, "strokeWidth": 2}}
    hover: Spec = {**DATA, "mark": {"type": "point", "filled": True, "opacity": 0, "size": 60}}
    line["encoding"] = encoding
    hover["encoding"] = {**encoding, "tooltip": tip(series="s", at_s="x", MB="y")}
    end = max(point["x"] for point in points) * 1.02 or 1.0
    spec = spec_of([line, hover], {"curves": points}, (0.0, round(end, 4)), height=160)
    missing = f", {metric.lost} of {show_count(metric.n, 'file')} not" if metric.lost else ""
    words = f"Octets that the receiver has answered for, file by file: {short(whole)} MB{_against(metric)}{missing}."
    return Chart(key, f"Workload {name}: data set", words, spec, tuple(series), wide=True)


def _against(metric: Metric) -> str:
    """How long it took and what the path allows, as far as both are known."""
    took = metric.estimate.value if metric.estimate else None
    said = f" in {short(took)} s" if took is not None else ""
    paper = metric.details.get("on_paper_s")
    return f"{said}, where the path allows {short(paper)} s" if paper else said


def _checkpoints(metric: Metric, rows: Samples, key: str) -> Chart:
    """How long each one took from when it was due; one that never ended has no bar."""
    name = clean(metric.phase)
    due, done = rows.columns["due_ns"], rows.columns["done_ns"]
    took_s = [
        float("inf")
        if np.ma.getmaskarray(done)[its].any()
        else float(np.ma.getdata(done)[its].max() - at) / NS_PER_S
        for at in np.unique(np.ma.getdata(due))
        for its in [np.ma.getdata(due) == at]
    ]
    points: Points = [
        {"s": name, "n": number, "y": round(each, 5) if np.isfinite(each) else None}
        for number, each in enumerate(took_s, start=1)
    ]
    every, paper = metric.details["every_s"], metric.details.get("on_paper_s")
    marks: Marks = [(f"next one due after {short(every)} s", every, "budget")]
    if paper:
        marks.append((f"{PAPER} {short(paper)} s", paper, "muted"))
    series = ((name, "up"), *mark_series(marks))
    level_data, level_layers = levels(marks, series)
    bars: Spec = {
        **DATA,
        "mark": {"type": "bar", "opacity": 0.75},
        "encoding": {
            "x": {
                "field": "n",
                "type": "ordinal",
                "axis": {"title": "checkpoint", "labelAngle": 0},
            },
            "y": upright("y", "seconds to completion", zero=True),
            **colored(series),
            "tooltip": tip(checkpoint="n", seconds="y"),
        },
    }
    spec = spec_of([bars, *level_layers], {"curves": points, **level_data}, None, height=160)
    late = sum(1 for each in took_s if each > every)
    half = f", half of them{_against(metric)}" if metric.estimate else ""
    words = f"{len(took_s)} checkpoints{half}; {late or 'none'} later than the next was due."
    return Chart(key, f"Workload {name}: checkpoints", words, spec, series, wide=True)


def _inference(metric: Metric, rows: Samples, key: str) -> Chart:
    """Requests by when they were due: least, middle and most of each stretch, and which were lost."""
    name = clean(metric.phase)
    received, due = rows.columns["received_ns"], rows.columns["due_ns"]
    lost = np.ma.getmaskarray(received)
    took = np.where(lost, np.inf, np.ma.getdata(received - due) / NS_PER_MS)
    curve = Curve(name, "http", np.ma.getdata(due) / NS_PER_S, took)
    paper = metric.details.get("on_paper")
    marks: Marks = [(f"mean {PAPER} {short(paper)} ms", paper, "muted")] if paper else []
    series = ((name, "http"), *mark_series(marks))
    level_data, level_layers = levels(marks, series)
    points = time_points(curve, float(curve.due_s[0]))
    x = zoomed("x", "seconds since the first request")
    ends = (0.0, round(max(point["x"] for point in points) * 1.02, 4) or 1.0)
    losses: Spec = {
        **DATA,
        "data": {"name": "losses"},
        "mark": {"type": "tick", "thickness": 2, "size": 14, "color": role("fail"), "clip": True},
        "encoding": {"x": x, "y": {"value": 150}, "tooltip": tip(lost="lost", of="n", at_s="x")},
    }
    spec = spec_of(
        [*level_layers, *spread_lines(x, series), losses],
        {
            "curves": points,
            "losses": [point for point in points if point["lost"]],
            **level_data,
        },
        ends,
        height=160,
    )
    words = f"Requests and answers of the mix, from when each was due: {said_of(curve)}."
    return Chart(key, f"Workload {name}: inference", words, spec, series, wide=True)
