"""What docs/samples.md says of columns is what the model and the probes have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchkit.model import samples
from benchkit.probes.stream_meter import RECEIVED_COLUMNS

DOCUMENT = Path(__file__).parents[2] / "docs" / "samples.md"
FAR = (samples.FAR_SEQUENCE, samples.FAR_TTL, samples.FAR_FLAGS, samples.FAR_COPIES)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("rtt", (*samples.RTT_COLUMNS, *samples.HARDWARE_COLUMNS, samples.DUPLICATES, *FAR)),
        ("http", samples.HTTP_COLUMNS),
        ("goodput", RECEIVED_COLUMNS),
    ],
)
def test_every_column_of_samples_is_told(kind: str, columns: tuple[str, ...]) -> None:
    _, _, after = DOCUMENT.read_text("utf-8").partition(f"\n## {kind}\n")
    section, _, _ = after.partition("\n## ")
    assert tuple(re.findall(r"(?m)^\| `(\w+)` \|", section)) == columns
