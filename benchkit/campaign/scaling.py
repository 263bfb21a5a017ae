"""Scaled emulation: a rate that no machine carries, divided by a whole number; round trips and queues in BDPs stay.

A queue of so many BDPs drains in as many round trips at any rate, so utilisation and queueing delay carry over. What
takes so many packets or doublings does not: see `reports.scaled`.
"""

from __future__ import annotations

from dataclasses import replace

from benchkit.errors import AskedWronglyError
from benchkit.model.place import Path, PathModel
from benchkit.model.target import Target
from benchkit.units import show_bit_rate

# Beyond it no one machine carries a packet line, by far; below it one small packet takes longer than tolerances.
MOST_BPS, LEAST_BPS = 25_000_000_000, 10_000_000
WIRE_OCTETS = 1538


def scaled(target: Target, factor: int) -> Target:
    """The target with rates and buffers divided, named for it, and judged by nothing: budgets are of the path itself.

    Raises:
        AskedWronglyError: a path is real or has no rate, or would be too slow or still too fast.
    """
    paths = tuple(_scaled(path, factor) for path in target.paths)
    warning = (
        f"scaled 1:{factor}: rates and buffers are divided by {factor}, round trips are not; "
        "no budget is judged at another rate than the path's own"
    )
    return replace(
        target,
        name=f"{target.name}-scaled-{factor}",
        title=f"{target.title}, scaled 1:{factor}",
        paths=paths,
        scale=factor,
        warnings=(*target.warnings, warning),
    )


def check_rates(target: Target) -> None:
    """Raise AskedWronglyError for a rate that no one machine can emulate."""
    for path in target.paths:
        rate = path.model.rate_bps if path.model else None
        if rate and rate > MOST_BPS:
            enough = -(-rate // 1_000_000_000)
            raise AskedWronglyError(
                f"path {path.name}: {show_bit_rate(rate)} cannot be emulated on one machine; give "
                f"--scale 1:{enough} for a path of 1 Gbit/s, or ask `benchkit plan`"
            )


def _scaled(path: Path, factor: int) -> Path:
    model = path.model
    if model is None or not model.rate_bps:
        kind = "is a real one" if model is None else "has no rate"
        raise AskedWronglyError(
            f"--scale 1:{factor}: path {path.name} {kind}; only a modelled rate can be divided"
        )
    if model.rate_bps // factor < LEAST_BPS:
        most = max(1, model.rate_bps // LEAST_BPS)
        raise AskedWronglyError(
            f"--scale 1:{factor}: path {path.name} would have {show_bit_rate(model.rate_bps // factor)}, and "
            f"{show_bit_rate(LEAST_BPS)} is the least that keeps packets short; give at most 1:{most}"
        )
    return replace(path, model=_divided(model, factor), budgets=())


def _divided(model: PathModel, factor: int) -> PathModel:
    assert model.rate_bps  # noqa: S101  checked before
    buffer = model.buffer_octets
    return replace(
        model,
        rate_bps=model.rate_bps // factor,
        buffer_octets=None if buffer is None else max(buffer // factor, WIRE_OCTETS),
        origin=f"{model.origin}; scaled 1:{factor}",
    )
