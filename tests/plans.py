"""Plans, written for a test."""

from __future__ import annotations

from typing import Any

from benchkit.model.target import Plan


def plan_of(lasts_ns: int, rate: float = 100, **rest: Any) -> Plan:
    """A plan of which every part lasts so long, with as many packets or requests a second."""
    return Plan(lasts_ns, rate, lasts_ns, rate, lasts_ns, rate, lasts_ns, lasts_ns, None, **rest)
