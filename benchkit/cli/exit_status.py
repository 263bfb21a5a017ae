"""What a command ends with: the table of the design, and which of several statuses stands for all."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from benchkit.errors import AskedWronglyError, MeasureError, UnfitError

if TYPE_CHECKING:  # numpy, which `--help` need not pay for
    from benchkit.model.record import RunRecord

FAILED, INCONCLUSIVE, INTERRUPTED = 1, 3, 130
# As of a program that SIGPIPE ended: whoever read stdout has gone, and what it said is no verdict.
UNREAD = 141
ASKED_WRONGLY = AskedWronglyError.exit_code
UNMEASURED = MeasureError.exit_code
UNFIT = UnfitError.exit_code
# What was proved broken is broken, whatever else could not be measured.
GRAVEST_FIRST = (INTERRUPTED, UNFIT, FAILED, UNMEASURED, ASKED_WRONGLY, INCONCLUSIVE, 0)


def status_of(record: RunRecord, *, unmeasured: bool, gate: bool) -> int:
    """The exit status of a run, the gravest reason first."""
    reasons = (
        (record.interrupted, INTERRUPTED),
        (record.verdict == "unfit", UNFIT),
        (record.verdict == "fail", FAILED),
        (unmeasured, UNMEASURED),
        (record.verdict == "inconclusive" and gate, INCONCLUSIVE),
    )
    return next((status for holds, status in reasons if holds), 0)


def gravest(statuses: Collection[int]) -> int:
    """The one exit status that says the worst of several runs."""
    return next(status for status in GRAVEST_FIRST if status in statuses)
