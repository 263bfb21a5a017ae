"""The report for a terminal: the verdict first, then what it rests on. Reads as well without colour.

The usual one says everything else in a line each; the full one has every figure that the record has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from benchkit.model.record import PathRecord, RunRecord, Verdict, gravity
from benchkit.reports import background, brief_text, full_text, scaled, sentences, unfit
from benchkit.reports.distribution import distribution
from benchkit.reports.figures import cells, clean, padded
from benchkit.reports.layout import INDENT, LABEL_WIDTH, facts, hanging, section, wrapped
from benchkit.reports.mesh import is_mesh, matrices
from benchkit.reports.mesh_text import matrix_lines
from benchkit.reports.paint import Line, painted, style_of
from benchkit.reports.provenance import provenance
from benchkit.reports.reasons import is_of, reasons
from benchkit.reports.rows import series_of
from benchkit.units import by_number

LEAST_WIDTH = 40
ENVIRONMENT_LINES = 2
MOST_TOLD = 8


def render_text(
    record: RunRecord, width: int, *, color: bool, full: bool = False, found_by: str | None = None
) -> str:
    """The report in lines of at most `width` columns, as far as its words can be broken."""
    width = max(width, LEAST_WIDTH)
    lines = [*_lines(record, width, full=full)]
    if not full:
        lines += facts(background.more_facts(record, found_by), width)
    return "".join(f"{painted(line, color=color)}\n" for line in lines)


def _lines(record: RunRecord, width: int, *, full: bool) -> Iterator[Line]:
    yield from _top(record, width, full=full)
    meshed = is_mesh(record)
    for matrix in matrices(record) if meshed else ():
        yield from matrix_lines(matrix, width)
    paths = record.paths if full or not meshed else _told(record)
    for path in paths if full else _with_news(record, paths):
        yield []
        yield from _path(path, width, full=full, told=() if full else record.unfit)
    if len(paths) < len(record.paths):
        yield []
        said = f"--format full tells each of the {len(record.paths)} paths, csv and html too"
        if paths:
            are = by_number(len(paths), "is", "are")
            said = f"{len(paths)} of the {len(record.paths)} paths {are} told above; {said}"
        yield from hanging((INDENT, ""), said, width, "dim")
    yield from _background(record, width, full=full)


def _top(record: RunRecord, width: int, *, full: bool) -> Iterator[Line]:
    word, said = sentences.headline(record)
    yield from hanging((f"{word}: ", style_of(word)), said, width, "bold")
    yield from wrapped(clean(record.title), width)
    yield from wrapped(clean(record.question), width)
    yield from wrapped(provenance(record), width)
    paths = _told(record) if is_mesh(record) else record.paths
    if paths:
        yield []
    names = [clean(path.path) for path in paths]
    words = [sentences.path_word(path) for path in paths]
    name_width = max(map(cells, names), default=0)
    word_width = max(map(cells, words), default=0)
    for path, name, verdict in zip(paths, names, words, strict=True):
        first = f"{INDENT}{padded(name, name_width)}  {padded(verdict, word_width)}  "
        said = sentences.path_sentence(path)
        lines = list(hanging((first, ""), said, width))
        lines[0][:1] = [
            (f"{INDENT}{padded(name, name_width)}  ", "bold"),
            (f"{padded(verdict, word_width)}  ", style_of(verdict)),
        ]
        yield from lines
    for reason in record.unfit[1:] if full else unfit.besides(record):
        yield from hanging((f"{INDENT}unfit: ", style_of("unfit")), clean(reason), width)
    for note in record.notes if full else unfit.notes(record):
        yield from hanging((f"{INDENT}note: ", "bold"), clean(note), width)


def _told(record: RunRecord) -> Sequence[PathRecord]:
    """Of a mesh what did not pass, as far as anybody would read; its matrices show the rest."""
    wrong = [path for path in record.paths if path.verdict in ("fail", "inconclusive")]
    return sorted(wrong, key=lambda path: gravity(path.verdict))[:MOST_TOLD]


def _with_news(record: RunRecord, paths: Sequence[PathRecord]) -> Sequence[PathRecord]:
    """Those paths of which anything was measured: of an unfit run's others all is said, and of those that a note explains."""

    def is_told(path: PathRecord) -> bool:
        reasons = {verdict.reason for verdict in path.verdicts}
        return bool(record.unfit) or (bool(reasons) and reasons <= set(record.notes))

    return [path for path in paths if path.metrics or not is_told(path)]


def _path(
    path: PathRecord, width: int, *, full: bool, told: Collection[str] = ()
) -> Iterator[Line]:
    name, word = clean(path.path), sentences.path_word(path)
    rule = "─" * max(3, width - cells(name) - cells(word) - 2)
    yield [(name, "bold"), (f" {rule} ", "dim"), (word, style_of(word))]
    yield from hanging((INDENT, ""), sentences.where(path), width, "dim")
    series = series_of(path)
    spreads = [each for each in series if each.is_distribution]
    judged = [each for each in spreads if each.verdicts] or spreads[:1]
    found = reasons(path, told)
    for each in judged:
        yield []
        yield from distribution(each, width)
        yield from _reasons([(v, said) for v, said in found if is_of(v, each)], width)
    if not path.metrics:
        yield [(f"{INDENT}nothing was measured", "")]
    rest = [(v, said) for v, said in found if not any(is_of(v, each) for each in judged)]
    yield from _reasons(rest, width)
    others = [each for each in spreads if not any(each is main for main in judged)]
    rates = [each for each in series if not each.is_distribution]
    if full:
        yield from full_text.beside(others, width)
        yield from full_text.rates(rates, width)
    else:
        yield from brief_text.latencies(others, width)
        yield from brief_text.rates(rates, width)
    if told := sentences.far_end(path):
        yield from hanging((f"{INDENT}far end: ", "dim"), told, width)
    if full:
        yield from full_text.whereabouts(spreads, width)


def _reasons(found: Sequence[tuple[Verdict, str]], width: int) -> Iterator[Line]:
    for verdict, said in found:
        word = clean(verdict.verdict).upper()
        yield from hanging((f"{INDENT}{word}: ", style_of(word)), said, width)


def _background(record: RunRecord, width: int, *, full: bool) -> Iterator[Line]:
    if record.scale:
        yield from section(scaled.title(record), width)
        yield from facts(tuple(scaled.facts(record)), width)
    yield from section("Instrument", width)
    yield from facts(background.instrument_facts(record.instrument), width)
    if full:
        yield from full_text.calibration(record, width)
        yield from full_text.context(record, width)
    elif record.calibration:
        yield from brief_text.calibration(record, width)
    yield from section("Run", width)
    yield from _environment(background.environment_items(record), width)
    yield from facts(background.run_facts(record), width)


def _environment(items: Sequence[str], width: int) -> Iterator[Line]:
    """The items on two lines, as many as fit; the record has them all."""
    room = width - len(INDENT) - LABEL_WIDTH - 1
    lines = [""]
    for item in items:
        joined = f"{lines[-1]} · {item}" if lines[-1] else item
        if cells(joined) <= room or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(item)
    kept = lines[:ENVIRONMENT_LINES] if items else []
    if len(lines) > len(kept) > 0:
        kept[-1] += " …"
    for label, line in zip(("environment", ""), kept, strict=False):
        yield [(f"{INDENT}{label:{LABEL_WIDTH}} ", "dim"), (line, "")]
