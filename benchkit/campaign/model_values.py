"""A path's model in plain values, as a record holds it."""

from __future__ import annotations

from benchkit.clock import NS_PER_MS
from benchkit.model.place import Direction, PathModel


def model_values(model: PathModel | None) -> dict[str, object]:
    """What was asked of the emulator, delays in ms; nothing of a real path."""
    if model is None:
        return {}
    plain: dict[str, object] = {
        "origin": model.origin,
        "forward": _direction_values(model.forward),
        "backward": _direction_values(model.backward),
        "mtu": model.mtu,
    }
    if model.rate_bps is not None:
        plain["rate_bps"] = model.rate_bps
    if model.buffer_octets is not None:
        plain["buffer_octets"] = model.buffer_octets
    return plain


def _direction_values(direction: Direction) -> dict[str, object]:
    plain: dict[str, object] = {"delay_ms": direction.delay_ns / NS_PER_MS}
    if direction.jitter_ns:
        plain["jitter_ms"] = direction.jitter_ns / NS_PER_MS
        plain["distribution"] = direction.distribution
    if direction.bursts is not None:
        plain["bursts"] = {
            "enter": direction.bursts.enter,
            "leave": direction.bursts.leave,
            "bad_loss": direction.bursts.bad_loss,
            "good_loss": direction.bursts.good_loss,
        }
    plain["loss"] = direction.mean_loss
    for name in ("reorder", "duplicate"):
        if getattr(direction, name):
            plain[name] = getattr(direction, name)
    if direction.trace is not None:
        delays = direction.trace.delay_ns
        plain["trace"] = {
            "steps": len(delays),
            "least_ms": min(delays) / NS_PER_MS,
            "most_ms": max(delays) / NS_PER_MS,
        }
    return plain
