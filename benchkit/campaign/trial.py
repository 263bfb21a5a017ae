"""What has to be tried where namespaces can be made: emulators, real-time priority, stamps, congestion control.

`python -m benchkit.campaign.trial` prints the findings as JSON: the doctor starts it inside a user namespace
for an ordinary user, and stays outside itself, where it can see every process of that user.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from contextlib import nullcontext

from benchkit.campaign.congestion import USUAL
from benchkit.campaign.finding import (
    WORRYING_NS,
    Finding,
    microseconds,
    middle_and_tail_ns,
    to_plain,
)
from benchkit.emulators.choice import choose, why_no_netem, why_no_userspace
from benchkit.errors import BenchkitError
from benchkit.linux import command, congestion_control, process, trials
from benchkit.linux.netns import Namespace
from benchkit.linux.privilege import may_make_namespaces

UNTRIED = "cannot be tried: no namespace can be made"
PRIVILEGE_FIRST = "see privilege, above"
CONGESTION = ("cubic", "bbr")


def findings() -> list[Finding]:
    """Try everything; with the privilege to make namespaces or without."""
    possible = may_make_namespaces()
    found = _emulators() if possible else _no_emulators()
    return [*found, _priority(), _stamps(inside=possible), _congestion(inside=possible)]


def _emulators() -> list[Finding]:
    netem, userspace = why_no_netem(), why_no_userspace()
    found = []
    if netem is None:
        found.append(Finding("netem", "ok", "the kernel's own emulator works"))
    else:
        said = f"kernel {platform.release()} does not give it: {netem}"
        remedy = "load it with `modprobe sch_netem` where the kernel has it; else the userspace line serves"
        found.append(Finding("netem", "no", said, remedy))
    if userspace is None:
        found.append(Finding("userspace", "ok", "packet rings open: our own line works"))
    else:
        remedy = "the kernel needs CONFIG_PACKET and CONFIG_VETH"
        found.append(Finding("userspace", "no", userspace, remedy))
    return [*found, _chosen({"netem": netem, "userspace": userspace})]


def _chosen(troubles: dict[str, str | None]) -> Finding:
    try:
        choice = choose("auto")
    except BenchkitError as error:
        return Finding("emulator", "no", str(error), "see netem and userspace, above")
    said = f"auto picks {choice.name}: {choice.reason}"
    if troubles.get(choice.name) is None:
        return Finding("emulator", "ok", said)
    return Finding("emulator", "no", f"{said}; and that does not work either", "see both, above")


def _no_emulators() -> list[Finding]:
    topics = ("netem", "userspace", "emulator")
    return [Finding(topic, "no", UNTRIED, PRIVILEGE_FIRST) for topic in topics]


def _priority() -> Finding:
    if trials.realtime_priority():
        return Finding("priority", "ok", "the line gets real-time priority")
    return Finding(
        "priority",
        "warning",
        "the line gets no real-time priority: other work may make it late",
        "run as root, or grant it: ulimit -r 10 (rtprio in /etc/security/limits.conf)",
    )


def _stamps(*, inside: bool) -> Finding:
    where, trial = "loopback in a namespace", _stamps_in_namespace() if inside else None
    try:
        if trial is None:
            where, trial = trials.LOOPBACK, trials.stamps_on_loopback()
    except OSError as error:
        remedy = "the kernel needs SO_TIMESTAMPING and a loopback device"
        return Finding("stamps", "no", f"stamps cannot be tried: {error}", remedy)
    counts = {"RX": trial.received, "SND": trial.sent, "SCHED": trial.scheduled}
    missing = [
        f"{name} on {count} of {trial.packets}"
        for name, count in counts.items()
        if count < trial.packets
    ]
    if missing:
        said = f"stamps are missing on {where}: {', '.join(missing)} packets"
        remedy = "round trips will count what this host adds; measure on a kernel that stamps"
        return Finding("stamps", "no", said, remedy)
    middle, tail = middle_and_tail_ns(trial.host_ns)
    share = f"user space adds p50 {microseconds(middle)}, p99 {microseconds(tail)}"
    said = f"RX, SND and SCHED on all of {trial.packets} packets, {where}; {share}"
    if tail < WORRYING_NS:
        return Finding("stamps", "ok", said)
    return Finding(
        "stamps", "warning", said, "this machine is busy: end other work, then try again"
    )


def _stamps_in_namespace() -> trials.StampTrial | None:
    """None where its loopback cannot be had, for want of `ip` for one."""
    try:
        with Namespace("a trial of kernel stamps") as netns:
            command.run(("ip", "link", "set", "dev", "lo", "up"), netns=netns.path)
            return netns.inside(trials.stamps_on_loopback)
    except (BenchkitError, OSError):
        return None


def _congestion(*, inside: bool) -> Finding:
    """Which controls bulk may go by: in namespaces of our own any that the kernel has, to real sites those allowed to this user."""
    modelled = _congestion_controls(inside=inside)
    real = _congestion_controls(inside=False)
    have, allowed = _those(modelled), _those(real)
    if modelled == real:
        said = have
    else:
        said = f"on modelled paths {have}; to real sites this user may choose {allowed}"
    missing = [name for name in CONGESTION if not modelled[name]]
    if missing:
        modules = " ".join(f"tcp_{name}" for name in missing)
        remedy = (
            f"`modprobe -a {modules}`, and run where namespaces can be made; or use what there is"
        )
        said += f"; {' and '.join(missing)} cannot be had: TCP probes keep the kernel's own"
        return Finding("congestion", "warning", said, remedy)
    if real[USUAL]:
        return Finding("congestion", "ok", said)
    remedy = (
        f'for real sites, `sysctl -w net.ipv4.tcp_allowed_congestion_control="{congestion_control.allowing(CONGESTION)}"`, or run '
        "as root; else TCP probes go by the system's own there"
    )
    return Finding("congestion", "warning", said, remedy)


def _those(works: Mapping[str, bool]) -> str:
    return ", ".join(name for name in CONGESTION if works[name]) or "neither cubic nor bbr"


def _congestion_controls(*, inside: bool) -> dict[str, bool]:
    # Only who owns the namespace may have those that the administrator has not allowed to everybody.
    with Namespace("a trial of congestion control") if inside else nullcontext() as netns:
        if netns is None:
            return {name: trials.has_congestion_control(name) for name in CONGESTION}
        return {name: netns.inside(trials.has_congestion_control, name) for name in CONGESTION}


if __name__ == "__main__":
    if not may_make_namespaces():
        sys.exit("a network namespace cannot be made inside the user namespace either")
    process.warm_up(())
    print(json.dumps([to_plain(finding) for finding in findings()]))  # noqa: T201  read by the doctor
