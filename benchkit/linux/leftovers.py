"""What a killed campaign leaves in the system: its folder in the temporary directory, and its processes.

A folder names its campaign by process id and is locked while that lives; a process carries the campaign's
identity in its environment. Both are told from those of living campaigns even where an id is in use again.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import re
import shutil
import signal
import stat
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from multiprocessing.util import get_temp_dir
from pathlib import Path

from benchkit.clock import NS_PER_S, realtime_ns

MARKER = "BENCHKIT_CAMPAIGN"
PREFIX = "benchkit-"
PROC = Path("/proc")
# Python's own folder, in which the fork server listens: it names nobody, so ours points at it.
COMPANION, COMPANION_PREFIX = "fork-server", "pymp-"
# The folder's time comes from a coarser clock than a process's start, and clocks are corrected.
SLOP_S = 2.0
# What a campaign starts for itself. A program that a user had started inside a path carries the marker too,
# and is nobody's to kill.
OURS = (b"multiprocessing.", b"linux.uml")

_FOLDER = re.compile(rf"{PREFIX}(\d+)-\w+")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class HeldFolder:
    """A private folder in the temporary directory that is known to be in use until it is closed."""

    def __init__(self) -> None:
        """Make it and lock it: the kernel lets go of the lock however this process ends."""
        self.path = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # a file system without locks: the process id must do
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (Path(self.path) / COMPANION).symlink_to(get_temp_dir())

    def close(self) -> None:
        """Remove it with what it holds."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(frozen=True)
class Orphan:
    """A process whose campaign is dead."""

    pid: int
    campaign: str
    command: str


def mark() -> None:
    """Have every process that is started from now on carry this campaign's identity."""
    os.environ[MARKER] = identity(os.getpid())


@cache
def hold_companion() -> None:
    """Have a folder point at the fork server's from before that is there until this process ends, killed or not."""
    atexit.register(HeldFolder().close)


def identity(pid: int) -> str:
    """Process id and start, in ticks since boot: no two processes of one boot share it. Empty if it is dead."""
    started = _started(pid)
    return "" if started is None else f"{pid}.{started}"


def dead_folders() -> list[Path]:
    """Folders of this user whose campaign is dead, and what Python made for the same campaign."""
    try:
        entries = list(os.scandir(tempfile.gettempdir()))
    except OSError:
        return []
    dead = sorted(Path(entry.path) for entry in entries if _is_dead(entry))
    both = (each for folder in dead for each in (*_companion(folder), folder))
    return list(dict.fromkeys(both))  # a campaign has several folders, and one fork server


def remove_dead_folders() -> list[Path]:
    """Remove them, and return those that are gone. Never raises: a campaign begins with it."""
    dead = dead_folders()
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder for folder in dead if not folder.exists()]


def orphans() -> list[Orphan]:
    """Processes of this user that belong to a dead campaign. One in a foreign user namespace is not seen."""
    found = (_orphan(int(each.name)) for each in PROC.iterdir() if each.name.isdigit())
    return sorted((each for each in found if each is not None), key=lambda each: each.pid)


def kill(orphan: Orphan) -> bool:
    """Kill it if it is still what it was; whether it was."""
    try:
        descriptor = os.pidfd_open(orphan.pid)
    except OSError:
        return False
    try:
        if _orphan(orphan.pid) != orphan:  # the id may have gone to another before it was held
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def has_open_files(folder: Path) -> bool:
    """Whether a process that we may look into has a file open below the folder."""
    below = f"{folder.resolve()}/"
    for process in PROC.iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended, or is another user's
            for descriptor in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()).startswith(below):
                        return True
    return False


def _is_dead(entry: os.DirEntry[str]) -> bool:
    named = _FOLDER.fullmatch(entry.name)
    try:
        if named is None or not entry.is_dir(follow_symlinks=False):
            return False
        about = entry.stat(follow_symlinks=False)
        if about.st_uid != os.geteuid() or _may_own(int(named[1]), about.st_mtime):
            return False
        return not _is_locked(entry.path)
    except OSError:
        return False


def _companion(folder: Path) -> list[Path]:
    try:
        target = (folder / COMPANION).readlink()
        beside = target.parent == folder.parent and target.name.startswith(COMPANION_PREFIX)
        about = target.lstat()
    except OSError:
        return []
    ours = stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()
    return [target] if beside and ours else []


def _may_own(pid: int, touched_s: float) -> bool:
    """Whether a process of that id lives and had begun when the folder was last touched."""
    started = _started(pid)
    if started is None:
        return False
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - started / _TICKS_PER_S
    return age_s + SLOP_S >= realtime_ns() / NS_PER_S - touched_s


def _is_locked(folder: str) -> bool:
    # In a container of its own a campaign's process id says nothing here; its lock does.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _started(pid: int) -> int | None:
    """When it started, in ticks since boot; None if it is dead or nobody has waited for it yet."""
    try:
        text = (PROC / f"{pid}" / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, and may hold anything.
    state, *fields = text.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])


def _orphan(pid: int) -> Orphan | None:
    process = PROC / f"{pid}"
    try:
        if pid == os.getpid() or process.stat().st_uid != os.geteuid():
            return None
        command = (process / "cmdline").read_bytes()
        environment = (process / "environ").read_bytes()
    except OSError:
        return None
    campaign = _marker(environment)
    if not campaign or not any(words in command for words in OURS):
        return None
    owner = campaign.partition(".")[0]
    if not owner.isdigit() or identity(int(owner)) == campaign:
        return None
    return Orphan(pid, campaign, " ".join(command.decode(errors="replace").split("\0")).strip())


def _marker(environment: bytes) -> str:
    key = f"{MARKER}=".encode()
    for word in environment.split(b"\0"):
        if word.startswith(key):
            return word[len(key) :].decode(errors="replace")
    return ""
