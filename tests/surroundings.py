"""What a benchkit could leave in this machine: for tests that stop or kill it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path


def surroundings(temporary: Path) -> dict[str, object]:
    """All of it but its processes: devices, named namespaces, mounts, and what is in its temporary folder."""
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True)
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    return {
        "devices": [line.split()[0] for line in links.stdout.splitlines()],
        "named namespaces": names.stdout,
        "mounts": Path("/proc/self/mounts").read_text(),
        "folders": sorted(each.name for each in temporary.iterdir()),
    }


def carriers(variable: str, within_s: float = 5.0) -> list[str]:
    """The commands that still have `NAME=value` in their environment after so long, of whatever session."""
    deadline = time.monotonic() + within_s
    while (found := _carriers_now(variable)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _carriers_now(variable: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # ended meanwhile
            continue
        if variable.encode() in variables:
            found.append(f"{entry.name} {command}")
    return found
