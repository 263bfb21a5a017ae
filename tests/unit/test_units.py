"""Quantities as people write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit import units
from benchkit.units import UnitError

WHOLE = st.integers(min_value=0, max_value=10**18)


@pytest.mark.parametrize(
    ("parse", "text", "number"),
    [
        (units.duration_ns, "7 ns", 7),
        (units.duration_ns, "0.1 ms", 100_000),
        (units.duration_ns, "4.897us", 4_897),
        (units.duration_ns, "20 µs", 20_000),
        (units.duration_ns, "20 \u03bcs", 20_000),  # the Greek letter looks the same
        (units.duration_ns, "  10 s ", 10**10),
        (units.duration_ns, "1.5 min", 90 * 10**9),
        (units.duration_ns, "24 h", 86_400 * 10**9),
        (units.duration_ns, "0 ms", 0),
        (units.duration_ns, "-0 ms", 0),
        (units.bits_per_second, "12 bit/s", 12),
        (units.bits_per_second, "64 kbit/s", 64_000),
        (units.bits_per_second, "400 Gbit/s", 400 * 10**9),
        (units.bits_per_second, "1.2 Tbit/s", 1_200 * 10**9),
        (units.octets, "1500 B", 1500),
        (units.octets, "1.5 kB", 1500),
        (units.octets, "64 KiB", 65_536),
        (units.octets, "1 MiB", 2**20),
        (units.octets, "2 GiB", 2**31),
        (units.share, "0.1 %", 0.001),
        (units.share, "100 %", 1.0),
        (units.per_second, "500/s", 500.0),
        (units.per_second, "30 /min", 0.5),
        (units.per_second, "36/h", 0.01),
    ],
)
def test_a_quantity_is_read_exactly(
    parse: Callable[[str], float], text: str, number: float
) -> None:
    assert parse(text) == number
    assert type(parse(text)) is type(number)


TIMES = "ns, us, µs, ms, s, min or h"
RATES = "bit/s, kbit/s, Mbit/s, Gbit/s or Tbit/s"


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (
            units.duration_ns,
            "10 mss",
            f"'10 mss' is not a duration: the unit must be {TIMES}; did you mean '10 ms'?",
        ),
        (
            units.duration_ns,
            "10 MS",
            f"'10 MS' is not a duration: the unit must be {TIMES}; did you mean '10 ms'?",
        ),
        (
            units.duration_ns,
            "5 m",
            f"'5 m' is not a duration: the unit must be {TIMES}; did you mean '5 min'?",
        ),
        (
            units.duration_ns,
            "10 MB",
            f"'10 MB' is not a duration: the unit must be {TIMES}, like '10 ms'",
        ),
        (
            units.duration_ns,
            "10",
            f"'10' has no unit: a duration is written like '10 ms' ({TIMES})",
        ),
        (
            units.duration_ns,
            "1,5 ms",
            "'1,5 ms' is not a duration: write a number and a unit, like '10 ms'",
        ),
        (
            units.duration_ns,
            "ms",
            "'ms' is not a duration: write a number and a unit, like '10 ms'",
        ),
        (units.duration_ns, "", "'' is not a duration: write a number and a unit, like '10 ms'"),
        (
            units.duration_ns,
            "-1 ms",
            "'-1 ms' is negative: a duration is zero or more, like '10 ms'",
        ),
        (
            units.duration_ns,
            "0.5 ns",
            "'0.5 ns' is too fine: a duration is a whole number of ns, like '10 ms'",
        ),
        (
            units.bits_per_second,
            "100 Mbps",
            f"'100 Mbps' is not a bit rate: the unit must be {RATES}; did you mean '100 Mbit/s'?",
        ),
        (
            units.bits_per_second,
            "100.5 MB/s",
            f"'100.5 MB/s' is not a bit rate: the unit must be {RATES}; did you mean '804 Mbit/s'?",
        ),
        (
            units.bits_per_second,
            "100 Mb/s",
            f"'100 Mb/s' is not a bit rate: the unit must be {RATES}; did you mean '100 Mbit/s'?",
        ),
        (
            units.octets,
            "64 KB",
            "'64 KB' is not a size: the unit must be B, kB, KiB, MB, MiB, GB or GiB; did you mean '64 kB'?",
        ),
        (units.share, "0.001", "'0.001' has no unit: a share is written like '0.1 %' (%)"),
        (units.share, "101 %", "'101 %' is more than 100 %: a share is 0 % to 100 %"),
        (
            units.per_second,
            "1e12/s",
            "'1e12/s' is not a rate: write the number without an exponent, like '500/s'",
        ),
        (
            units.per_second,
            "500 pps",
            "'500 pps' is not a rate: the unit must be /h, /min or /s; did you mean '500 /s'?",
        ),
    ],
)
def test_a_wrong_quantity_is_refused_with_what_would_be_right(
    parse: Callable[[str], float], text: str, says: str
) -> None:
    with pytest.raises(UnitError) as caught:
        parse(text)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (units.show_duration(0), "0 ns"),
        (units.show_duration(8_490_123), "8.490123 ms"),
        (units.show_duration(10_000_000), "10 ms"),
        (units.show_duration(20_000), "20 µs"),
        (units.show_duration(100 * 10**9), "100 s"),  # no finite number of minutes
        (units.show_duration(120 * 10**9), "2 min"),
        (units.show_duration(-1_500_000), "-1.5 ms"),
        (units.show_bit_rate(10**9), "1 Gbit/s"),
        (units.show_bit_rate(2_500_000), "2.5 Mbit/s"),
        (units.show_octets(2**20), "1 MiB"),
        (units.show_octets(10**6), "1 MB"),
        (units.show_octets(1500), "1.5 kB"),
        (units.show_octets(65_536), "64 KiB"),
        (units.show_share(0.001), "0.1 %"),
        (units.show_share(1e-5), "0.001 %"),
        (units.show_share(0.0), "0 %"),
        (units.show_share(1.0), "100 %"),
    ],
)
def test_a_number_is_shown_as_a_person_would_write_it(shown: str, text: str) -> None:
    assert shown == text


@given(WHOLE)
def test_a_shown_duration_is_read_back_as_it_was(number: int) -> None:
    assert units.duration_ns(units.show_duration(number)) == number


@given(WHOLE)
def test_a_shown_bit_rate_is_read_back_as_it_was(number: int) -> None:
    assert units.bits_per_second(units.show_bit_rate(number)) == number


@given(WHOLE)
def test_a_shown_size_is_read_back_as_it_was(number: int) -> None:
    assert units.octets(units.show_octets(number)) == number


@given(st.floats(min_value=0, max_value=1))
def test_a_shown_share_is_read_back_as_it_was(ratio: float) -> None:
    assert units.share(units.show_share(ratio)) == ratio


@given(st.text())
def test_no_text_raises_anything_but_a_unit_error_of_one_line(text: str) -> None:
    said = []
    for parse in (units.duration_ns, units.bits_per_second, units.octets, units.share):
        try:
            parse(text)
        except UnitError as error:
            said.append(str(error))
    assert not any("\n" in line for line in said)
