"""What this machine can do, and how well it measures. Everything is tried; nothing here changes the machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchkit.campaign import tidying
from benchkit.campaign.finding import (
    WORRYING_NS,
    Finding,
    from_plain,
    microseconds,
    middle_and_tail_ns,
)
from benchkit.clock import NS_PER_MS, NS_PER_US
from benchkit.errors import BenchkitError, CommandError
from benchkit.linux import command, hardware_stamps, host, privilege, process, trials, uml

LATENESS_NS = 300 * NS_PER_MS
SLOW_CLOCK_NS = NS_PER_US
LEAST_CORES = 2
LEAST_FREE = 200 << 20
SYSCTLS = {
    "user.max_user_namespaces": "10000",
    "kernel.unprivileged_userns_clone": "1",
    "kernel.apparmor_restrict_unprivileged_userns": "0",
}
PROC_SYS = Path("/proc/sys")
_VERSION = re.compile(r"\d+(?:\.\d+)+")


def examine(results: Path) -> list[Finding]:
    """Every finding, in the order in which a person mends things."""
    process.warm_up(())
    return [
        *_namespaces(),
        _programs("iproute2", ("ip", "tc")),
        _programs("util-linux", ("nsenter", "unshare")),
        _uml(),
        _timers(),
        _floor(),
        _hardware(),
        _clock(),
        _cores(),
        *_governor(),
        _results(results),
        tidying.found(results),
    ]


def is_fit(findings: Sequence[Finding]) -> bool:
    """Whether some emulator works."""
    return any(each.topic == "emulator" and each.state == "ok" for each in findings)


def _namespaces() -> list[Finding]:
    """The privilege, and what is tried with it: here, inside a user namespace, or as far as it goes without."""
    from benchkit.campaign import trial  # noqa: PLC0415  numpy, for this only

    if privilege.may_make_namespaces():
        who = "root" if os.geteuid() == 0 else "this user"
        said = f"{who} may make network namespaces"
        return [Finding("privilege", "ok", said), *trial.findings()]
    trouble = privilege.why_no_user_namespaces()
    if trouble is None:
        try:
            found = _confined()
        except CommandError as error:
            trouble = str(error.args[-1])
        else:
            said = "user namespaces are allowed: no sudo is needed"
            return [Finding("privilege", "ok", said), *found]
    said = f"neither root nor user namespaces: {trouble}"
    return [Finding("privilege", "no", said, _both_remedies()), *trial.findings()]


def _confined() -> list[Finding]:
    words = (*privilege.UNSHARE, "--", sys.executable, "-m", "benchkit.campaign.trial")
    return [from_plain(plain) for plain in json.loads(command.run(words))]


def _both_remedies() -> str:
    there = [
        f"{name}={value}"
        for name, value in SYSCTLS.items()
        if (PROC_SYS / name.replace(".", "/")).exists()
    ]
    root = "run as root (sudo benchkit …; in a container, with --privileged)"
    if not there:
        return f"{root}; this kernel was built without user namespaces"
    return f"{root}, or allow user namespaces: sysctl -w {' '.join(there)}"


def _programs(package: str, names: Sequence[str]) -> Finding:
    versions, troubles = [], []
    for name in names:
        try:
            answer = command.run((name, "-V"))
        except CommandError as error:
            troubles.append(f"{name}: {error.args[-1]}")
        else:
            version = _VERSION.search(answer)
            versions.append(f"{name} {version[0] if version else answer.strip()}")
    if troubles:
        remedy = f"apt-get install {package}"
        return Finding(package, "no", ", ".join([*troubles, *versions]), remedy)
    return Finding(package, "ok", ", ".join(versions))


def _uml() -> Finding:
    missing = uml.why_no_uml()
    if missing is None:
        return Finding("uml", "ok", "--kernel uml works: real netem, and no privilege is needed")
    said, _, remedy = missing.partition(": ")
    return Finding("uml", "warning", said, f"only --kernel uml needs it: {remedy}")


def _timers() -> Finding:
    from benchkit.campaign import own_error  # noqa: PLC0415  numpy

    middle, tail = middle_and_tail_ns(trials.timer_lateness_ns(LATENESS_NS))
    said = f"timerfd is late by p50 {microseconds(middle)}, p99 {microseconds(tail)}"
    exact, beyond = middle_and_tail_ns(own_error.precise_lateness_ns())
    said += f"; precise pacing by p50 {microseconds(exact)}, p99 {microseconds(beyond)}"
    if tail < WORRYING_NS:
        return Finding("timers", "ok", said)
    remedy = "packets will leave late: end other work, or give this machine more cores"
    return Finding("timers", "warning", said, remedy)


def _floor() -> Finding:
    """What every run calls its floor, where nothing is in between."""
    from benchkit.campaign import own_error  # noqa: PLC0415  numpy

    remedy = "the kernel needs a loopback device and SO_TIMESTAMPING: see stamps"
    try:
        found = own_error.floor_ns().tolist()
    except (BenchkitError, OSError) as error:
        return Finding(
            "floor", "no", f"round trips over the loopback cannot be had: {error}", remedy
        )
    if not found:
        return Finding("floor", "no", "no round trip over the loopback has all its stamps", remedy)
    middle, tail = middle_and_tail_ns(found)
    said = f"network round trips over the loopback: p50 {microseconds(middle)}, p99 {microseconds(tail)}"
    if tail < WORRYING_NS:
        return Finding("floor", "ok", said)
    return Finding("floor", "warning", said, "this machine is busy: end other work, then try again")


def _hardware() -> Finding:
    """Which interfaces could stamp in hardware. Nothing need be mended where none can."""
    able = {name: each for name, each in hardware_stamps.interfaces().items() if each.both}
    if not able:
        return Finding(
            "hardware", "ok", "no interface stamps all packets in hardware: the kernel does"
        )
    words = ", ".join(
        f"{name} (clock {'unknown' if each.clock is None else f'/dev/ptp{each.clock}'})"
        for name, each in able.items()
    )
    return Finding(
        "hardware",
        "ok",
        f"can stamp in hardware: {words}; such stamps, by the card's own clock, stand beside the kernel's",
    )


def _clock() -> Finding:
    cost = trials.clock_reading_ns()
    said = f"{host.clock_source() or 'unknown'}; a reading takes {cost} ns"
    if cost < SLOW_CLOCK_NS:
        return Finding("clock", "ok", said)
    remedy = "each stamp in user space costs that; choose a faster one in /sys/devices/system/clocksource"
    return Finding("clock", "warning", said, remedy)


def _cores() -> Finding:
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    said = f"{cores}, load {load:.2f}"
    if cores < LEAST_CORES:
        remedy = "the line and the probes share it: give this machine a second core"
        return Finding("cores", "warning", said, remedy)
    if load > cores:
        remedy = "more work than cores: what is measured now is this machine; end other work"
        return Finding("cores", "warning", said, remedy)
    return Finding("cores", "ok", said)


def _governor() -> list[Finding]:
    """Nothing where the kernel does not tell, as in most virtual machines."""
    governors = host.governors()
    if not governors:
        return []
    said = ", ".join(governors)
    if governors == ["performance"]:
        return [Finding("governor", "ok", said)]
    remedy = "waking up from a low frequency costs time: cpupower frequency-set -g performance"
    return [Finding("governor", "warning", said, remedy)]


def _results(results: Path) -> Finding:
    try:
        there = next(each for each in (results, *results.absolute().parents) if each.exists())
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        said = f"{results} cannot be written: {error.strerror}"
        return Finding("results", "no", said, "give --results a directory that can be written")
    words = f"{results} can be written" if there == results else f"{results} can be made"
    said = f"{words}, {free / (1 << 30):.1f} GiB free"
    if free < LEAST_FREE:
        remedy = "free space, or give --results another directory"
        return Finding("results", "warning", said, remedy)
    return Finding("results", "ok", said)
