"""What there is in the system besides this process: for tests that nothing is left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


def descendants() -> set[int]:
    """Processes that this one started, and what those started; without those that are dead."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return ours - {os.getpid()}


def networks() -> set[str]:
    """Network namespaces, as `net:[inode]`, that this process or one it started is in or holds open."""
    found = set()
    for pid in {os.getpid(), *descendants()}:
        for link in (*Path(f"/proc/{pid}/task").glob("*/ns/net"), *_descriptors(pid)):
            try:
                where = str(link.readlink())
            except OSError:
                continue
            if where.startswith("net:["):
                found.add(where)
    return found


def _descriptors(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def gone_from(look: Callable[[], set[Found]], before: set[Found], within_s: float) -> set[Found]:
    """What `look` still finds after so long that was not there before: nothing, if all is well."""
    deadline = time.monotonic() + within_s
    while (left := look() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left
