"""Where the sites are, and the paths between them: a map, or a drawing of their distances."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.model.place import Site
from benchkit.model.record import VERDICTS, RunRecord
from benchkit.reports.figures import clean
from benchkit.reports.html.chart import Chart, Spec, layer, sort, spec_of, tip
from benchkit.reports.html.map_labels import SIDES, Line, beside, side_of
from benchkit.reports.html.palette import role
from benchkit.reports.html.site_places import Places, places_of
from benchkit.reports.provenance import is_of_meters
from benchkit.reports.sentences import path_sentence, path_word

SIZE = 300  # in pixels
GRAVEST_LAST = sorted(VERDICTS, key=("pass", "inconclusive", "unfit", "fail").index)


def site_map(record: RunRecord, sites: Sequence[Site]) -> Chart | None:
    """The sites and the paths between them: by coordinates where all have some, else by their distances; of meters none."""
    if not record.paths or is_of_meters(record):
        return None
    places, kind = places_of(record, sites)
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
    return Chart("map", "Where the sites are", words, _map_spec(dots, lines, places), caption=kind)


def _map_spec(dots: Sequence[Spec], lines: Sequence[Spec], places: Places) -> Spec:
    # One scale for both axes, or a map would lie about directions.
    xs, ys = zip(*places.values(), strict=True)
    reach = max(max(xs) - min(xs), max(ys) - min(ys), 1.0) * 0.68
    sides, lengths = _labels(dots, lines, SIZE / (2 * reach))

    def at(x: str, y: str) -> Spec:
        return {"x": _axis(x, xs, reach), "y": _axis(y, ys, reach)}

    color = sort("verdict", {"domain": list(VERDICTS), "range": [role(each) for each in VERDICTS]})
    rule = {"type": "rule", "strokeWidth": 3, "strokeCap": "round"}
    dot = {"type": "point", "filled": True, "size": 130, "color": role("ink"), "opacity": 1}
    length = {"type": "text", "color": role("muted")}
    name = {"type": "text", "fontSize": 12, "fontWeight": "bold"}
    layers = [
        layer(
            "lines",
            rule,
            x2={"field": "x2"},
            y2={"field": "y2"},
            color=color,
            tooltip=tip(path="s", verdict="words", km="km"),
            **at("x", "y"),
        ),
        *(
            layer(f"km{number}", {**length, **how}, text={"field": "km"}, **at("xm", "ym"))
            for number, (how, _) in enumerate(lengths)
        ),
        layer("dots", dot, tooltip=tip(site="s"), **at("x", "y")),
        *(
            layer(side, {**name, **SIDES[side][1]}, text={"field": "s"}, **at("x", "y"))
            for side in sides
        ),
    ]
    texts = {f"km{number}": its for number, (_, its) in enumerate(lengths)}
    # Both ways between two sites are one line: the graver lies on top.
    drawn = sorted(lines, key=lambda line: GRAVEST_LAST.index(line["verdict"]))
    data = {"dots": dots, "lines": drawn, **sides, **texts}
    # Names at the rim make the picture wider: were they fitted in, one axis would shrink, and directions lie.
    shape = {"width": SIZE, "autosize": {"type": "pad", "contains": "content"}}
    return {**spec_of(layers, data, None, height=SIZE), **shape}


def _axis(field: str, values: Sequence[float], reach: float) -> Spec:
    middle = (max(values) + min(values)) / 2
    scale = {"domain": [middle - reach, middle + reach], "nice": False}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": None}


def _labels(
    dots: Sequence[Spec], lines: Sequence[Spec], scale: float
) -> tuple[dict[str, list[Spec]], list[tuple[Spec, list[Spec]]]]:
    """Names by the side of their site that they stand at, and lengths by how they are set beside their lines."""
    drawn = [
        Line(
            (line["x"] * scale, line["y"] * scale),
            (line["x2"] * scale, line["y2"] * scale),
        )
        for line in lines
    ]
    sites = [(dot["x"] * scale, dot["y"] * scale) for dot in dots]
    names: dict[str, list[Spec]] = {}
    for dot, site in zip(dots, sites, strict=True):
        names.setdefault(side_of(site, drawn, sites), []).append(dot)
    lengths = [(beside(each, drawn), [line]) for line, each in zip(lines, drawn, strict=True)]
    return names, lengths
