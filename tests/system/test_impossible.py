"""A model that the emulator cannot give here is refused with both numbers, and nothing is judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import benchkit, quick_target

pytestmark = pytest.mark.privileged


def refused(folder: Path, old: str, new: str, *words: str) -> str:
    """What the report says of the target after one change; it must end as unfit."""
    target = Path(quick_target(folder))
    text = target.read_text()
    assert old in text
    target.write_text(text.replace(old, new))
    done = benchkit("run", str(target), *words, "--results", str(folder / "results"))
    assert done.returncode == 5, done.stderr
    assert done.stdout.startswith("UNFIT")
    return " ".join(done.stdout.split())


def test_a_delay_below_the_floor(tmp_path: Path) -> None:
    said = refused(tmp_path, 'delay = "2 ms"', 'delay = "1 us"')
    assert "a delay of 0.001 ms was asked for, and packets take 0." in said


def test_a_rate_that_does_not_pass(tmp_path: Path) -> None:
    words = ("--probe", "rtt", "--probe", "tcp")
    said = refused(tmp_path, 'rate = "200 Mbit/s"', 'rate = "24 Gbit/s"', *words)
    assert "asked for a rate of 24000.000 Mbit/s, got " in said
