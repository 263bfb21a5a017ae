"""Whether the emulator did what it was asked while paths were measured: what a verdict rests on."""

from __future__ import annotations

from benchkit.clock import NS_PER_US
from benchkit.emulators.line import LineReport, quantile_ns

LATENESS_SHARE = 0.95


def line_troubles(report: LineReport | None, tolerance_ns: int) -> list[str]:
    """Sentences on an emulator that was itself the bottleneck while idle paths were measured."""
    if report is None:
        return []
    troubles = []
    if not report.packets:
        troubles.append(
            "not one packet passed the emulator: what was measured went another way; report this as a "
            "defect of benchkit"
        )
    if report.dropped:
        troubles.append(
            f"the emulator lost {report.dropped} packets that the model does not lose: the machine is "
            "too busy; free a core and run again"
        )
    late = quantile_ns(report, LATENESS_SHARE)
    if late is not None and late > tolerance_ns:
        troubles.append(
            f"the userspace line released 1 packet in 20 more than {late / NS_PER_US:.0f} us late, tolerance "
            f"{tolerance_ns / NS_PER_US:.0f} us: the machine is too busy; free a core, or run as root so "
            "that the line gets real-time priority"
        )
    return troubles
