"""What this machine is, for the record: a reader of two runs must be able to say how they differ."""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

LIBRARIES = ("aiohttp", "uvloop", "numpy", "duckdb")
ROOT, ORDINARY = "root", "ordinary"
# Who started user-mode Linux, for what runs inside, where everybody is root.
STARTED_BY = "BENCHKIT_STARTED_BY"


def fingerprint() -> dict[str, str]:
    """Kernel, processor, clock, Python and libraries; what cannot be read is left out."""
    found = {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "distribution": _distribution(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": _memory(),
        "virtual": "yes" if "hypervisor" in _read("/proc/cpuinfo") else "no",
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "clock": clock_source(),
        "load": _read("/proc/loadavg").partition(" ")[0],
        "user": user(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in LIBRARIES},
    }
    return {key: value for key, value in found.items() if value}


def user() -> str:
    """Whether "root" or an "ordinary" user measures: root of a user namespace, or of user-mode Linux, is who made it."""
    started_by = os.environ.get(STARTED_BY)
    if started_by in {ROOT, ORDINARY}:
        return started_by
    return ROOT if _outside(os.geteuid()) == 0 else ORDINARY


def _outside(uid: int) -> int:
    """What a user id of this process's user namespace is outside of it (user_namespaces(7)); where that is not told, itself."""
    for line in _read("/proc/self/uid_map").splitlines():
        inside, outside, count = map(int, line.split())
        if inside <= uid < inside + count:
            return outside + uid - inside
    return uid


def clock_source() -> str:
    """What the kernel tells time by; empty where it does not say."""
    return _read("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def governors() -> list[str]:
    """The frequency governors of all cores, each once; none where the kernel does not tell."""
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return sorted({_read(str(file)) for file in files} - {""})


@dataclass(frozen=True)
class CpuTimes:
    """Ticks of all cores since boot: all, idle, and taken by the hypervisor for others."""

    total: int
    idle: int
    steal: int


def cpu_times() -> CpuTimes:
    """Read /proc/stat."""
    fields = [int(word) for word in _read("/proc/stat").splitlines()[0].split()[1:9]]
    return CpuTimes(sum(fields), fields[3] + fields[4], fields[7])


def cpu_shares(before: CpuTimes, after: CpuTimes) -> tuple[float, float]:
    """The percentage of time between two readings that all cores were busy, and that was stolen."""
    total = after.total - before.total
    busy, steal = total - (after.idle - before.idle), after.steal - before.steal
    return 100.0 * busy / max(1, total), 100.0 * steal / max(1, total)


def keep_to_core(number: int) -> None:
    """Have the calling thread run on one core alone: of those that it may run on, another one for the next number."""
    allowed = sorted(os.sched_getaffinity(0))
    with suppress(OSError):  # a core that is taken from us just now
        os.sched_setaffinity(0, {allowed[number % len(allowed)]})


def idlest_core(within_s: float = 0.05) -> int:
    """Which core that this process may use had the least to do for so long."""
    before = _idle_ticks()
    time.sleep(within_s)
    after = _idle_ticks()
    allowed = os.sched_getaffinity(0)
    return max(allowed, key=lambda core: after.get(core, 0) - before.get(core, 0))


def _idle_ticks() -> dict[int, int]:
    rows = [line.split() for line in _read("/proc/stat").splitlines() if line.startswith("cpu")]
    return {int(row[0][3:]): int(row[4]) + int(row[5]) for row in rows if row[0] != "cpu"}


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _field(path: str, key: str, separator: str) -> str:
    for line in _read(path).splitlines():
        name, _, value = line.partition(separator)
        if name.strip() == key:
            return value.strip().strip('"')
    return ""


def _processor() -> str:
    return _field("/proc/cpuinfo", "model name", ":")


def _memory() -> str:
    kibibytes = _field("/proc/meminfo", "MemTotal", ":").partition(" ")[0]
    return f"{int(kibibytes) / (1 << 20):.1f} GiB" if kibibytes.isdigit() else ""


def _distribution() -> str:
    return _field("/etc/os-release", "PRETTY_NAME", "=")
