"""A PathModel as a target file, to be read, kept and run again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchkit.model.place import Direction, PathModel
from benchkit.units import NS_PER_US

_PER_LINE = 12
INDENT = "  "
# What a reader of the file would take for measured, and is not.
DIRECTIONS = (
    "# Round trips do not tell the two directions apart. Half of the fastest is the delay forward; what varies and what was",
    "# lost is all put into backward. Only the sum of both was measured.",
)


def target_text(title: str, model: PathModel, rate_per_s: float) -> str:
    """A target with one path from `here` to `there` that has this model; numbers in microseconds.

    A comment says how the directions came about.
    """
    lines = [
        "schema = 1",
        f"title = {_quoted(title)}",
        "",
        "[[site]]",
        'name = "here"',
        "",
        "[[site]]",
        'name = "there"',
        "",
        "[[path]]",
        'from = "here"',
        'to = "there"',
        "",
        *DIRECTIONS,
        *_direction("forward", model.forward),
        "",
        *_direction("backward", model.backward),
        "",
        "[plan]",
        'probes = ["rtt"]',
        f'rate = "{rate_per_s:g}/s"',
    ]
    return "\n".join(lines) + "\n"


def _direction(name: str, direction: Direction) -> Iterator[str]:
    yield f"[path.model.{name}]"
    yield f'delay = "{_us(direction.delay_ns)} us"'
    if direction.loss:
        yield f'loss = "{100 * direction.loss:.6g} %"'
    if direction.bursts is not None:
        bursts = direction.bursts
        yield f'bursts.enter = "{100 * bursts.enter:.6g} %"'
        yield f'bursts.leave = "{100 * bursts.leave:.6g} %"'
    if direction.deviations_ns:
        yield 'deviations.unit = "us"'
        yield from _list("deviations.values", direction.deviations_ns)
    if direction.trace is not None:
        step_ns = direction.trace.at_ns[1] if len(direction.trace.at_ns) > 1 else 1_000_000_000
        yield 'trace.unit = "us"'
        yield f'trace.every = "{_us(step_ns)} us"'
        yield from _list("trace.values", direction.trace.delay_ns)


def _list(key: str, values_ns: Sequence[int]) -> Iterator[str]:
    yield f"{key} = ["
    for at in range(0, len(values_ns), _PER_LINE):
        yield INDENT + " ".join(f"{_us(value)}," for value in values_ns[at : at + _PER_LINE])
    yield "]"


def _us(nanoseconds: int) -> str:
    """In microseconds to the nanosecond, without an exponent."""
    text = f"{nanoseconds / NS_PER_US:.3f}"
    return text.rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
