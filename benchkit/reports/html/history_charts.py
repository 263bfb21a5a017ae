"""One figure over all runs: each with its interval, the levels, where they changed, and the budget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from benchkit.model.history import APART, History, Point
from benchkit.reports.comparison_rows import figure_name
from benchkit.reports.figures import clean, short
from benchkit.reports.html.chart import (
    VISIBLE,
    Chart,
    Spec,
    colored,
    layer,
    spec_of,
    tip,
    upright,
    zoomed,
)
from benchkit.reports.html.palette import role
from benchkit.units import show_count

RUNS, LEVEL, CHANGE, BUDGET = "runs", "level", "change of level", "budget"
APART_RUNS = "unfit or interrupted runs"
SERIES = (
    (RUNS, "idle"),
    (APART_RUNS, "unfit"),
    (LEVEL, "down"),
    (CHANGE, "up"),
    (BUDGET, "budget"),
)
MS_PER_S = 1000
# By whether the lower and the upper end are open.
OPEN_ENDS = {
    (False, True): "\N{UPWARDS ARROW}",
    (True, False): "\N{DOWNWARDS ARROW}",
    (True, True): "\N{UP DOWN ARROW}",
}
# No narrower than so: ticks are told apart by their seconds.
LEAST_MARGIN_S = 5
MARGIN_SHARE = 0.04
# As exact as the ticks of the stretch that is shown.
TIME = {
    "labelExpr": (
        "utcFormat(datum.value, x1 - x0 < 6e5 ? '%Y-%m-%d %H:%M:%S'"
        " : x1 - x0 < 4e8 ? '%Y-%m-%d %H:%M' : '%Y-%m-%d')"
    ),
    "tickCount": 5,
    "labelOverlap": True,
}


def history_chart(history: History, key: str) -> Chart | None:
    """The chart of one path; None where nothing was measured."""
    points = [_point(point) for point in history.points]
    if not any(point["y"] is not None for point in points):
        return None
    named = figure_name(history)
    data = {
        "points": [point for point in points if point["s"] == RUNS],
        "unfit": [point for point in points if point["s"] == APART_RUNS and point["y"] is not None],
        "levels": _levels(history),
        "changes": _changes(history),
        "limits": _limits(history),
    }
    shown = tuple(pair for pair, rows in zip(SERIES, data.values(), strict=True) if rows)
    whole = [
        each for each in data["points"] if each["low"] is not None and each["high"] is not None
    ]
    unsure = [{**each, "mark": _open_ends(each)} for each in data["points"]]
    data = {"intervals": whole, "open": [each for each in unsure if each["mark"]], **data}
    times = [point["x"] for point in points]
    margin = max((max(times) - min(times)) * MARGIN_SHARE, LEAST_MARGIN_S * MS_PER_S)
    return Chart(
        key,
        f"{clean(history.path)}: {named}",
        _words(history, named),
        spec_of(
            [each for each in _layers(named, shown) if data[each["data"]["name"]]],
            data,
            (min(times) - margin, max(times) + margin),
        ),
        shown,
        wide=True,
    )


def _point(point: Point) -> Spec:
    estimate = point.estimate
    return {
        "s": APART_RUNS if point.state in APART else RUNS,
        "x": _time(point.started),
        "p": clean(point.run),
        "words": point.state,
        "y": estimate.value if estimate else None,
        "low": estimate.low if estimate else None,
        "high": estimate.high if estimate else None,
    }


def _open_ends(point: Spec) -> str:
    """Where the interval of a figure has no end: an arrow; nothing where it has both, or there is no figure."""
    open_ends = point["low"] is None, point["high"] is None
    return "" if point["y"] is None else OPEN_ENDS.get(open_ends, "")


def _levels(history: History) -> list[Spec]:
    """Each level as a stretch at its median, from its first run to its last."""
    found = []
    numbers = dict.fromkeys(each.level for each in history.points if each.level is not None)
    for number in numbers:
        points = [each for each in history.points if each.level == number]
        values = [
            each.estimate.value
            for each in points
            if each.estimate is not None and each.estimate.value is not None
        ]
        ends = _time(points[0].started), _time(points[-1].started)
        found.append({"s": LEVEL, "x": ends[0], "x2": ends[1], "y": median(values)})
    return found


def _changes(history: History) -> list[Spec]:
    started = {point.run: point.started for point in history.points}
    return [
        {
            "s": CHANGE,
            "x": _time(started[change.run]),
            "p": clean(change.run),
            "words": f"from {short(change.before)} to {short(change.after)} {clean(history.unit)}",
        }
        for change in history.changes
        if change.run in started
    ]


def _limits(history: History) -> list[Spec]:
    return [
        {"s": BUDGET, "x": _time(point.started), "y": point.limit}
        for point in history.points
        if point.limit is not None
    ]


def _moments() -> Spec:
    """The x channel in UTC, so that ticks stand at whole seconds, minutes and days."""
    found = zoomed("x", "when the run began, UTC", **TIME)
    ends = {name: found["scale"][name] for name in ("nice", "domainMin", "domainMax")}
    return {**found, "type": "temporal", "scale": {**ends, "type": "utc"}}


def _layers(named: str, shown: Sequence[tuple[str, str]]) -> list[Spec]:
    x, color = _moments(), colored(shown)
    rule = {"type": "rule", "clip": True}
    dot = {"type": "point", "filled": True, "size": 45, "opacity": 1, "stroke": role("card")}
    cross = {"type": "point", "shape": "cross", "size": 60, "opacity": 1, "clip": True}
    arrow = {"type": "text", "fontSize": 15, "dx": 9, "clip": True}
    step = {"type": "line", "interpolate": "step-after", "strokeDash": [6, 3], "clip": True}
    y, ends = upright("y", named), {"y": upright("low", named), "y2": {"field": "high"}}
    value = tip(run="p", value="y", low="low", high="high", state="words")
    return [
        layer(
            "intervals",
            {**rule, "strokeWidth": 1.4, "opacity": 0.55},
            VISIBLE,
            x=x,
            **ends,
            **color,
        ),
        layer(
            "changes",
            {**rule, "strokeDash": [3, 3], "strokeWidth": 2},
            VISIBLE,
            x=x,
            tooltip=tip(run="p", change="words"),
            **color,
        ),
        layer(
            "levels",
            {**rule, "strokeWidth": 2.5},
            VISIBLE,
            x=x,
            x2={"field": "x2"},
            y=y,
            tooltip=tip(line="s", median="y"),
            **color,
        ),
        layer("limits", step, VISIBLE, x=x, y=y, **color),
        layer("points", {**dot, "clip": True}, VISIBLE, x=x, y=y, tooltip=value, **color),
        layer("unfit", cross, VISIBLE, x=x, y=y, tooltip=value, **color),
        layer("open", arrow, VISIBLE, x=x, y=y, text={"field": "mark", "type": "nominal"}, **color),
    ]


def _words(history: History, named: str) -> str:
    changes = "; ".join(
        f"{clean(change.run)} {change_words(history, number)}"
        for number, change in enumerate(history.changes)
    )
    limit = next((each.limit for each in reversed(history.points) if each.limit is not None), None)
    budget = "" if limit is None else f" Budget {short(limit)} {clean(history.unit)}."
    said = f"{named} of {show_count(len(history.points), 'run')} with 95 % intervals, an arrow where one has no end. "
    said += f"Changes of level: {changes}." if changes else "No change of level."
    said += f" Left out of the levels: {history.apart}." * bool(history.apart)
    return f"{said}{budget} Newest: {clean(history.newest)}."


def change_words(history: History, number: int) -> str:
    """What changed at the history's change of that number, and what else differed then."""
    change = history.changes[number]
    said = f"from {short(change.before)} to {short(change.after)} {clean(history.unit)}"
    beside = "; ".join(map(clean, change.beside))
    return f"{said} ({beside})" if beside else said


def _time(started: str) -> int:
    """Milliseconds since 1970, as the browser counts."""
    return round(datetime.fromisoformat(started).timestamp() * MS_PER_S)
