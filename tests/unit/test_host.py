"""What this machine is, read from files."""

from __future__ import annotations

import os

import pytest

from benchkit.linux import host
from benchkit.linux.host import CpuTimes, cpu_shares
from benchkit.linux.uml import own_environment

FILES = {
    "/proc/cpuinfo": (
        "processor\t: 0\nmodel\t\t: 49\nmodel name\t: AMD EPYC 7B13\nflags\t\t: fpu hypervisor\n"
        "processor\t: 1\nmodel name\t: another\n"
    ),
    "/proc/meminfo": "MemFree:  1 kB\nMemTotal:       16384000 kB\n",
    "/proc/loadavg": "0.42 0.30 0.25 1/123 4567",
    "/proc/stat": "cpu  100 20 30 4000 500 6 7 88 999 9999\ncpu0 50 10 15 2000 250 3 3 44 0 0\n",
    "/etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "/sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files of a machine, to be changed."""
    files = dict(FILES)
    monkeypatch.setattr(host, "_read", lambda path: files.get(path, ""))
    return files


def test_a_machine_is_told_by_its_files(machine: dict[str, str]) -> None:
    found = host.fingerprint()
    wanted = {
        "processor": "AMD EPYC 7B13",
        "memory": "15.6 GiB",
        "distribution": "Debian GNU/Linux 12 (bookworm)",
        "load": "0.42",
        "clock": "tsc",
        "virtual": "yes",
    }
    assert wanted.items() <= found.items()
    machine["/proc/cpuinfo"] = FILES["/proc/cpuinfo"].replace(" hypervisor", "")
    assert host.fingerprint()["virtual"] == "no"


@pytest.mark.parametrize(
    ("uid_map", "uid", "who"),
    [
        ("         0          0 4294967295\n", 0, "root"),
        ("         0          0 4294967295\n", 1000, "ordinary"),
        ("         0       1000          1\n", 0, "ordinary"),  # unshare --map-root-user
        ("         0          0          1\n", 0, "root"),  # the same by root
        ("0 1000 1\n1 100000 65536\n", 0, "ordinary"),  # a container without root
        ("1000 0 1\n", 1000, "root"),
        ("", 0, "root"),  # a kernel without user namespaces
    ],
)
def test_root_is_who_is_root_outside_of_the_user_namespace(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch, uid_map: str, uid: int, who: str
) -> None:
    monkeypatch.delenv(host.STARTED_BY, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    machine["/proc/self/uid_map"] = uid_map
    assert host.fingerprint()["user"] == who


def test_in_user_mode_linux_it_is_who_started_that(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(host.STARTED_BY, raising=False)
    machine["/proc/self/uid_map"] = "0 1000 1\n"
    inside = own_environment({})
    machine["/proc/self/uid_map"] = "0 0 4294967295\n"
    monkeypatch.setenv(host.STARTED_BY, inside[host.STARTED_BY])
    assert host.fingerprint()["user"] == "ordinary"


def test_what_cannot_be_read_is_left_out(machine: dict[str, str]) -> None:
    machine.clear()
    found = host.fingerprint()
    assert not found.keys() & {"processor", "memory", "distribution", "load", "clock", "governor"}
    assert found.keys() >= {"kernel", "python", "cores", "user", "numpy", "uvloop"}
    assert all(found.values())


def test_this_machine_has_a_fingerprint_of_plain_words() -> None:
    found = host.fingerprint()
    assert found.keys() >= {"kernel", "architecture", "cores", "memory", "load", "python"}
    assert all(isinstance(value, str) and value == value.strip() for value in found.values())
    assert int(found["cores"]) >= 1


@pytest.mark.usefixtures("machine")
def test_idle_is_waiting_too_and_guests_are_not_counted_twice() -> None:
    # user nice system idle iowait irq softirq steal; guest time is in user time already
    assert host.cpu_times() == CpuTimes(total=4751, idle=4500, steal=88)


def test_time_goes_on() -> None:
    first, second = host.cpu_times(), host.cpu_times()
    assert second.total >= first.total > first.idle > 0


@pytest.mark.parametrize(
    ("before", "after", "shares"),
    [
        (CpuTimes(1000, 500, 10), CpuTimes(1200, 650, 14), (25.0, 2.0)),
        (CpuTimes(1000, 500, 10), CpuTimes(1200, 500, 10), (100.0, 0.0)),
        (CpuTimes(1000, 500, 10), CpuTimes(1200, 700, 10), (0.0, 0.0)),
        (CpuTimes(1000, 500, 10), CpuTimes(1000, 500, 10), (0.0, 0.0)),  # within one tick
    ],
)
def test_shares_are_of_the_time_between_two_readings(
    before: CpuTimes, after: CpuTimes, shares: tuple[float, float]
) -> None:
    assert cpu_shares(before, after) == pytest.approx(shares)
