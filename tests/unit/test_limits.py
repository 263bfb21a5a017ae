"""What limited a stream, by the evidence."""

from __future__ import annotations

import pytest

from benchkit.campaign.limits import limited_by, payload_share
from benchkit.model.place import Direction, PathModel
from benchkit.model.samples import Samples, column

GIGABIT = PathModel(Direction(0), Direction(0), 1_000_000_000)
FREE = PathModel(Direction(0), Direction(0))
CALM = {
    "busy_us": 1000,
    "receive_window_limited_us": 0,
    "send_buffer_limited_us": 0,
    "retransmits": 0,
}


def info(**last: int) -> Samples:
    """TCP_INFO whose last row has these figures; in the row before everything limits."""
    columns = {name: column([1000, {**CALM, **last}[name]]) for name in CALM}
    return Samples("tcp_info", "a-b", "up", columns)


def test_the_share_of_the_wire_that_is_payload() -> None:
    # 1448 octets of 1538: a gigabit carries 941 Mbit/s, as every administrator has seen.
    assert payload_share(1500) * 1000 == pytest.approx(941.5, abs=0.1)
    assert payload_share(9000) * 1000 == pytest.approx(990.0, abs=0.1)


@pytest.mark.parametrize(
    ("goodput", "model", "last", "drops", "name"),
    [
        (941.0, GIGABIT, {}, 1, "emulator"),
        (941.0, GIGABIT, {"receive_window_limited_us": 900}, 0, "rate"),
        (895.0, GIGABIT, {}, 0, "rate"),
        (894.0, GIGABIT, {}, 0, "congestion window, still growing"),
        (5000.0, FREE, {}, 0, "congestion window, still growing"),
        (5000.0, None, {}, 0, "congestion window, still growing"),
        (100.0, GIGABIT, {"retransmits": 3}, 0, "congestion window, after losses"),
        (100.0, GIGABIT, {"receive_window_limited_us": 301}, 0, "receive window"),
        (100.0, GIGABIT, {"receive_window_limited_us": 300}, 0, "congestion window, still growing"),
        (100.0, GIGABIT, {"send_buffer_limited_us": 301, "retransmits": 9}, 0, "send buffer"),
        (0.0, GIGABIT, {"busy_us": 0}, 0, "congestion window, still growing"),
    ],
)
def test_the_first_that_the_evidence_shows(
    goodput: float, model: PathModel | None, last: dict[str, int], drops: int, name: str
) -> None:
    assert limited_by(goodput, model, info(**last), drops=drops) == name


def test_without_evidence_nothing_is_claimed() -> None:
    nothing = Samples("tcp_info", "a-b", "up", {name: column([]) for name in CALM})
    assert limited_by(100.0, GIGABIT, None, drops=0) == "unknown"
    assert limited_by(100.0, GIGABIT, nothing, drops=0) == "unknown"
