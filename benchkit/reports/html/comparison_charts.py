"""Differences as forest plots, with their intervals; those of a mesh as a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchkit.model.comparison import (
    IMPROVEMENT,
    NO_DIFFERENCE,
    NOT_COMPARABLE,
    REGRESSION,
    Cell,
    Comparison,
)
from benchkit.reports.comparison_rows import answer
from benchkit.reports.figures import clean, short
from benchkit.reports.html.chart import (
    PLAIN,
    TICKS,
    VISIBLE,
    Chart,
    Spec,
    colored,
    layer,
    spec_of,
    tip,
)
from benchkit.reports.html.matrix import matrix_spec
from benchkit.reports.html.palette import role
from benchkit.reports.sentences import series_words

ROW_HEIGHT = 21
MARGIN = 60
# What a word is drawn in; the word itself stands in the tooltip, the table and the legend.
WORD_ROLES = (
    (REGRESSION, "fail"),
    (IMPROVEMENT, "pass"),
    (NOT_COMPARABLE, "inconclusive"),
    (NO_DIFFERENCE, "muted"),
)
# An interval that reaches so many times as far as most do runs off the plot, or every other row would be a dot on a dot;
# and so does what does not count, where it is so many times as wide as all that is shown.
FARTHEST, WIDEST_FLOOR = 6.0, 4.0


def forest_chart(path: str, cells: Sequence[tuple[str, Cell]], key: str) -> Chart | None:
    """The differences of one path, (candidate's letter, cell), in percent of the base; None where none is known."""
    points = [point for letter, cell in cells if (point := _point(letter, cell)) is not None]
    if not points:
        return None
    low, high = _ends(points)
    words = (
        "Each difference from the base in percent, with its 95 % interval, an arrow where it goes on; "
        "the grey bar is what does not count. "
    )
    words += " ".join(point["words"] for point in points)
    arrows = [arrow for point in points for arrow in _arrows(point, low, high)]
    points = [
        {**point, "low": _or(point["low"], low), "high": _or(point["high"], high)}
        for point in points
    ]
    shown = tuple(pair for pair in WORD_ROLES if any(point["s"] == pair[0] for point in points))
    spec = spec_of(
        _forest_layers(points, (low, high), shown),
        {"points": points, "arrows": arrows},
        None,
        height=MARGIN + ROW_HEIGHT * len(points),
    )
    return Chart(key, f"{clean(path)}: differences from the base", words, spec, shown, wide=True)


def _ends(points: Sequence[Spec]) -> tuple[float, float]:
    """What the axis spans: every difference, its interval as far as that tells, and zero between what does not count."""
    known = [
        [end for end in (point["low"], point["x"], point["high"]) if end is not None]
        for point in points
    ]
    most = FARTHEST * median(max(map(abs, row)) for row in known)
    most = max(most, *(abs(point["x"]) for point in points))
    ends = [end for row in known for end in row if abs(end) <= most]
    reach = max(map(abs, ends))
    floors = (point["floor"] for point in points)
    floor = max((each for each in floors if each <= WIDEST_FLOOR * reach or not reach), default=0.0)
    low, high = min(*ends, 0.0, -floor), max(*ends, 0.0, floor)
    margin = (high - low) * 0.06 or 1.0
    return round(low - margin, 4), round(high + margin, 4)


def _arrows(point: Spec, low: float, high: float) -> list[Spec]:
    """A tip at each edge that an interval runs off, or towards which it has no end."""
    inset = (high - low) * 0.006
    found = []
    if point["low"] is None or point["low"] < low:
        found.append((low + inset, "triangle-left"))
    if point["high"] is None or point["high"] > high:
        found.append((high - inset, "triangle-right"))
    return [{**point, "edge": round(edge, 4), "shape": shape} for edge, shape in found]


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _point(letter: str, cell: Cell) -> Spec | None:
    base, difference = cell.base, cell.difference
    if base is None or not base.value or difference is None or difference.value is None:
        return None
    scale = 100.0 / abs(base.value)
    value = difference.value * scale
    low, high = (
        None if end is None else round(end * scale, 4) for end in (difference.low, difference.high)
    )
    open_ends = [side for side, end in (("below", low), ("above", high)) if end is None]
    name = f"{series_words(cell.metric, cell.phase)} {clean(cell.statistic)}"
    row = f"{name} · {letter}" if letter else name
    ends = f"{short(low)}..{short(high)} %" if not open_ends else f"open {' and '.join(open_ends)}"
    return {
        "row": row,
        "s": cell.word,
        "x": round(value, 4),
        "low": low,
        "high": high,
        "floor": round((cell.floor or 0.0) * scale, 4),
        "interval": ends,
        "words": f"{row}: {'+' if value >= 0 else ''}{short(value)} % ({ends}), {answer(cell)}.",
    }


def _forest_layers(
    points: Sequence[Spec], ends: tuple[float, float], shown: Sequence[tuple[str, str]]
) -> list[Spec]:
    y = {
        "field": "row",
        "type": "nominal",
        "sort": list(dict.fromkeys(point["row"] for point in points)),
        "axis": {"title": None, "labelColor": role("ink"), "labelLimit": 220, "ticks": False},
    }
    scale = {"domain": [round(end, 4) for end in ends], "nice": False, "clamp": True}
    # A format alone is made as exact as the ticks are far apart, with powers of ten.
    axis = {
        "title": "difference from the base, %",
        "grid": True,
        "labelExpr": f"format(datum.value, '+{PLAIN}')",
        "tickCount": TICKS,
    }

    def x(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}

    floors = {"calculate": "-datum.floor", "as": "from"}
    hover = tip(figure="row", word="s", percent="x", interval="interval", least_that_counts="floor")
    within = {"type": "bar", "height": 15, "color": role("line"), "opacity": 0.7}
    whisker = {"type": "rule", "strokeWidth": 2.4, "clip": True}
    dot = {"type": "point", "filled": True, "size": 80, "opacity": 1, "clip": True}
    seen = {"y": y, "tooltip": hover, **colored(shown)}
    arrow = {"type": "point", "filled": True, "size": 110, "opacity": 1}
    shape = {"field": "shape", "type": "nominal", "scale": None, "legend": None}
    return [
        layer("points", within, VISIBLE, floors, y=y, x=x("from"), x2={"field": "floor"}),
        {
            "mark": {"type": "rule", "color": role("ink"), "strokeWidth": 1.2},
            "data": {"values": [{}]},
            "encoding": {"x": {"datum": 0}},
        },
        layer("points", whisker, VISIBLE, x=x("low"), x2={"field": "high"}, **seen),
        layer("points", dot, VISIBLE, x=x("x"), **seen),
        layer("arrows", arrow, VISIBLE, x=x("edge"), shape=shape, **seen),
    ]


def difference_matrix(comparison: Comparison, letter: str, key: str) -> Chart | None:
    """The judged latency of each directed path of a mesh, from the row's site to the column's; None for no mesh."""
    found = {}
    for cell in comparison.cells:
        if cell.gated and cell.metric == "rtt" and cell.statistic == "p95" and "-" in cell.path:
            point = _point("", cell)
            if point is not None:
                found[cell.path] = point
    points = [
        {"near": near, "far": far, **point}
        for name, point in found.items()
        for near, _, far in [clean(name).partition("-")]
    ]
    if not points:
        return None
    counts = {word: sum(point["s"] == word for point in points) for word, _ in WORD_ROLES}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    title = "RTT p95: difference from the base, %" + (f" · {letter}" if letter else "")
    words = f"A square for each path, from the row's site to the column's, by its difference in percent: {said}."
    return Chart(key, title, words, matrix_spec(points, "x", centred=True), wide=True)
