"""What `benchkit run` ends with, for everything that a run can come to."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from sample_records import passing

from benchkit.cli.exit_status import status_of
from benchkit.model.record import VERDICTS

# verdict: measured, measured and gating, not everything measured, the same and gating
STATUS = {
    "pass": (0, 0, 4, 4),
    "inconclusive": (0, 3, 4, 4),
    "fail": (1, 1, 1, 1),
    "unfit": (5, 5, 5, 5),
}
RECORD = passing()


@pytest.mark.parametrize(
    ("verdict", "unmeasured", "gate"), list(product(VERDICTS, [False, True], [False, True]))
)
def test_every_combination(verdict: str, unmeasured: bool, gate: bool) -> None:
    record = replace(RECORD, verdict=verdict)
    wanted = STATUS[verdict][2 * unmeasured + gate]
    assert status_of(record, unmeasured=unmeasured, gate=gate) == wanted
    interrupted = replace(record, interrupted=True)
    assert status_of(interrupted, unmeasured=unmeasured, gate=gate) == 130
