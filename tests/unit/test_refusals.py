"""Whoever is refused is counted each time, and told once a minute."""

from __future__ import annotations

from benchkit.clock import NS_PER_S
from benchkit.linux.refusals import MOST_SOURCES, Refusals


def test_a_source_is_told_once_a_minute_and_counted_each_time() -> None:
    now, said = [0], []
    refusals = Refusals(said.append, lambda: now[0])
    for _ in range(5):
        refusals.add("192.0.2.7", "no STAMP")
    refusals.add("192.0.2.8", "no STAMP")
    assert said == ["refused 192.0.2.7: no STAMP", "refused 192.0.2.8: no STAMP"]
    now[0] = 60 * NS_PER_S
    refusals.add("192.0.2.7", "no STAMP")
    assert said[2:] == ["refused 192.0.2.7: no STAMP (5 times since it was last told)"]
    assert refusals.total == 7


def test_as_many_sources_as_there_are_addresses_take_no_more_memory() -> None:
    refusals = Refusals(lambda _: None, lambda: 0)
    for number in range(3 * MOST_SOURCES):
        refusals.add(str(number), "no STAMP")
    assert len(refusals._sources) == MOST_SOURCES
