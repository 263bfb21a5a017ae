"""Time on the wire: NTP's eras, PTP's epochs as they are met, and error estimates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.probes.stamp_time import (
    ErrorEstimate,
    WireTime,
    from_ntp,
    from_ptp,
    from_wire,
    pack_error_estimate,
    read_error_estimate,
    to_ntp,
    to_ptp,
    wire_time,
)

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND
ERA_1 = ((1 << 32) - 2_208_988_800) * SECOND  # 7 February 2036, 06:28:16 UTC
NTP_EPOCH = 2_208_988_800
times = st.integers(0, 200 * 365 * 86_400 * SECOND)
years = st.integers(-60 * 365 * 86_400 * SECOND, 60 * 365 * 86_400 * SECOND)


@given(times, years)
def test_a_time_survives_ntp_to_the_nanosecond_if_one_knows_about_when_it_was(
    moment: int, off: int
) -> None:
    seconds, fraction = to_ntp(moment)
    assert 0 <= seconds < 1 << 32
    assert 0 <= fraction < 1 << 32
    assert abs(from_ntp(seconds, fraction, moment + off) - moment) <= 1


@pytest.mark.parametrize(
    ("moment", "ntp"),
    [
        (0, (2_208_988_800, 0)),
        (ERA_1 - 1, (0xFFFFFFFF, 0xFFFFFFFC)),
        (ERA_1, (0, 0)),
        (ERA_1 + SECOND // 2, (0, 0x80000000)),
    ],
)
def test_ntp_at_its_corners(moment: int, ntp: tuple[int, int]) -> None:
    assert to_ntp(moment) == ntp
    assert from_ntp(*ntp, ERA_1) == moment


def test_ptp_counts_in_atomic_time_from_1970() -> None:
    assert to_ptp(NOW + 5) == (1_800_000_037, 5)


@given(times, st.integers(-10 * SECOND, 10 * SECOND))
def test_a_time_survives_ptp(moment: int, off: int) -> None:
    assert from_ptp(*to_ptp(moment), moment + off) == moment


@pytest.mark.parametrize("epoch_s", [37, 0, NTP_EPOCH], ids=["TAI", "UTC", "1900"])
def test_ptp_from_whatever_epoch_is_read_as_near_as_it_can_be(epoch_s: int) -> None:
    seconds = (1_800_000_000 + epoch_s) % (1 << 32)
    assert from_ptp(seconds, 123, NOW + 3 * SECOND) == NOW + 123


def test_z_says_which_of_the_two_a_stamp_is() -> None:
    assert wire_time(NOW, 0x0001) == WireTime(*to_ntp(NOW), 0x0001)
    assert wire_time(NOW, 0x4001) == WireTime(*to_ptp(NOW), 0x4001)
    for estimate in (0x0001, 0x4001, 0x8001, 0xC001):
        assert from_wire(*wire_time(NOW, estimate), NOW) == NOW


@pytest.mark.parametrize(
    ("bits", "means"),
    [
        (0x0001, ErrorEstimate(synchronised=False, ptp=False, error_ns=0)),
        (0x8001, ErrorEstimate(synchronised=True, ptp=False, error_ns=0)),
        (0x4001, ErrorEstimate(synchronised=False, ptp=True, error_ns=0)),
        (0xA0FF, ErrorEstimate(synchronised=True, ptp=False, error_ns=255 * SECOND)),
    ],
)
def test_error_estimates(bits: int, means: ErrorEstimate) -> None:
    assert read_error_estimate(bits) == means


@given(st.integers(0, 10**15), st.booleans(), st.booleans())
def test_an_error_is_rounded_up_and_by_less_than_a_hundredth(
    error_ns: int, synchronised: bool, ptp: bool
) -> None:
    bits = pack_error_estimate(error_ns, synchronised=synchronised, ptp=ptp)
    found = read_error_estimate(bits)
    assert bits & 0xFF  # a multiplier of 0 calls the packet corrupt
    assert (found.synchronised, found.ptp) == (synchronised, ptp)
    assert error_ns - 1 <= found.error_ns <= error_ns * 1.01 + 1
