"""Whether two groups of runs measured the same thing with the same instrument; what differs, in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from benchkit.model.record import RunRecord

# What of the environment moves a figure: another of these, and a difference says nothing about the path.
ENVIRONMENT_LINES = ("architecture", "clock", "cores", "processor", "virtual")
# These may, a little: said, not refused.
NOTED_LINES = ("aiohttp", "benchkit", "python", "uvloop")
_SHOWN_DIGITS = 12
_Read = Callable[[RunRecord], str | None]


def _emulator(record: RunRecord) -> str:
    return record.emulator


def _kernel(record: RunRecord) -> str:
    release = record.environment.get("kernel")
    return f"{record.kernel} {release}" if release else record.kernel


def _target(record: RunRecord) -> str:
    return f"{record.target} {record.target_digest[:_SHOWN_DIGITS]}".strip()


def _stamps(record: RunRecord) -> str:
    return record.instrument.stamps


# What must agree, under the name that lets a person say it may differ.
FINGERPRINT: dict[str, _Read] = {
    "emulator": _emulator,
    "kernel": _kernel,
    "target": _target,
    "stamps": _stamps,
}
ASPECTS = (*FINGERPRINT, "environment")


def differences(
    base: Sequence[RunRecord], candidate: Sequence[RunRecord], allowed: Collection[str] = ()
) -> tuple[str, ...]:
    """A line for each aspect, but the allowed ones, in which the runs of both sides are not all alike.

    A run that was unfit or interrupted is no measurement to compare with, and is named too. A line of the
    environment that some run lacks is not held against it.
    """
    found = [
        line
        for aspect, read in FINGERPRINT.items()
        if aspect not in allowed and (line := _differing(aspect, read, base, candidate))
    ]
    if "environment" not in allowed:
        found += _environment(ENVIRONMENT_LINES, base, candidate)
    for record in (*base, *candidate):
        if record.unfit:
            found.append(f"run {record.run} was measured on an unfit machine: {record.unfit[0]}")
        elif record.interrupted:
            found.append(f"run {record.run} was interrupted")
    return tuple(found)


def permissible(differs: Sequence[str]) -> tuple[str, ...]:
    """The aspects to allow so that nothing of `differences` is left; none where a run was unfit or interrupted.

    >>> permissible(["kernel: base 6.1; candidate 6.18", "cores: base 2; candidate 4"])
    ('kernel', 'environment')
    """
    names = [line.partition(": ")[0] for line in differs]
    aspects = ["environment" if name in ENVIRONMENT_LINES else name for name in names]
    known = all(aspect in ASPECTS for aspect in aspects)
    return tuple(dict.fromkeys(aspects)) if known else ()


def noted_differences(
    base: Sequence[RunRecord], candidate: Sequence[RunRecord], allowed: Collection[str] = ()
) -> tuple[str, ...]:
    """What differs and is let pass: the aspects allowed, and the versions of what measured."""
    found = [
        line
        for aspect, read in FINGERPRINT.items()
        if aspect in allowed and (line := _differing(aspect, read, base, candidate))
    ]
    lines = NOTED_LINES + (ENVIRONMENT_LINES if "environment" in allowed else ())
    return tuple(found + _environment(lines, base, candidate))


def _environment(
    names: Sequence[str], base: Sequence[RunRecord], candidate: Sequence[RunRecord]
) -> list[str]:
    lines = (_differing(name, partial(_line, name), base, candidate) for name in names)
    return [line for line in lines if line]


def _line(name: str, record: RunRecord) -> str | None:
    value = record.environment.get(name)
    return None if value is None else str(value)


def _differing(
    name: str, read: _Read, base: Sequence[RunRecord], candidate: Sequence[RunRecord]
) -> str | None:
    ours, theirs = (
        sorted({value for record in side if (value := read(record)) is not None})
        for side in (base, candidate)
    )
    if len({*ours, *theirs}) <= 1 or not ours or not theirs:
        return None
    return f"{name}: base {', '.join(ours) or 'none'}; candidate {', '.join(theirs) or 'none'}"
