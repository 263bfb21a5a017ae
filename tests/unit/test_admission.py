"""Who is answered by a reflector, how often, and which session that belongs to."""

from __future__ import annotations

import pytest

from benchkit.probes import admission, reflector_sessions
from benchkit.probes.admission import Admission
from benchkit.probes.reflector_sessions import ReflectorSession, ReflectorSessions

SECOND = 1_000_000_000
HERE, THERE = "192.0.2.1", "198.51.100.1"


def test_everybody_is_answered_where_nothing_is_said() -> None:
    assert all(Admission().admits(HERE, 0) for _ in range(100_000))


@pytest.mark.parametrize(
    ("source", "admitted"),
    [
        (HERE, True),
        ("192.0.3.1", False),
        ("::ffff:192.0.2.200", True),
        ("2001:db8:1::5", True),
        ("2001:db8:2::5", False),
        ("fe80::1%eth0", False),
    ],
)
def test_only_networks_of_the_list_are_answered(source: str, admitted: bool) -> None:
    door = Admission(("192.0.2.0/24", "2001:db8:1::/48"))
    assert [door.admits(source, 0) for _ in range(2)] == [admitted, admitted]


def test_a_source_is_answered_as_often_as_its_rate_allows_and_no_more() -> None:
    door = Admission(rate_per_s=1000)
    # A burst of a tenth of a second, then one each millisecond.
    assert sum(door.admits(HERE, 0) for _ in range(500)) == 100
    assert door.admits(THERE, 0)
    over_a_second = [door.admits(HERE, at * SECOND // 5000) for at in range(1, 5001)]
    assert sum(over_a_second) == 1000


def test_a_slow_rate_still_lets_a_few_through_at_once() -> None:
    door = Admission(rate_per_s=1)
    assert sum(door.admits(HERE, 0) for _ in range(100)) == 16


def test_all_addresses_of_one_ipv6_network_are_one_source() -> None:
    door = Admission(rate_per_s=1)
    assert sum(door.admits(f"2001:db8::{number:x}", 0) for number in range(100)) == 16
    assert door.admits("2001:db8:0:1::1", 0)
    assert sum(door.admits(f"::ffff:192.0.2.{number}", 0) for number in range(100)) == 100


def test_sources_without_number_take_no_memory_without_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "MOST_SOURCES", 10)
    door = Admission(("192.0.0.0/8",), 1000)
    for last in range(200):
        door.admits(f"192.0.2.{last}", last)
    assert len(door._buckets) == len(door._known) == 10


def key(sender: str, ssid: int = 0) -> tuple[str, int]:
    return sender, ssid


def test_sessions_are_by_sender_and_begin_anew_after_a_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reflector_sessions, "MOST_SESSIONS", 3)
    sessions = ReflectorSessions()
    first = sessions.at(key("a"), 0, 0)
    assert sessions.at(key("a"), 1, 1) is first
    # A copy of the first packet, or one that was overtaken by the second, belongs to it.
    assert sessions.at(key("a"), 0, SECOND // 2) is first
    assert sessions.at(key("b"), 0, SECOND // 2) is not first
    again = sessions.at(key("a"), 0, 2 * SECOND)
    assert again is not first
    assert sessions.at(key("a"), 7, 31 * SECOND) is again
    assert sessions.at(key("a"), 8, 62 * SECOND) is not again
    for sender in "cde":
        sessions.at(key(sender), 0, 62 * SECOND)
    assert len(sessions) == 3


def test_one_source_cannot_take_the_sessions_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector_sessions, "MOST_OF_ONE", 2)
    sessions = ReflectorSessions()
    other = sessions.at(key(THERE), 0, 0)
    kept = [sessions.at(key(HERE, ssid), 0, 0) for ssid in range(50)]
    assert [each is not None for each in kept] == [True, True] + [False] * 48
    assert sessions.at(key(THERE), 1, 1) is other
    # What was silent for long makes room.
    assert sessions.at(key(HERE, 99), 0, 31 * SECOND) is not None
    assert len(sessions) == 1


def test_departures_that_nobody_asks_for_do_not_gather() -> None:
    session = ReflectorSession()
    session.oldest(1)
    for number in range(5 * reflector_sessions.MOST_UNTOLD):
        session.departed(number, number)
    assert session._count <= 2 * reflector_sessions.MOST_UNTOLD
    assert len(session._untold) <= reflector_sessions.MOST_PARTS + 1
    told = session.oldest(1 << 20)
    assert told.sequences[-1] == 5 * reflector_sessions.MOST_UNTOLD - 1
    assert (told.sequences[1:] - told.sequences[:-1] == 1).all()
