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
        (MISSING, "not measured"),
    ):
        if counted[verdict]:
            told.append(f"{counted[verdict]} {said} (marked {MARKS_OF_BUDGETS[verdict]})")
    words += f"{', '.join(told)}; the table below names them all."
    spec = matrix_spec(points, "x", centred=False, marks=MARKS_OF_BUDGETS)
    return Chart("matrix", "Measured as a share of the budget", words, spec, wide=True)


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
                "words": f"{short(value)} {one.unit}",
            }
            for (near, far), value in known.items()
        ]
        words = f"{one.words} from the row's site to the column's, the fuller the larger: "
        words += f"from {short(min(known.values()))} to {short(most)} {one.unit}."
        spec = matrix_spec(points, "x", centred=False)
        charts.append(Chart(f"matrix-{place}", f"{one.words}, {one.unit}", words, spec, wide=True))
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
    """A heat map of points with `near`, `far`, `s`, `words`: red beyond the threshold, the fuller the farther.

    The threshold is 0 where `centred`, else 1. Colours are roles, which cannot be mixed: opacity says how far. `marks` are
    what stands in a square by its `s`.
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
    beyond = {
        "type": "threshold",
        "domain": [0 if centred else 1],
        "range": [role("pass"), role("fail")],
    }
    full = {"domain": [0, 1], "range": [0.05, 0.95], "clamp": True}
    squares = layer(
        "points",
        {"type": "rect", "stroke": role("line"), "strokeWidth": 0.4},
        color=amount(field, scale=beyond, legend=None),
        opacity=amount("o", scale=full, legend=None),
        tooltip=tip(path="p", said="words"),
        **at,
    )
    sign = {"type": "text", "fontSize": 11, "fontWeight": "bold"}
    only = {"filter": "datum.mark"}
    said = {"field": "mark", "type": "nominal"}
    marked = layer("points", sign, only, text=said, color={"value": role("ink")}, **at)
    data = [_square(point, field, most if centred else 1.0, marks) for point in points]
    return spec_of([squares, marked], {"points": data}, None, height=MARGIN + SQUARE * len(names))


def _square(point: Spec, field: str, most: float, marks: Mapping[str, str]) -> Spec:
    return {
        "near": point["near"],
        "far": point["far"],
        field: point[field],
        "o": round(min(1.0, abs(point[field]) / most), 3),
        "p": f"{point['near']}-{point['far']}",
        "words": point["words"],
        "mark": marks.get(point["s"], ""),
    }
