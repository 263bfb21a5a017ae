"""The comparative page: candidates side by side, each held against one base."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from benchkit.model.comparison import IMPROVEMENT, REGRESSION, Cell, Comparison
from benchkit.reports import side_by_side
from benchkit.reports.comparison_rows import answer, figure_name, headline, remedy, told
from benchkit.reports.figures import clean
from benchkit.reports.html import tables
from benchkit.reports.html.chart import Chart
from benchkit.reports.html.comparison_charts import difference_matrix, forest_chart
from benchkit.reports.html.shell import page
from benchkit.reports.html.tables import Cell as Entry
from benchkit.reports.html.tables import Table

# Beyond so many paths a mesh is shown as a matrix, and only what changed has a forest of its own.
MOST_FORESTS = 12
MOST_ROWS = 3000
STYLES = {"regression": "fail", "improvement": "pass", "not comparable": "inconclusive"}


def render_comparisons(comparisons: Sequence[Comparison], home: str = "", despite: str = "") -> str:
    """The page of any number of comparisons with one and the same base; at least one.

    `despite` is the address of the same page with what differs allowed, where a dashboard serves it; elsewhere the page says
    by which options that is done.
    """
    names = side_by_side.letters(comparisons)
    word = side_by_side.gravest(comparisons)
    charts, left_out = _forests(comparisons, names)
    matrices = [
        difference_matrix(each, name, f"matrix-{place}")
        for place, (each, name) in enumerate(zip(comparisons, names, strict=True))
        if left_out
    ]
    return page(
        "comparison.html.j2",
        home,
        word=word.upper(),
        verdict=STYLES.get(word, "none"),
        said=_said(comparisons),
        name=clean(comparisons[0].base[0]),
        banners=_banners(comparisons, names),
        notes=list(dict.fromkeys(clean(note) for each in comparisons for note in each.notes)),
        sides=_sides(comparisons, names),
        matrices=[chart for chart in matrices if chart is not None],
        forests=charts,
        left_out=left_out,
        reasons=_reasons(comparisons, names),
        figures=_figures(comparisons, names),
        despite=despite,
    )


def _said(comparisons: Sequence[Comparison]) -> str:
    if len(comparisons) == 1:
        return headline(comparisons[0])[1]
    worse = sum(each.word == REGRESSION for each in comparisons)
    better = sum(each.word == IMPROVEMENT for each in comparisons)
    apart = sum(bool(each.differs) for each in comparisons)
    counts = ((worse, "worse"), (better, "better"), (apart, "not comparable"))
    said = ", ".join(f"{count} {word}" for count, word in counts if count) or "none differs"
    return f"{len(comparisons)} candidates against one base: {said}"


def _banners(
    comparisons: Sequence[Comparison], names: Sequence[str]
) -> list[tuple[str, list[str], str]]:
    """Which candidate cannot be compared, the lines in which it differs from the base, and what compares it all the same."""
    return [
        (
            f"{name + ': ' if name else ''}{', '.join(map(clean, each.candidate))}",
            [clean(line) for line in each.differs],
            remedy(each),
        )
        for each, name in zip(comparisons, names, strict=True)
        if each.differs
    ]


def _sides(comparisons: Sequence[Comparison], names: Sequence[str]) -> Table:
    header = ("run", "", "judged cells", "worse", "better", "missing", "answer")
    rows = [(_runs(comparisons[0].base), Entry("base"), *(Entry("") for _ in range(5)))]
    for each, name in zip(comparisons, names, strict=True):
        gated = each.gated
        counts = (
            len(gated),
            sum(cell.word == REGRESSION for cell in gated),
            sum(cell.word == IMPROVEMENT for cell in gated),
            sum(cell.missing is not None for cell in gated),
        )
        rows.append(
            (
                _runs(each.candidate),
                Entry(name or "candidate"),
                *(Entry(str(count), count) for count in counts),
                Entry(each.word, verdict=STYLES.get(each.word)),
            )
        )
    return Table("sides", "Runs", header, tuple(rows))


def _runs(runs: Sequence[str]) -> Entry:
    """The runs of one side; a single one can be opened."""
    return Entry(", ".join(map(clean, runs)), run=runs[0] if len(runs) == 1 else "")


def _forests(comparisons: Sequence[Comparison], names: Sequence[str]) -> tuple[list[Chart], int]:
    """A forest for each path, and for how many there was no room: then those that changed come first."""
    lines = side_by_side.lines_of(comparisons)
    paths: list[tuple[str, list[tuple[str, Cell]]]] = []
    for path, group in groupby(lines, lambda line: line.first.path):
        cells = [
            (name, cell)
            for line in group
            for name, cell in zip(names, line.cells, strict=True)
            if cell is not None and cell.gated and cell.statistic != "loss"
        ]
        paths.append((path, cells))
    paths.sort(key=lambda pair: not any(cell.word in STYLES for _, cell in pair[1]))
    shown = paths[:MOST_FORESTS]
    charts = [
        forest_chart(path, cells, f"forest-{place}")
        for place, (path, cells) in enumerate(shown, start=1)
    ]
    return [chart for chart in charts if chart is not None], len(paths) - len(shown)


def _reasons(comparisons: Sequence[Comparison], names: Sequence[str]) -> list[tuple[str, str, str]]:
    """(style, which cell, why) of each change."""
    return [
        (
            STYLES.get(word, "none"),
            f"{name + ' · ' if name else ''}{clean(cell.path)}, {what}: {word}",
            why,
        )
        for each, name in zip(comparisons, names, strict=True)
        for cell in each.cells
        for what, word, why in told([cell], each.differs)
    ][:MOST_ROWS]


def _figures(comparisons: Sequence[Comparison], names: Sequence[str]) -> Table:
    header = (
        *("path", "figure", "judged", "base"),
        *(f"{name} difference".strip() for name in names),
        *(f"{name} answer".strip() for name in names),
    )
    lines = side_by_side.lines_of(comparisons)
    many = len(lines) > MOST_ROWS
    rows = [_figure(line) for line in lines if line.first.gated or not many][:MOST_ROWS]
    return Table("figures", "All figures", header, tuple(rows))


def _figure(line: side_by_side.Line) -> tuple[tables.Cell, ...]:
    cell, places = line.first, side_by_side.places_of(line)
    differences = [
        Entry(
            side_by_side.difference_words(each, places, marked=False),
            each.difference.value if each is not None and each.difference else None,
        )
        for each in line.cells
    ]
    answers = [
        Entry("") if each is None else Entry(answer(each), verdict=STYLES.get(each.word))
        for each in line.cells
    ]
    figure = figure_name(cell)
    return (
        Entry(clean(cell.path)),
        Entry(figure),
        Entry("yes" if cell.gated else "shown"),
        Entry(side_by_side.value_words(line.base, places), line.base.value if line.base else None),
        *differences,
        *answers,
    )
