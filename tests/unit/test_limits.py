"""What limited a stream, by the evidence of both ends' kernels, and the figures of RFC 6349."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchkit.campaign.evidence import Evidence, evidence
from benchkit.campaign.limits import limited_by
from benchkit.campaign.rfc6349 import rfc6349
from benchkit.model.place import Direction, PathModel
from benchkit.model.samples import Samples, column
from benchkit.planning.framing import Framing

MS = 1_000_000
GIGABIT = PathModel(Direction(5 * MS), Direction(5 * MS), 1_000_000_000)
FREE = PathModel(Direction(0), Direction(0))
CALM = Evidence(
    sender_cpu=0.1,
    receiver_cpu=0.1,
    busy=1.0,
    receive_window=0.0,
    send_buffer=0.0,
    application=0.0,
    lost=0,
    rtt_us=10_000,
    least_rtt_us=10_000,
    sent_octets=1000,
    resent_octets=0,
    window_octets=125_000,
    offered_octets=200_000,
)


def test_the_share_of_the_wire_that_is_payload() -> None:
    # 1448 octets of 1538: a gigabit carries 941 Mbit/s, as every administrator has seen.
    assert Framing(1500).share * 1000 == pytest.approx(941.5, abs=0.1)
    assert Framing(9000).share * 1000 == pytest.approx(990.0, abs=0.1)


@pytest.mark.parametrize(
    ("goodput", "model", "changes", "drops", "name"),
    [
        (941.0, GIGABIT, {}, 1, "emulator"),
        (941.0, GIGABIT, {"receive_window": 0.9}, 0, "rate"),
        (895.0, GIGABIT, {}, 0, "rate"),
        (941.9, GIGABIT, {}, 0, "rate"),
        (947.7, GIGABIT, {}, 0, "rate, which leaves at most 941.5 Mbit/s"),
        (894.0, GIGABIT, {}, 0, "congestion window, still growing"),
        (5000.0, FREE, {}, 0, "congestion window, still growing"),
        (5000.0, None, {"sender_cpu": 0.95, "receive_window": 0.5}, 0, "sender CPU"),
        (5000.0, None, {"receiver_cpu": 0.95, "receive_window": 0.5}, 0, "receiver CPU"),
        (100.0, GIGABIT, {"lost": 3}, 0, "congestion window, after losses"),
        (
            100.0, GIGABIT, {"receive_window": 0.31}, 0,
            "receive window, 195 KiB where the path needs 1221 KiB",
        ),
        (100.0, None, {"receive_window": 0.31}, 0, "receive window, 195 KiB"),
        (100.0, GIGABIT, {"receive_window": 0.3}, 0, "congestion window, still growing"),
        (
            100.0, GIGABIT, {"send_buffer": 0.31, "lost": 9}, 0,
            "send buffer, 122 KiB under way where the path needs 1221 KiB",
        ),
        (100.0, GIGABIT, {"application": 0.6}, 0, "application"),
        (100.0, GIGABIT, {"busy": 0.4}, 0, "application"),
        (5000.0, FREE, {"busy": 0.4, "sender_cpu": 0.8}, 0, "sender CPU"),
        (100.0, None, {"rtt_us": 15_000}, 0, "the bottleneck, with 5 ms of queue before it"),
        (100.0, None, {"rtt_us": 15_000, "lost": 3}, 0, "the bottleneck, with 5 ms of queue before it"),
        (100.0, GIGABIT, {"rtt_us": 15_000, "lost": 3}, 0, "congestion window, after losses"),
        (100.0, None, {"rtt_us": None, "least_rtt_us": None, "lost": 3}, 0, "congestion window, after losses"),
    ],
)  # fmt: skip
def test_the_first_that_the_evidence_shows(
    goodput: float,
    model: PathModel | None,
    changes: dict[str, float | None],
    drops: int,
    name: str,
) -> None:
    assert limited_by(goodput, model, replace(CALM, **changes), drops=drops) == name  # type: ignore[arg-type]


def test_without_evidence_nothing_is_claimed() -> None:
    assert limited_by(100.0, GIGABIT, None, drops=0) == "unknown"


def goodput(rates: list[int]) -> Samples:
    """Ten intervals a second of so many octets each, with a tenth of a processor."""
    edges = [at * 100 * MS for at in range(len(rates) + 1)]
    columns = {
        "start_ns": edges[:-1],
        "end_ns": edges[1:],
        "octets": rates,
        "cpu_ns": [10 * MS] * len(rates),
    }
    return Samples("goodput", "a-b", "up", {name: column(each) for name, each in columns.items()})


def info(rows: list[dict[str, int]]) -> Samples:
    names = list(rows[0])
    return Samples(
        "tcp_info", "a-b", "up", {name: column([row[name] for row in rows]) for name in names}
    )


def test_evidence_is_of_the_plateau_alone_and_of_all_streams() -> None:
    rows = [
        {
            "stream": stream,
            "at_ns": at * 100 * MS,
            "busy_us": at * 100_000,
            "receive_window_limited_us": 90_000 if at else 0,  # all of it while it ramped
            "send_buffer_limited_us": at * 25_000,
            "retransmits": 7 if at else 0,
            "rtt_us": 10_000 + 1000 * stream,
            "min_rtt_us": 9_000,
            "sent_octets": at * 1000,
            "resent_octets": at * 10,
            "cpu_ns": at * 50 * MS * stream,
            "offered_window": 1000,
            "window_segments": 10,
            "segment_octets": 100,
            "application_limited": 0,
        }
        for at in range(11)
        for stream in (1, 2)
    ]
    found = evidence(goodput([1_250_000] * 10), info(rows), ramp_s=0.2)
    assert found is not None
    assert found.receive_window == 0
    assert found.send_buffer == pytest.approx(0.25)
    assert found.busy == pytest.approx(1.0)
    assert found.lost == 0
    assert found.sender_cpu == pytest.approx(1.0)
    assert found.receiver_cpu == pytest.approx(0.05)
    assert (found.rtt_us, found.least_rtt_us) == (11_500, 9_000)
    assert (found.sent_octets, found.resent_octets) == (16_000, 160)
    assert found.offered_octets == 2000
    # 100 Mbit/s for 11.5 ms
    assert found.window_octets == pytest.approx(143_750)


def test_evidence_of_a_kernel_that_tells_little() -> None:
    rows = [{"busy_us": 1000, "receive_window_limited_us": 400, "retransmits": 2}] * 2
    found = evidence(goodput([1000] * 3), info(rows), ramp_s=0)
    assert found is not None
    assert (found.sender_cpu, found.rtt_us, found.window_octets) == (None, None, None)
    assert evidence(goodput([1000] * 3), None, ramp_s=0) is None


def test_the_figures_of_rfc_6349() -> None:
    # A tenth of a second of nothing, then the whole of what a gigabit carries.
    rate = round(1e9 * 1448 / 1538 / 80)
    found = rfc6349(
        goodput([0] + [rate] * 9),
        replace(CALM, rtt_us=15_000, sent_octets=10_000, resent_octets=100),
        GIGABIT,
        10.0 * MS,
    )
    assert found["bdp_mbit"] == pytest.approx(10)
    assert found["window_needed_octets"] == 1_250_000
    assert found["transfer_time_ratio"] == pytest.approx(10 / 9, abs=0.001)
    assert found["tcp_efficiency_percent"] == pytest.approx(99.0)
    assert found["buffer_delay_percent"] == pytest.approx(50.0)


def test_without_a_configured_rate_there_is_no_ideal_time() -> None:
    found = rfc6349(goodput([1_250_000] * 5), CALM, None, None)
    assert "transfer_time_ratio" not in found
    # Of the 100 Mbit/s that were reached, and TCP's least round trip.
    assert found["bdp_mbit"] == pytest.approx(1)
    assert found["buffer_delay_percent"] == 0
