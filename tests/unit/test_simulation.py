"""The simulator: what must hold for any link, and what is known of TCP on a link that is known."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchkit.planning import ceilings
from benchkit.planning.simulation import Scenario, jain, simulate
from benchkit.planning.simulation_notices import Notices
from benchkit.planning.simulation_pipe import Heard, Pipe

BDP = 125_000.0  # of 100 Mbit/s at 10 ms
LINK = Scenario(rate_bps=100e6, rtt_ns=10e6, buffer_octets=BDP, duration_ns=8_000_000_000)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["reno", "cubic", "bbr"]), st.integers(1, 20), st.floats(0, 0.05), st.floats(0.25, 4),
    st.integers(0, 99),
)  # fmt: skip
def test_no_link_carries_more_than_its_rate(
    control: str, flows: int, loss: float, buffer: float, seed: int
) -> None:
    found = simulate(
        replace(LINK, congestion=control, flows=flows, loss=loss, buffer_octets=buffer * BDP,
                duration_ns=1_000_000_000, seed=seed)
    )  # fmt: skip
    # Only whole segments arrive: of each flow one may have been begun before it is counted.
    begun = flows * 1538 * 8 / 100e6
    assert 0 < found.utilisation * found.path_s <= 1.001 * found.path_s + begun
    assert 1 / flows <= found.fairness <= 1.0 + 1e-9
    # Drops are whole segments, at most what a flow sends in a step: each flow may bring one over the brim.
    longest = (buffer * BDP + (flows + 1) * 1538) * 8 / 100e6
    assert 0 <= found.queueing_s[50] <= found.queueing_s[99] <= found.queueing_s[100] <= longest


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(0, 99))
def test_what_goes_into_the_pipe_comes_out_or_is_lost_in_order(sends: list[int], seed: int) -> None:
    pipe = Pipe(2.3, 10.0, 4, 0.05, np.random.default_rng(seed))
    heard = []
    for number in range(len(sends) + 1200):
        sent = np.array([float(sends[number]), 1.0]) if number < len(sends) else np.zeros(2)
        for notice in pipe.step(number, sent):
            assert number - notice.sent >= 3
            heard.append(notice)
    assert [each.sent for each in heard] == sorted(each.sent for each in heard)
    came, lost = (
        sum(float(x.sum()) for x in xs)
        for xs in zip(*((h.came, h.lost) for h in heard), strict=True)
    )
    assert all(np.all(each.came == np.floor(each.came)) for each in heard)
    assert came + lost == pytest.approx(sum(sends) + len(sends))
    assert lost == pytest.approx(pipe.lost + pipe.dropped)


def test_a_queue_of_two_packets_passes_a_burst_of_two_and_drops_the_third() -> None:
    for burst, dropped in ((2, 0), (3, 1)):
        pipe = Pipe(0.2, 2.03, 40, 0.0, np.random.default_rng(0))
        pipe.step(0, np.array([float(burst)]))
        assert pipe.dropped == dropped


def notices(number: int, came: float, lost: float, told: Notices, *, recovering: bool) -> Heard:
    """What is heard in that step, losses and acknowledgements together."""
    arrived = Heard(0, np.array([came]), np.array([lost]))
    heard = told.told(number, arrived, np.array([recovering]))
    return Heard(0, sum(each.came for each in heard), sum(each.lost for each in heard))  # type: ignore[arg-type]


def test_every_second_segment_is_acknowledged_and_a_last_one_after_40_ms() -> None:
    told = Notices(1, 0.001, 10)
    assert [notices(n, 1.0, 0.0, told, recovering=False).came for n in range(5)] == [0, 2, 0, 2, 0]
    waited = [float(notices(n, 0.0, 0.0, told, recovering=False).came[0]) for n in range(5, 60)]
    assert sum(waited) == 1
    assert waited.index(1.0) == pytest.approx(39, abs=1)


def test_a_loss_shows_by_three_segments_behind_it_or_a_quarter_of_a_round_trip() -> None:
    told = Notices(1, 0.001, 40)
    assert notices(0, 0.0, 1.0, told, recovering=False).lost == 0
    heard = [notices(n, 1.0, 0.0, told, recovering=False) for n in range(1, 4)]
    assert [float(each.lost[0]) for each in heard] == [0, 0, 1]
    assert [float(each.came[0]) for each in heard] == [1, 1, 1]  # each at once, for one is missing
    notices(10, 0.0, 1.0, told, recovering=False)
    few = [notices(11 + n, float(n in {0, 9}), 0.0, told, recovering=False).lost for n in range(12)]
    assert [float(each[0]) for each in few].index(1.0) == 9
    # Where nothing more comes, it is a timer of three jiffies, which begins with the next.
    notices(30, 0.0, 1.0, told, recovering=False)
    few = [notices(31 + n, float(n == 0), 0.0, told, recovering=False).lost for n in range(16)]
    assert [float(each[0]) for each in few].index(1.0) == 13
    # In recovery the first one behind it is enough.
    notices(50, 0.0, 1.0, told, recovering=True)
    assert notices(51, 1.0, 0.0, told, recovering=True).lost == 1


def test_bursts_hold_an_unpaced_flow_down_where_the_queue_holds_two_packets() -> None:
    # 10 Mbit/s, 10 ms, a quarter of a BDP: as measured, a fifth of the line, for each growth drops a packet.
    found = simulate(
        Scenario(rate_bps=10e6, rtt_ns=10e6, buffer_octets=3125, duration_ns=2_000_000_000)
    )
    assert 0.1 < found.utilisation < 0.4


@pytest.mark.parametrize("control", ["reno", "cubic", "bbr"])
def test_one_flow_fills_a_clean_link_with_a_bdp_of_buffer(control: str) -> None:
    found = simulate(replace(LINK, congestion=control))
    assert found.utilisation > 0.98
    assert found.ramp_s < 1


def test_small_buffers_cost_reno_what_the_sawtooth_says() -> None:
    # Between 0.625 and 1.25 BDP the line is idle until a BDP is reached: mean of 0.625 to 1 over 0.375 of 0.625.
    found = simulate(
        replace(LINK, congestion="reno", buffer_octets=BDP / 4, duration_ns=30_000_000_000)
    )
    assert found.utilisation == pytest.approx((0.375 * 0.8125 + 0.25) / 0.625 / 1.0, abs=0.05)


@pytest.mark.parametrize("loss", [1e-3, 1e-2])
def test_random_loss_bounds_reno_near_its_formula_and_bbr_not(loss: float) -> None:
    rates = [
        simulate(replace(LINK, congestion="reno", loss=loss, seed=seed)).goodput_bps
        for seed in range(4)
    ]
    formula = ceilings.mathis_window(loss) * 1448 * 8 / 0.010
    assert mean(rates) == pytest.approx(formula, rel=0.25)
    assert simulate(replace(LINK, congestion="bbr", loss=loss)).utilisation > 0.95


def test_flows_that_start_together_share_alike() -> None:
    found = simulate(replace(LINK, flows=10, congestion="reno", duration_ns=20_000_000_000))
    assert found.fairness > 0.9
    assert jain(np.array([1.0, 0.0, 0.0, 0.0])) == 0.25


def test_a_socket_buffer_bounds_the_rate() -> None:
    found = simulate(replace(LINK, window_octets=BDP / 10))
    assert found.goodput_bps == pytest.approx(BDP / 10 * 8 / 0.010, rel=0.15)


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    lossy = replace(LINK, loss=0.01, duration_ns=2_000_000_000)
    assert simulate(lossy) == simulate(lossy)
    assert simulate(lossy) != simulate(replace(lossy, seed=2))


def test_a_thousand_flows_at_400_gigabits_are_simulated_in_whole() -> None:
    scenario = Scenario(
        rate_bps=400e9, rtt_ns=16e6, buffer_octets=800e6, flows=1000, duration_ns=1_000_000_000
    )
    found = simulate(scenario)
    assert found.path_s == pytest.approx(1, rel=0.01)
    assert found.utilisation > 0.95


def test_nothing_to_simulate_is_an_error() -> None:
    with pytest.raises(ValueError, match="no flow, no rate or no round trip"):
        simulate(replace(LINK, flows=0))
