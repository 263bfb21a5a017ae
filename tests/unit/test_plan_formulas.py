"""The formulas against the tables that their own RFCs print, to the printed digits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.planning import ceilings, fibre, link_buffer, ramp, window
from benchkit.planning.framing import Framing
from benchkit.planning.transfers import Prediction, ideal_s
from benchkit.planning.window import SocketLimits

# RFC 6349 table 3.3.1: Mbit/s, RTT in ms, BDP in bits, least window in KB of 1000 octets.
RFC6349_WINDOWS = [
    ("1.536", "20.00", "30,720", "3.84"),
    ("1.536", "50.00", "76,800", "9.60"),
    ("1.536", "100.00", "153,600", "19.20"),
    ("44.210", "10.00", "442,100", "55.26"),
    ("44.210", "15.00", "663,150", "82.89"),
    ("44.210", "25.00", "1,105,250", "138.16"),
    ("100.000", "1.00", "100,000", "12.50"),
    ("100.000", "2.00", "200,000", "25.00"),
    ("100.000", "5.00", "500,000", "62.50"),
    ("1000.000", "0.10", "100,000", "12.50"),
    ("1000.000", "0.50", "500,000", "62.50"),
    ("1000.000", "1.00", "1,000,000", "125.00"),
    ("10000.000", "0.05", "500,000", "62.50"),
    ("10000.000", "0.30", "3,000,000", "375.00"),
]  # fmt: skip
# RFC 9438 tables 1 and 2, RTT 0.1 s and 0.01 s: loss, Reno, CUBIC at C = 0.04, 0.4 and 4, in segments.
RFC9438_WINDOWS = {
    0.1: [
        (1e-2, 12, 12, 12, 12),
        (1e-3, 38, 38, 38, 59),
        (1e-4, 120, 120, 187, 333),
        (1e-5, 379, 593, 1054, 1874),
        (1e-6, 1200, 3332, 5926, 10538),
        (1e-7, 3795, 18740, 33325, 59261),
        (1e-8, 12000, 105383, 187400, 333250),
    ],
    0.01: [
        (1e-2, 12, 12, 12, 12),
        (1e-3, 38, 38, 38, 38),
        (1e-4, 120, 120, 120, 120),
        (1e-5, 379, 379, 379, 379),
        (1e-6, 1200, 1200, 1200, 1874),
        (1e-7, 3795, 3795, 5926, 10538),
        (1e-8, 12000, 18740, 33325, 59261),
    ],
}
# RFC 9438 table 3, packets of 1500 octets and 0.1 s: Mbit/s, average window, the loss for Reno and for CUBIC.
RFC9438_LOSSES = [
    (1, "8.3", "2.0e-02", "2.0e-02"),
    (10, "83.3", "2.0e-04", "2.9e-04"),
    (100, "833.3", "2.0e-06", "1.4e-05"),
    (1000, "8333.3", "2.0e-08", "6.3e-07"),
    (10000, "83333.3", "2.0e-10", "2.9e-08"),
]


@pytest.mark.parametrize(("rate", "rtt", "bdp", "kilobytes"), RFC6349_WINDOWS)
def test_windows_are_those_of_rfc_6349(rate: str, rtt: str, bdp: str, kilobytes: str) -> None:
    rate_bps, rtt_ns = float(rate) * 1e6, float(rtt) * 1e6
    assert f"{window.bdp_bits(rate_bps, rtt_ns):,.0f}" == bdp
    assert f"{window.least_window_octets(rate_bps, rtt_ns) / 1000:.2f}" == kilobytes


def test_rates_are_those_of_rfc_6349_section_4_1_1() -> None:
    ethernet = Framing(timestamps=False)
    for rate, frames in ((100e6, 8127), (1e9, 81274), (10e9, 812743)):
        assert math.floor(ethernet.frames_per_second(rate)) == frames
    assert f"{ethernet.goodput_bps(100e6) / 1e6:.1f}" == "94.9"
    serial = Framing(link_octets=8, timestamps=False)
    assert math.floor(serial.frames_per_second(44.21e6)) == 3664
    assert f"{serial.goodput_bps(44.21e6) / 1e6:.1f}" == "42.8"


def test_a_small_window_bounds_the_rate_as_in_rfc_6349_section_3_3_1() -> None:
    assert f"{window.window_rate_bps(16_000, 5e6) / 1e6:.1f}" == "25.6"
    assert f"{window.window_rate_bps(16_000, 10e6) / 1e6:.1f}" == "12.8"


@pytest.mark.parametrize("rtt_s", RFC9438_WINDOWS)
def test_windows_are_those_of_rfc_9438(rtt_s: float) -> None:
    for loss, reno, *cubic in RFC9438_WINDOWS[rtt_s]:
        assert round(ceilings.reno_window(loss)) == reno
        assert [round(ceilings.cubic_window(loss, rtt_s, c)) for c in (0.04, 0.4, 4)] == cubic


@pytest.mark.parametrize(("rate", "printed", "reno", "cubic"), RFC9438_LOSSES)
def test_losses_are_those_of_rfc_9438(rate: int, printed: str, reno: str, cubic: str) -> None:
    average = rate * 1e6 * 0.1 / (1500 * 8)
    assert f"{average:.1f}" == printed
    # Reno's column comes from RFC 3649, which prints one digit, cut off: 2.07e-10 is its 2e-10.
    assert _cut_to_one_digit(ceilings.reno_loss(average)) == reno
    found = ceilings.cubic_loss(average, 0.1)
    in_reno_region = found == ceilings.reno_loss(average)
    assert (_cut_to_one_digit(found) if in_reno_region else f"{found:.1e}") == cubic


def _cut_to_one_digit(loss: float) -> str:
    exponent = math.floor(math.log10(loss))
    return f"{math.floor(loss / 10**exponent)}.0e{exponent:03d}"


def test_mathis_allows_400_gigabits_what_the_literature_says() -> None:
    segments = 400e9 * 0.010 / 8 / 1460
    assert ceilings.mathis_loss(segments) == pytest.approx(1.3e-11, rel=0.03)


def test_pftk_is_the_worked_form_of_rfc_5348() -> None:
    # By hand: p = 0.01, R = 0.1, t_RTO = 0.4: 0.1 sqrt(0.02 / 3) + 0.4 x 3 sqrt(0.03 / 8) x 0.01 x 1.0032
    denominator = 0.1 * 0.0816496581 + 0.4 * 3 * 0.0612372436 * 0.01 * 1.0032
    assert ceilings.pftk_window(0.01, 0.1, 0.4) == pytest.approx(0.1 / denominator)


@given(st.floats(3, 1e7), st.floats(1e-3, 0.5))
def test_each_loss_brings_back_its_window(segments: float, rtt_s: float) -> None:
    assert ceilings.mathis_window(ceilings.mathis_loss(segments)) == pytest.approx(segments)
    assert ceilings.reno_window(ceilings.reno_loss(segments)) == pytest.approx(segments)
    assert ceilings.cubic_window(ceilings.cubic_loss(segments, rtt_s), rtt_s) == pytest.approx(
        segments
    )
    assert ceilings.pftk_window(ceilings.pftk_loss(segments, rtt_s), rtt_s) == pytest.approx(
        segments
    )


def test_timeouts_cost_reno_more_the_more_is_lost() -> None:
    ratio = [ceilings.pftk_window(p, 0.01) / ceilings.mathis_window(p) for p in (1e-6, 1e-3, 1e-1)]
    assert 1 >= ratio[0] > ratio[1] > ratio[2]


def test_sockets_bound_the_window_of_a_stream() -> None:
    limits = SocketLimits(6_291_456, 4_194_304)
    assert limits.window_octets == 2_097_152  # half of tcp_wmem, less than half of tcp_rmem
    assert limits.streams_for(2_097_152) == 1
    assert limits.streams_for(2_097_153) == 2
    assert SocketLimits(1000, 10_000, window_scale=2).receive_share == 0.75
    assert SocketLimits(1000, 10_000, window_scale=-2).receive_share == 0.25
    receive, send = limits.buffers_for(1000)
    assert SocketLimits(int(receive), int(send)).window_octets == 1000


def test_slow_start_doubles_from_ten_segments() -> None:
    assert [ramp.slow_start_rounds(n) for n in (1, 10, 11, 20, 21, 320)] == [0, 0, 1, 1, 2, 5]
    assert ramp.slow_start_segments(40) == 10 + 20


def test_coming_back_after_a_loss_takes_half_a_window_or_a_cube_root() -> None:
    assert ramp.reno_recovery_s(10_000, 0.01) == 50
    assert ramp.cubic_recovery_s(4000 / 3) == pytest.approx(10)  # cbrt(1333 x 0.3 / 0.4)


def test_buffers_keep_the_line_busy_after_one_reduction() -> None:
    assert 0.7 * (100 + link_buffer.cubic_buffer(100)) == pytest.approx(100)
    assert 0.5 * (100 + link_buffer.reno_buffer(100)) == 100
    assert link_buffer.shared_buffer(100, 25) == 20


def test_fibre_is_as_long_as_the_design_says() -> None:
    assert round(fibre.longest_fibre_km(10e6)) == 1021
    assert round(fibre.longest_fibre_km(16e6)) == 1634
    assert fibre.fibre_rtt_ns(fibre.longest_fibre_km(16e6, 1e6)) == pytest.approx(15e6)


def test_a_transfer_pays_for_its_ramp_and_then_runs_at_the_rate() -> None:
    prediction = Prediction(1e9, "rate", 1, 0.01, 1000)
    assert ideal_s(1e9, 1e9) == 8
    # 1250 segments of window: 7 doublings, one handshake, 1270 segments sent meanwhile.
    assert prediction.seconds(1e9) == pytest.approx(0.08 + (1e9 - 1_270_000) * 8 / 1e9)
    assert prediction.seconds(1) == pytest.approx(0.08)
