"""Records for the formats of other tools, with details and with hostile names."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sample_records import SAMPLE_RECORDS, failing, passing

from benchkit.model.record import RunRecord
from benchkit.reports import render

DETAILS = {"mean": 8.6, "stddev": 0.05, "min": 8.4, "q1": 8.45, "q3": 8.55}
HOSTILE = 'a|b\nc%`*<script>&\x1b[31m\x00,"d"\u202e::error::\\'


def detailed() -> RunRecord:
    """A passing run whose latencies have what pytest-benchmark's readers want."""
    whole = passing()
    return replace(whole, paths=tuple(_detailed(path) for path in whole.paths))


def _detailed(path: Any) -> Any:
    idle, *rest = path.metrics
    return replace(path, metrics=(replace(idle, details=DETAILS), *rest))


def hostile() -> RunRecord:
    """A failing run in which every name is out to break a format."""
    whole = failing()
    path = whole.paths[1]
    verdict = replace(path.verdicts[0], reason=HOSTILE, fact=HOSTILE)
    metric = replace(path.metrics[0], phase=HOSTILE, details=DETAILS)
    only = replace(path, path=HOSTILE, verdicts=(verdict, verdict), metrics=(metric, metric))
    return replace(whole, paths=(only,), target=HOSTILE, run=HOSTILE, name=HOSTILE)


RECORDS = {**SAMPLE_RECORDS, "detailed": detailed, "hostile": hostile}
every_record = pytest.mark.parametrize("name", RECORDS)


def action_rows(record: RunRecord) -> list[dict[str, Any]]:
    both = ("benchmark-action-smaller", "benchmark-action-bigger")
    return [row for form in both for row in json.loads(render(record, form))]
