"""One thing that was found out about this machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from benchkit.clock import NS_PER_MS, NS_PER_US

State = Literal["ok", "warning", "no"]
# What is late by so much at its p99 is told as a warning.
WORRYING_NS = NS_PER_MS


@dataclass(frozen=True)
class Finding:
    """A topic, how it stands, what was found, and what would mend it (empty where nothing need be).

    `figures` are the numbers in it, for programs.
    """

    topic: str
    state: State
    said: str
    remedy: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


def to_plain(finding: Finding) -> dict[str, Any]:
    """As JSON holds it; an empty remedy and no figures are absent."""
    plain = {"topic": finding.topic, "state": finding.state, "said": finding.said}
    more = {"remedy": finding.remedy, "figures": dict(finding.figures)}
    return {**plain, **{key: value for key, value in more.items() if value}}


def from_plain(plain: Mapping[str, str]) -> Finding:
    """Read what `to_plain` gave."""
    state: State = "warning"
    if plain["state"] == "ok":
        state = "ok"
    elif plain["state"] == "no":
        state = "no"
    return Finding(plain["topic"], state, plain["said"], plain.get("remedy", ""))


def middle_and_tail_ns(values_ns: Sequence[int]) -> tuple[int, int]:
    """The nearest-rank p50 and p99 of at least one value."""
    ranked = sorted(values_ns)
    middle, tail = (ranked[math.ceil(len(ranked) * share) - 1] for share in (0.5, 0.99))
    return middle, tail


def microseconds(value_ns: int) -> str:
    """In words, as in 12.3 us."""
    return f"{value_ns / NS_PER_US:.1f} us"
