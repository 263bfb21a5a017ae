"""A run's measured figures as CI programs take them: one number, one unit, one direction, one stable name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchkit.model.record import RunRecord
from benchkit.model.target import COMPARED
from benchkit.reports.figures import clean
from benchkit.reports.rows import ESTIMATE, UNLOADED, Row, rows_of

_NO_SLUG = re.compile(r"[^a-z0-9]+")


def cells_of(record: RunRecord) -> Iterator[Row]:
    """Every measured row with a number; what was lost or never measured is left out, for no number is right there."""
    for row in rows_of(record):
        measured = row.n is not None or row.verdict is not None
        if measured and row.estimate.value is not None:
            yield row


def has_both_ends(row: Row) -> bool:
    """Whether its interval is closed. A figure without an upper end is no ground for an alarm."""
    return row.estimate.low is not None and row.estimate.high is not None


def less_is_better(metric: str) -> bool:
    """The direction of a metric; of one that nobody declared, that of nearly all."""
    return COMPARED.get(metric, ("", True))[1]


def words_of(metric: str, phase: str, statistic: str = ESTIMATE) -> tuple[str, ...]:
    """The three as far as they tell one figure of a path from another: rtt p95, rtt up p95, goodput up.

    >>> words_of("rtt", "up", "p95"), words_of("goodput", "up")
    (('rtt', 'up', 'p95'), ('goodput', 'up'))
    """
    phase = "" if phase in {UNLOADED, metric} else phase
    # A budget on what has no percentile carries its metric's own name in that place.
    statistic = "" if statistic in {ESTIMATE, metric} else statistic
    return tuple(word for word in map(clean, (metric, phase, statistic)) if word)


def cell_name(row: Row) -> str:
    """A name that stays the same from run to run: guiyang-hangzhou/rtt_p95."""
    return f"{path_name(row.path)}/{'_'.join(words_of(row.metric, row.phase, row.statistic))}"


def path_name(path: str) -> str:
    """The path on one line, never empty: an empty key is refused by more than one consumer."""
    return clean(path) or "unnamed"


def slug(*words: str) -> str:
    """Lower-case letters, digits and dashes: "rtt-p99-9".

    >>> slug("rtt", "p99.9")
    'rtt-p99-9'
    """
    return _NO_SLUG.sub("-", "-".join(words).lower()).strip("-") or "unnamed"
