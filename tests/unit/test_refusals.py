"""Whoever is refused is counted each time, and told once a minute."""

from __future__ import annotations

from benchkit.clock import NS_PER_S
from benchkit.linux.refusals import MOST_REASONS, MOST_SOURCES, Refusals


def test_each_reason_has_its_own_count_and_what_is_untold_is_told_at_the_end() -> None:
    now, said = [0], []
    refusals = Refusals(said.append, lambda: now[0])
    refusals.add("192.0.2.7", "no key")
    refusals.add("192.0.2.7", "too often", 40)
    refusals.add("192.0.2.7", "too often", 60)
    refusals.add("192.0.2.7", "no key")
    assert said == ["refused 192.0.2.7: no key", "refused 192.0.2.7: too often (40 times)"]
    for _ in range(2):
        refusals.tell_rest()
    assert said[2:] == [
        "refused 192.0.2.7: no key (1 time since it was last told)",
        "refused 192.0.2.7: too often (60 times since it was last told)",
    ]


def test_who_finds_ever_new_ways_to_be_refused_fills_no_log() -> None:
    said: list[str] = []
    refusals = Refusals(said.append, lambda: 0)
    for number in range(1000):
        refusals.add("192.0.2.7", f"way {number}")
    assert len(said) == MOST_REASONS + 1
    refusals.tell_rest()
    rest = 1000 - MOST_REASONS - 1
    assert said[-1] == f"refused 192.0.2.7: for other reasons ({rest} times since it was last told)"
    assert len(refusals._sources["192.0.2.7"].reasons) == MOST_REASONS + 1


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
