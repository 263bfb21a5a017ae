"""What stands behind a run's figures, in words: instrument, calibration, context, environment, how to repeat."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.model.record import Calibration, Instrument, RunRecord
from benchkit.reports.figures import ABSENT, clean, fixed, pairs, short, signed
from benchkit.reports.repeating import repeating
from benchkit.units import show_count

CALIBRATION_TITLE = "Calibration: what was asked of the emulator, and got"
CALIBRATION_HEADER = (
    *("path", "direction", "quantity", "asked", "got", "error", "tolerance", "floor", "n", ""),
)
CALIBRATION_WORDS = 3
SHORT_CALIBRATION_HEADER = ("", "asked", "got", "tolerance", "n", "")
CALIBRATION_LARGE = 100
Facts = tuple[tuple[str, str], ...]
_DIGEST_LENGTH = 12


def instrument_facts(instrument: Instrument) -> Facts:
    """How well the instrument itself measured; what it did not look at is not there."""
    spread = {
        "floor RTT": (instrument.floor_p50_us, instrument.floor_p99_us, "with no delay emulated"),
        "pacing lateness": (
            instrument.lateness_p50_us,
            instrument.lateness_p99_us,
            "how late probes sent",
        ),
        "host share": (instrument.host_p50_us, instrument.host_p99_us, "what user space adds"),
        "line lateness": (
            instrument.line_lateness_p50_us,
            instrument.line_lateness_p99_us,
            _line_words(instrument),
        ),
    }
    counted = [
        f"{instrument.unstamped} unstamped",
        show_count(instrument.clock_steps, "clock step"),
    ]
    counted.append(f"{instrument.line_drops} dropped by the line")
    processor = _processor_words(instrument)
    return (
        ("stamps", clean(instrument.stamps)),
        *((("clock", clean(instrument.clock)),) if instrument.clock else ()),
        *(
            (name, f"p50 {short(low)} µs, p99 {short(high)} µs; {words}")
            for name, (low, high, words) in spread.items()
            if low is not None or high is not None
        ),
        ("trouble", ", ".join(counted)),
        *((("processor", ", ".join(processor)),) if processor else ()),
    )


def _processor_words(instrument: Instrument) -> list[str]:
    found = [
        f"{name} {short(value)} %"
        for name, value in (
            ("steal", instrument.cpu_steal_percent),
            ("busy", instrument.cpu_busy_percent),
        )
        if value is not None
    ]
    if instrument.collector_pauses is not None:
        longest = instrument.collector_longest_us
        words = f", the longest {short(longest)} µs" if longest is not None else ""
        found.append(f"{show_count(instrument.collector_pauses, 'collector pause')}{words}")
    return found


def _line_words(instrument: Instrument) -> str:
    priority = {True: ", real-time priority", False: ", no real-time priority", None: ""}
    return f"how late the line released{priority[instrument.line_realtime]}"


def calibration_rows(calibration: Sequence[Calibration]) -> tuple[tuple[str, ...], ...]:
    """Asked and got under CALIBRATION_HEADER, each line in its own unit."""
    return tuple(_calibration_row(line) for line in calibration)


def short_calibration_rows(
    calibration: Sequence[Calibration], path: str
) -> tuple[tuple[str, ...], ...]:
    """One path's lines under SHORT_CALIBRATION_HEADER."""
    rows = (_calibration_row(line) for line in calibration if line.path == path)
    return tuple(
        (f"{quantity.replace(',', f' {direction},')}", asked, got, tolerance, n, within)
        for _, direction, quantity, asked, got, _, tolerance, _, n, within in rows
    )


def _calibration_row(line: Calibration) -> tuple[str, ...]:
    places = 3 if line.asked < CALIBRATION_LARGE else 1
    if line.unit == "octets":
        places = 0
    return (
        clean(line.path),
        clean(line.direction),
        f"{clean(line.quantity)}, {clean(line.unit)}",
        fixed(line.asked, places),
        fixed(line.got, places),
        signed(line.got - line.asked, places),
        f"±{line.tolerance:.{places}f}",
        fixed(line.floor, places),
        str(line.n),
        "ok" if line.within else "OUT",
    )


def context_lines(record: RunRecord) -> tuple[str, ...]:
    """Documented figures that nothing here judges."""
    return tuple(
        f"{clean(figure)}: {clean(words)} [{clean(citation)}]"
        for citation, figure, words in record.context
    )


def environment_items(record: RunRecord) -> tuple[str, ...]:
    """Where it ran, item by item."""
    return tuple(pairs(record.environment))


def run_facts(record: RunRecord) -> Facts:
    """Which run this is, and how to have it again."""
    emulator = f"{clean(record.emulator)}, kernel {clean(record.kernel)}"
    if record.emulator_reason:
        emulator += f": {clean(record.emulator_reason)}"
    target = clean(record.target)
    if record.target_digest:
        target += f", sha256 {clean(record.target_digest)[:_DIGEST_LENGTH]}"
    took = f"{clean(record.started)}, {short(record.duration_s)} s"
    named = f"{clean(record.run)} “{clean(record.name)}”" if record.name else clean(record.run)
    seed = ABSENT if record.seed is None else str(record.seed)
    return (
        ("emulator", emulator),
        ("run", named),
        ("started", f"{took}, seed {seed}"),
        ("target", target),
        ("again", repeating(record)),
    )


def more_facts(record: RunRecord, found_by: str | None) -> Facts:
    """Where everything else stands, in words that can be typed as they are."""
    return (("all figures", f"benchkit report {clean(found_by or record.run)} --format full"),)
