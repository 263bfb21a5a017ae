"""A mesh of sites as a matrix: a square for each directed path, from the row's site to the column's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from benchkit.model.comparison import REGRESSION
from benchkit.model.record import PathRecord, RunRecord
from benchkit.reports.figures import clean, short
from benchkit.reports.html.chart import Chart, Spec, amount, layer, spec_of, tip
from benchkit.reports.html.palette import role
from benchkit.reports.mesh import matrices
from benchkit.reports.sentences import path_sentence

MARGIN = 60
SQUARE = 13
# Of so few sites each square has room for its figure, on ground that is no fuller than it can be read on.
MOST_WRITTEN, WRITTEN = 12, 22
FULLEST, FULLEST_WRITTEN = 0.95, 0.55
UNFIT = "unfit"
# What is wrong is a cross too, for those who see no difference of colours; what is not known is no shade of anything.
MISSING = "missing"
CROSS, OPEN, NONE = "\N{MULTIPLICATION SIGN}", "?", "\N{EN DASH}"
MARKS = {REGRESSION: CROSS, "fail": CROSS}
MARKS_OF_BUDGETS = {**MARKS, "inconclusive": OPEN, MISSING: NONE}
# A figure that was lost is beyond any budget; as many budgets high it is drawn.
LOST_RATIO = 2.0


def budget_matrix(paths: Sequence[PathRecord]) -> Chart | None:
    """Each path's judged figure as a share of its budget; None where nothing was judged."""
    points = [point for path in paths if (point := _share(path)) is not None]
    counted = Counter(point["s"] for point in points)
    if counted[MISSING] == len(points):
        return None
    words = "A square for each path, from the row's site to the column's, by the judged figure as a share of its budget, fuller the nearer: "
    told = [f"{len(points) - counted[MISSING]} measured"]
    for verdict, said in (
        ("fail", "beyond their budget"),
        ("inconclusive", "left open"),
        (UNFIT, "unfit"),
        (MISSING, "not measured"),
    ):
        if counted[verdict]:
            sign = f" (marked {each})" if (each := MARKS_OF_BUDGETS.get(verdict)) else ""
            told.append(f"{counted[verdict]} {said}{sign}")
    words += f"{', '.join(told)}; the table below names them all."
    spec = matrix_spec(points, "x", centred=False, marks=MARKS_OF_BUDGETS)
    key = "violet: unfit" if counted[UNFIT] else "green within it, red beyond"
    units = {clean(each.unit) for path in paths for each in path.verdicts}
    unit = f", {units.pop()}" if len(units) == 1 else ""
    title = f"Measured{unit}, the fuller the larger a share of the budget: {key}"
    return Chart("matrix", title, words, spec, wide=True)


def figure_matrices(record: RunRecord) -> list[Chart]:
    """Every figure of a mesh that no budget judges, the fuller the larger."""
    charts = []
    for place, one in enumerate(matrices(record)):
        known = {way: cell.value for way, cell in one.cells.items() if cell.value is not None}
        if not known or any(cell.verdict for cell in one.cells.values()):
            continue
        most = max(known.values()) or 1.0
        points = [
            {
                "near": near,
                "far": far,
                "s": "",
                "x": round(value / most, 4),
                "figure": short(value),
                "words": f"{short(value)} {one.unit}",
            }
            for (near, far), value in known.items()
        ]
        words = f"{one.words} from the row's site to the column's, the fuller the larger: "
        words += f"from {short(min(known.values()))} to {short(most)} {one.unit}."
        spec = matrix_spec(points, "x", centred=False)
        title = f"{one.words}, {one.unit}: the fuller the larger"
        charts.append(Chart(f"matrix-{place}", title, words, spec, wide=True))
    return charts


def _share(path: PathRecord) -> Spec | None:
    asked = [each for each in path.verdicts if each.limit]
    judged = [each for each in asked if each.measured is not None]
    if not judged:
        return _missing(path) if asked else None
    worst = next((each for each in judged if each.verdict == path.verdict), judged[0])
    value = worst.measured.value if worst.measured is not None else None
    return {
        "near": clean(path.near),
        "far": clean(path.far),
        "s": path.verdict,
        "x": LOST_RATIO if value is None else round(value / worst.limit, 4),
        "figure": "lost" if value is None else short(value),
        "words": f"{short(value)} of {short(worst.limit)} {clean(worst.unit)}: {path_sentence(path)}",
    }


def _missing(path: PathRecord) -> Spec:
    """A path with a budget and nothing to hold against it: why, as its verdict says."""
    return {
        "near": clean(path.near),
        "far": clean(path.far),
        "s": MISSING,
        "x": 0.0,
        "words": f"{path_sentence(path)}: {clean(path.verdicts[0].reason)}",
    }


def matrix_spec(
    points: Sequence[Spec], field: str, *, centred: bool, marks: Mapping[str, str] = MARKS
) -> Spec:
    """A heat map of points with `near`, `far`, `s`, `words`, and perhaps a `figure`: red beyond the threshold, the fuller the farther.

    The threshold is 0 where `centred`, else 1. What is unfit has a colour of its own, and so has what was not judged, whose
    `s` is "". Colours are roles, which cannot be mixed: opacity says how far. `marks` are what stands in a square by its `s`.
    """
    names = list(dict.fromkeys([p["near"] for p in points] + [p["far"] for p in points]))
    most = max((abs(point[field]) for point in points), default=1.0) or 1.0
    axis = {"title": None, "labelFontSize": 9, "labelLimit": 80, "ticks": False, "domain": False}
    at = {
        "y": {"field": "near", "type": "nominal", "sort": names, "axis": axis},
        "x": {
            "field": "far",
            "type": "nominal",
            "sort": names,
            "axis": {**axis, "labelAngle": -60},
        },
    }
    is_written = len(names) <= MOST_WRITTEN
    range_ = [0.05, FULLEST_WRITTEN if is_written else FULLEST]
    full = {"domain": [0, 1], "range": range_, "clamp": True}
    squares = layer(
        "points",
        {"type": "rect", "stroke": role("line"), "strokeWidth": 0.4},
        color={"field": "color", "type": "nominal", "scale": None, "legend": None},
        opacity=amount("o", scale=full, legend=None),
        tooltip=tip(path="p", said="words"),
        **at,
    )
    sign = {"type": "text", "fontSize": 11, "fontWeight": "normal" if is_written else "bold"}
    only = {"filter": "datum.text"}
    said = {"field": "text", "type": "nominal"}
    marked = layer("points", sign, only, text=said, color={"value": role("ink")}, **at)
    threshold = 0.0 if centred else 1.0
    data = []
    for point in points:
        mark = marks.get(point["s"], "")
        figure = point.get("figure", "") if is_written else ""
        square = _square(point, field, most if centred else 1.0)
        color = role(_color(point["s"], beyond=point[field] > threshold))
        data.append({**square, "color": color, "mark": mark, "text": f"{figure} {mark}".strip()})
    height = MARGIN + (WRITTEN if is_written else SQUARE) * len(names)
    return spec_of([squares, marked], {"points": data}, None, height=height)


def _color(word: str, *, beyond: bool) -> str:
    if word == UNFIT:
        return "unfit"
    if not word:
        return "idle"
    return "fail" if beyond else "pass"


def _square(point: Spec, field: str, most: float) -> Spec:
    return {
        "near": point["near"],
        "far": point["far"],
        field: point[field],
        "o": round(min(1.0, abs(point[field]) / most), 3),
        "p": f"{point['near']}-{point['far']}",
        "words": point["words"],
    }
