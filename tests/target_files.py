"""A small target that is right, and what is told of one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchkit.errors import TargetError
from benchkit.model.target import Target
from benchkit.targets import find_target, load_target, shipped_targets

SHIPPED = find_target("guizhou")
ALL_SHIPPED = ", ".join(sorted(path.stem for path in shipped_targets()))

GOOD = """\
schema = 1
title = "Two ends"
context = ["guizhou-2024:pue"]

[[site]]
name = "near"
latitude = 26.647
longitude = 106.630

[[site]]
name = "far"
latitude = 23.129
longitude = 113.264

[defaults.model]
route_factor = 1.2
loss = "0 %"

[[path]]
from = "near"
to = "far"

[path.model]
mtu = 1400

[[path.budget]]
metric = "rtt"
fact = "guizhou-2024:guiyang-guangzhou"

[[path.budget]]
metric = "goodput"
limit = "90 Mbit/s"

[plan]
duration = "1 s"
rate = "50/s"
"""

TIMES = "ns, us, µs, ms, s, min or h"
PLACED = "latitude = 26.647\nlongitude = 106.630"
FACT = 'fact = "guizhou-2024:guiyang-guangzhou"'


def load(text: str) -> Target:
    """The target of this text, which messages name x.toml."""
    Path("x.toml").write_text(text, encoding="utf-8")
    return load_target("x.toml")


def problems(text: str) -> tuple[str, ...]:
    """What is told of this text, a line each."""
    with pytest.raises(TargetError) as caught:
        load(text)
    return caught.value.problems
