"""Numbers of a plan as a person reads them: four digits, and a unit of a size that fits."""

from __future__ import annotations

from benchkit.planning.figure import Cell

ABSENT = "\N{EN DASH}"
_SI = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIMES = (
    (365.25 * 86400, "years"), (86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"),
)  # fmt: skip
_BASE = {"bit": "bit", "octets": "B", "bit/s": "bit/s"}
_FINE = 1e-3


def shown(value: Cell, unit: str) -> str:
    """The value with its unit: `500 MB`, `6.4 min`, `0.1 %`, `5.0e-12`. Words stay words.

    >>> shown(3.6e11, "bit/s"), shown(0.0085, "s"), shown(1e-12, "share")
    ('360 Gbit/s', '8.5 ms', '1.0e-12')
    """
    if not isinstance(value, float):
        return ABSENT if value is None else str(value)
    if unit == "s":
        return _time(value)
    if unit in _BASE:
        return _scaled(value, _BASE[unit])
    if unit == "share":
        return f"{value:.1e}" if 0 < value < _FINE else f"{100 * value:.4g} %"
    if unit in {"segments", "streams", "trips"}:
        return f"{value:,.0f}".replace(",", " ") if value >= 10 else f"{value:.4g}"  # noqa: PLR2004  8.333 packets
    return (f"{value:.4g} {unit}" if value < 1000 else f"{value:.0f} {unit}").rstrip()  # noqa: PLR2004  no 1.2e+04


def _time(seconds: float) -> str:
    for size, unit in _TIMES:
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds * 1e9:.4g} ns"


def _scaled(value: float, unit: str) -> str:
    for size, prefix in _SI:
        if value >= size:
            return f"{value / size:.4g} {prefix}{unit}"
    return f"{value:.4g} {unit}"
