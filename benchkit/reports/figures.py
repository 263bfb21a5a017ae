"""Numbers and names as a person reads them. An absent figure is a dash; a percentile that was lost is "lost"."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchkit.model.record import Estimate

ABSENT = "\N{EN DASH}"
LOST = "lost"
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_WIDE = ("W", "F")
_SMALL = 0.01
_MOST_DECIMALS = 5  # of ms: 10 ns, which no stamp is better than
_UNITS = {
    **{unit: unit for unit in ("ns", "us", "ms", "s", "km", "KiB", "MiB")},
    "percent": "%",
    "mbit": "Mbit",
}
_ABBREVIATIONS = {word: word.upper() for word in ("bdp", "mtu", "pdv", "rtt", "tcp")}
# What a model has as a share, and a target writes in percent.
_SHARES = {"loss", "bad_loss", "good_loss", "enter", "leave", "reorder", "duplicate"}


def decimals_for(values: Iterable[float | None]) -> int:
    """How many decimals show what differs among figures that stand in one column.

    A round trip of some ms is known to about 3 µs (the kernel's stamps), of some hundred ms to less; one of some µs, as
    over the loopback, keeps two digits that say something.

    >>> decimals_for([8.49]), decimals_for([0.0023, 0.014])
    (2, 4)
    """
    sizes = [abs(value) for value in values if value]
    smallest = min(sizes, default=_SMALL)
    if smallest < _SMALL:
        return min(1 - math.floor(math.log10(smallest)), _MOST_DECIMALS)
    return next((places for end, places in ((1, 3), (100, 2), (1000, 1)) if smallest < end), 0)


def fixed(value: float | None, decimals: int, absent: str = ABSENT) -> str:
    """The number with so many decimals.

    >>> fixed(8.4949, 2)
    '8.49'
    """
    return absent if value is None else f"{value:.{decimals}f}"


def signed(value: float, decimals: int) -> str:
    """The number with so many decimals and its sign; what is rounded to nothing has none.

    >>> signed(0.25, 2), signed(-0.0004, 3)
    ('+0.25', '0.000')
    """
    text = f"{value:+.{decimals}f}"
    return text if text.strip("+-0.") else text[1:]


def short(value: float | None) -> str:
    """The number in as few digits as it needs, four at most after a long fraction: 10, 8.491, 941.2."""
    if value is None:
        return ABSENT
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004  no 1.2e+04


def interval(estimate: Estimate, decimals: int) -> str:
    """The 95 % interval, low..high, with a dash for an end that cannot be given."""
    if estimate.low is None and estimate.high is None:
        return ABSENT
    return f"{fixed(estimate.low, decimals)}..{fixed(estimate.high, decimals)}"


def beside_interval(estimate: Estimate, decimals: int) -> str:
    """The figure of a table, its interval in brackets where there is one; `lost` where a lost packet is the figure."""
    figure, ends = fixed(estimate.value, decimals, LOST), interval(estimate, decimals)
    return figure if ends == ABSENT else f"{figure} ({ends})"


def with_interval(estimate: Estimate, unit: str) -> str:
    """The figure in a sentence: 8.66 ms (8.66..8.67)."""
    decimals = decimals_for((estimate.value, estimate.low))
    if estimate.value is None:
        return (
            LOST
            if estimate.low is None
            else f"{LOST} (at least {fixed(estimate.low, decimals)} {unit})"
        )
    figure = f"{fixed(estimate.value, decimals)} {unit}"
    ends = interval(estimate, decimals)
    return figure if ends == ABSENT else f"{figure} ({ends})"


def percent(part: float, whole: float) -> str:
    """The share in percent, to three digits; a dash of nothing."""
    return f"{100 * part / whole:.3g} %" if whole else ABSENT


def clean(text: object) -> str:
    """The text on one line and without control characters: a name must not steer a terminal or break a table."""
    plain = _ESCAPE.sub("", str(text))
    visible = (" " if unicodedata.category(sign).startswith(("C", "Z")) else sign for sign in plain)
    return " ".join("".join(visible).split())


def cells(text: str) -> int:
    """How many columns of a terminal the text takes: Chinese signs take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in _WIDE else 1 for sign in text)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """The text filled with blanks up to a width."""
    blanks = " " * max(0, width - cells(text))
    return blanks + text if right else text + blanks


def pairs(values: Mapping[str, Any]) -> Iterator[str]:
    """Names and values as a person writes them.

    >>> ", ".join(pairs({"delay_ms": 4.245, "loss": 0.03}))
    'delay 4.245 ms, loss 3 %'
    >>> ", ".join(pairs({"pdv_p99_9_ms": 0.75, "bdp_mbit": 8.5}))
    'PDV p99.9 0.75 ms, BDP 8.5 Mbit'
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"{_name(key)} ({', '.join(pairs(value))})"
            continue
        name, _, suffix = str(key).rpartition("_")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            listed = value if isinstance(value, (list, tuple)) else [value]
            yield f"{_name(key)} {' '.join(clean(entry) for entry in listed)}"
        elif key in _SHARES:
            yield f"{_name(key)} {_number(100 * value)} %"
        elif name and suffix == "octets":
            yield f"{_name(name)} {_octets(value)}"
        elif name and suffix == "bps":
            yield f"{_name(name)} {_bit_rate(value)}"
        elif name and suffix in _UNITS:
            yield f"{_name(name)} {_number(value)} {_UNITS[suffix]}"
        else:
            yield f"{_name(key)} {_number(value)}"


def _name(key: object) -> str:
    words = [_ABBREVIATIONS.get(word, word) for word in clean(key).split("_")]
    return re.sub(r"\b(p\d\d) (\d)\b", r"\1.\2", " ".join(words))  # p99.9


def _bit_rate(bps: float) -> str:
    for unit, size in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if bps >= size:
            return f"{short(bps / size)} {unit}"
    return f"{short(bps)} bit/s"


def _octets(value: float) -> str:
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= size and value % size == 0:
            return f"{value // size:.0f} {unit}"
    return f"{_number(value)} octets"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else short(value)
