"""A figure as a person writes it, in the unit of the metric it limits."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchkit import units
from benchkit.model.target import METRICS


def _ratio(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ratio: write a bare number, like '1.2'") from None
    if not 0 <= number < math.inf:
        raise ValueError(f"{text!r} is no ratio: write a number above zero, like '1.2'")
    return number


# loss and goodput are one number for a whole phase; these are a distribution.
HAS_PERCENTILES = tuple(metric for metric, (unit, _) in METRICS.items() if unit == "ms")
USUAL_PERCENTILE = "p95"

_EXAMPLES = {"loss": "0.1 %", "goodput": "900 Mbit/s", "ratio": "1.2"}
_SCALED: dict[str, tuple[Callable[[str], float], float]] = {
    # metric: (parser, how many of its units make one of METRICS)
    **dict.fromkeys(HAS_PERCENTILES, (units.duration_ns, 1e6)),
    "loss": (units.share, 0.01),
    "goodput": (units.bits_per_second, 1e6),
    "ratio": (_ratio, 1.0),
}


def example_of(metric: str) -> str:
    """A limit as one is written for it.

    >>> example_of("rtt"), example_of("loss")
    ('10 ms', '0.1 %')
    """
    return _EXAMPLES.get(metric, "10 ms")


def limit_of(metric: str, figure: str) -> float:
    """The limit in the metric's unit. Raises ValueError, in words, where the figure cannot be one.

    >>> limit_of("rtt", "10 ms"), limit_of("goodput", "1 Gbit/s")
    (10.0, 1000.0)
    """
    parse, one = _SCALED[metric]
    number = parse(figure)
    if number == 0 and metric != "loss":  # no loss at all can be promised; no time at all cannot
        raise ValueError(f"{figure!r} must be more than zero, like {example_of(metric)!r}")
    return round(number / one, 12)  # 0.07 / 0.01 is 7.000000000000001
