"""What records of the first days called otherwise, in today's words: no run that was ever written becomes unreadable."""

from __future__ import annotations

from typing import Any

# A calibration was of the delay alone, and had its unit in its names.
_OF_DELAY = {"asked_ms": "asked", "got_ms": "got", "floor_ms": "floor", "tolerance_ms": "tolerance"}


def in_words_of_today(data: dict[str, Any]) -> dict[str, Any]:
    """The same record; what is misshapen stays as it is, for the check that comes next."""
    rows = data.get("calibration")
    if not isinstance(rows, list):
        return data
    return {**data, "calibration": [_calibration(row) for row in rows]}


def _calibration(row: Any) -> Any:  # noqa: ANN401  not checked yet
    if not (isinstance(row, dict) and "asked_ms" in row):
        return row
    renamed = {_OF_DELAY.get(key, key): value for key, value in row.items()}
    return {"quantity": "delay", "unit": "ms", **renamed}
