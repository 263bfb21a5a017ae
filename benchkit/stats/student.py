"""Student's t without scipy, for any real number of degrees of freedom from 1."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

# Beyond this the t quantile at 97.5 % differs from the normal one by less than 3e-6.
_NEARLY_NORMAL = 1e6
_STEPS = 4096


def student_quantile(probability: float, freedom: float) -> float:
    """The t quantile of `probability` (0.5 up to 0.9999) at `freedom` degrees of freedom.

    With t = sqrt(freedom) tan(angle) the density becomes cos(angle)^(freedom - 1), flat enough for the
    trapezoid rule. Fewer than 1 degree counts as 1. Agrees with scipy to four digits.

    >>> round(student_quantile(0.975, 9), 3)
    2.262
    """
    freedom = max(freedom, 1.0)
    if freedom > _NEARLY_NORMAL:
        return NormalDist().inv_cdf(probability)
    # The density dies within a dozen standard deviations; a grid up to a right angle would miss it.
    reach = min(math.pi / 2, 12 / math.sqrt(freedom))
    # Closest at the far end, where with little freedom the density falls steeply and the tangent runs away.
    angles = reach * np.sin(np.linspace(0.0, math.pi / 2, _STEPS + 1))
    density = np.cos(angles) ** (freedom - 1)
    strips = (density[1:] + density[:-1]) * np.diff(angles)
    mass = np.concatenate(([0.0], np.cumsum(strips)))
    angle = float(np.interp((2 * probability - 1) * mass[-1], mass, angles))
    return math.sqrt(freedom) * math.tan(angle)


def student_tail(t: float, freedom: float) -> float:
    """How likely a Student variable exceeds `t`; 0 beyond what a dozen deviations of a normal one leave over.

    As in `student_quantile`, fewer than 1 degree of freedom counts as 1.

    >>> round(student_tail(2.262, 9), 4)
    0.025
    """
    if t < 0:
        return 1 - student_tail(-t, freedom)
    freedom = max(freedom, 1.0)
    if freedom > _NEARLY_NORMAL:
        return NormalDist().cdf(-t)
    reach = min(math.pi / 2, 12 / math.sqrt(freedom))
    start = math.atan(t / math.sqrt(freedom))
    if start >= reach:
        return 0.0
    return _mass(start, reach, freedom) / (2 * _mass(0.0, reach, freedom))


def _mass(start: float, end: float, freedom: float) -> float:
    angles = start + (end - start) * np.sin(np.linspace(0.0, math.pi / 2, _STEPS + 1))
    # Rounding takes the cosine of a right angle below zero by 1e-17.
    density = np.maximum(np.cos(angles), 0.0) ** (freedom - 1)
    return float(((density[1:] + density[:-1]) * np.diff(angles)).sum()) / 2
