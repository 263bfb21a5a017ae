"""Text to numbers and back, exactly: "10 ms" is 10000000 ns, and never 9999999.

The table of units is closed and our own: libraries accept "5 mss" as a unit nobody knows, or "10 m" as
metres. What is not in the table is refused, with what would be right. Whatever `show_*` writes, its
parser reads back as the same number.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

NS_PER_S, NS_PER_MS, NS_PER_US = 1_000_000_000, 1_000_000, 1_000
LONGEST_NS = 24 * 3600 * NS_PER_S
# A unit may not start like the rest of a number: "1,5 ms" is a wrong number, not a wrong unit.
_EXPONENT = re.compile(r"e[+-]?[0-9]+\s*(.*)", re.IGNORECASE)
_QUANTITY = re.compile(r"([+-]?)([0-9]{1,18}(?:\.[0-9]{1,400})?)\s*([^\s0-9.,][^\n]*)?")
# What people write out of habit, and no closeness of letters leads from it to the right unit.
_HABITS = {
    "sec": "s", "secs": "s", "seconds": "s", "m": "min", "hour": "h", "hours": "h",
    "msec": "ms", "usec": "us", "nsec": "ns", "bps": "bit/s", "kbps": "kbit/s", "mbps": "Mbit/s",
    "gbps": "Gbit/s", "tbps": "Tbit/s", "bytes": "B", "k": "KiB", "m/s": "/min", "g": "GB",
    "percent": "%", "pct": "%", "hz": "/s", "pps": "/s", "rps": "/s",
}  # fmt: skip


class UnitError(ValueError):
    """The text is not a quantity of the kind asked for; the message says what would be."""


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    example: str
    units: Mapping[str, int | Fraction]  # from the smallest to the largest


_DURATION = _Kind(
    "a duration",
    "10 ms",
    {
        "ns": 1,
        "us": 1_000,
        "µs": 1_000,
        "ms": 1_000_000,
        "s": 10**9,
        "min": 60 * 10**9,
        "h": 3600 * 10**9,
    },
)
_BIT_RATE = _Kind(
    "a bit rate",
    "100 Mbit/s",
    {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9, "Tbit/s": 10**12},
)
_OCTETS = _Kind(
    "a size",
    "64 KiB",
    {
        "B": 1,
        "kB": 10**3,
        "KiB": 2**10,
        "MB": 10**6,
        "MiB": 2**20,
        "GB": 10**9,
        "GiB": 2**30,
    },
)
_SHARE = _Kind("a share", "0.1 %", {"%": Fraction(1, 100)})
_PER_SECOND = _Kind("a rate", "500/s", {"/h": Fraction(1, 3600), "/min": Fraction(1, 60), "/s": 1})


def duration_ns(text: str) -> int:
    """Nanoseconds of a text like "10 ms".

    Raises UnitError.

    >>> duration_ns("10 ms"), duration_ns("1.5 s")
    (10000000, 1500000000)
    >>> duration_ns("10 mss")
    Traceback (most recent call last):
        ...
    benchkit.units.UnitError: '10 mss' is not a duration: the unit must be ns, us, µs, ms, s, min or h; did you mean '10 ms'?
    """
    return _whole(text, _DURATION)


def period_ns(text: str) -> int:
    """As `duration_ns`, of what one run may take: 24 h or less. Raises UnitError.

    >>> period_ns("24 h")
    86400000000000
    """
    found = duration_ns(text)
    if found > LONGEST_NS:
        raise UnitError(f"{text!r} must be 24 h or less")
    return found


def bits_per_second(text: str) -> int:
    """Bits per second of a text like "100 Mbit/s".

    Raises UnitError.

    >>> bits_per_second("100 Mbit/s")
    100000000
    """
    return _whole(text, _BIT_RATE)


def octets(text: str) -> int:
    """Octets of a text like "64 KiB".

    Raises UnitError.

    >>> octets("64 KiB"), octets("64 kB")
    (65536, 64000)
    """
    return _whole(text, _OCTETS)


def share(text: str) -> float:
    """The ratio, 0 to 1, of a text like "0.1 %".

    Raises UnitError, also for more than 100 %.

    >>> share("0.1 %")
    0.001
    """
    ratio = _exact(text, _SHARE)
    if ratio > 1:
        raise UnitError(f"{text!r} is more than 100 %: a share is 0 % to 100 %")
    return float(ratio)


def per_second(text: str) -> float:
    """Events per second of a text like "500/s" or "30/min".

    Raises UnitError.

    >>> per_second("500/s"), per_second("30/min")
    (500.0, 0.5)
    """
    return float(_exact(text, _PER_SECOND))


def show_count(count: int, noun: str) -> str:
    """Give a number with its noun.

    >>> show_count(1, "path"), show_count(3, "path")
    ('1 path', '3 paths')
    """
    return f"{count} {by_number(count, noun, f'{noun}s')}"


def by_number(count: int, one: str, more: str) -> str:
    """Give the form of a word that goes with so many.

    >>> by_number(1, "was", "were"), by_number(0, "was", "were")
    ('was', 'were')
    """
    return one if count == 1 else more


def show_figure(value: float, digits: int = 6) -> str:
    """Give a number rounded to so many figures, and never as a power of ten.

    >>> show_figure(879.6, 2), show_figure(2e6), show_figure(0.00001)
    ('880', '2000000', '0.00001')
    """
    return _plain(Decimal(f"{value:.{digits}g}")) if math.isfinite(value) else f"{value:g}"


def show_duration(ns: int) -> str:
    """Give the exact text of fewest digits, in a unit of which there is at least one.

    >>> show_duration(8_490_000)
    '8.49 ms'
    """
    return _show(ns, {unit: size for unit, size in _DURATION.units.items() if unit != "us"})


def show_bit_rate(bps: int) -> str:
    """Give the exact text of fewest digits, in a unit of which there is at least one.

    >>> show_bit_rate(400 * 10**9)
    '400 Gbit/s'
    """
    return _show(bps, _BIT_RATE.units)


def show_octets(number: int) -> str:
    """Give the exact text of fewest digits, in a unit of which there is at least one.

    >>> show_octets(65536), show_octets(65000)
    ('64 KiB', '65 kB')
    """
    return _show(number, _OCTETS.units)


def show_share(ratio: float) -> str:
    """Give the ratio in per cent, with every digit that the float has.

    >>> show_share(0.001)
    '0.1 %'
    """
    # The shortest repr is what a person wrote; moving its point loses nothing.
    return f"{_plain(Decimal(repr(ratio)).scaleb(2))} %"


def _exact(text: str, kind: _Kind) -> Fraction:
    """The number of base units, as a fraction, since no float holds 0.1."""
    found = _QUANTITY.fullmatch(text.strip().replace("\u03bc", "µ"))  # the Greek mu looks the same
    if found is None:
        raise UnitError(
            f"{text!r} is not {kind.name}: write a number and a unit, like {kind.example!r}"
        )
    sign, number, unit = found.groups()
    *others, last = kind.units
    allowed = f"{', '.join(others)} or {last}" if others else last
    if unit is None:
        raise UnitError(
            f"{text!r} has no unit: {kind.name} is written like {kind.example!r} ({allowed})"
        )
    if _EXPONENT.fullmatch(unit):
        raise UnitError(
            f"{text!r} is not {kind.name}: write the number without an exponent, like {kind.example!r}"
        )
    if unit not in kind.units:
        meant = _meant(text.strip(), Fraction(number), unit, kind)
        hint = f"; did you mean {meant!r}?" if meant else f", like {kind.example!r}"
        raise UnitError(f"{text!r} is not {kind.name}: the unit must be {allowed}{hint}")
    value = Fraction(number) * kind.units[unit]
    if sign == "-" and value:
        raise UnitError(f"{text!r} is negative: {kind.name} is zero or more, like {kind.example!r}")
    return value


def _whole(text: str, kind: _Kind) -> int:
    value = _exact(text, kind)
    if value.denominator != 1:
        smallest = next(iter(kind.units))
        raise UnitError(
            f"{text!r} is too fine: {kind.name} is a whole number of {smallest}, like {kind.example!r}"
        )
    return value.numerator


def _meant(text: str, number: Fraction, unit: str, kind: _Kind) -> str | None:
    """The quantity that was probably meant."""
    bits = f"{unit[:-3]}bit/s"
    if unit.endswith("B/s") and bits in kind.units:  # an octet has eight of them
        return f"{_plain(Decimal((8 * number).numerator) / (8 * number).denominator)} {bits}"
    near = _nearest(unit, kind)
    return text.removesuffix(unit) + near if near else None


def _nearest(unit: str, kind: _Kind) -> str | None:
    folded = {known.lower(): known for known in kind.units}
    habit = _HABITS.get(unit.lower())
    if habit in kind.units:
        return habit
    close = difflib.get_close_matches(unit.lower(), folded, n=1)
    return folded[close[0]] if close else None


def _show(number: int, units: Mapping[str, int | Fraction]) -> str:
    texts = []
    with localcontext(prec=400) as context:
        context.traps[Inexact] = True
        for unit, size in units.items():
            if abs(number) >= size:
                try:
                    texts.append(f"{_plain(Decimal(number) / Decimal(int(size)))} {unit}")
                except Inexact:  # 100 s is no finite number of minutes
                    continue
    # With as many digits either way the larger unit reads better: "8.49 ms", not "8490 µs".
    return min(reversed(texts), key=_digits) if texts else f"0 {next(iter(units))}"


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
