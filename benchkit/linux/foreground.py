"""A user's own program inside a network namespace: its terminal, its signals and its exit status are passed through."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import AskedWronglyError
from benchkit.linux.leftovers import MARKER

# Names resolve by a hosts file of its own, in a mount namespace of its own. A benchkit that ended before the kernel was
# asked to tell of it is no longer the parent.
SCRIPT = """
[ "$PPID" = "$1" ] || exit 1
mount --bind "$2" /etc/hosts || echo "benchkit: sites have no names here, only addresses" >&2
shift 2
exec "$@"
"""
PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
# A terminal sends these to all of its foreground: the program decides what they mean, and we wait for it.
LEFT_TO_IT = (signal.SIGINT, signal.SIGQUIT)
BY_SIGNAL = 128
GRACE_S = 2.0
TICK_S = 0.02
LISTENING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}  # states of <net/tcp_states.h>


def words_inside(netns: str, hosts: Path, argv: Sequence[str]) -> list[str]:
    """The words that run a program in the namespace at path `netns`, with `hosts` as its /etc/hosts."""
    mounts = ("unshare", "--mount", "--propagation", "private", "--")
    script = ("sh", "-c", SCRIPT, "sh", str(os.getpid()), str(hosts))
    return tied("nsenter", f"--net={netns}", "--", *mounts, *script, *argv)


def tied(*words: str) -> list[str]:
    """The words that run a program of ours which ends when we do, however that is.

    It is told by a hangup, for the path that it talks over has ended, and is killed where hangups are ignored, as
    below `nohup`: it would inherit that.
    """
    deaf = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return ["setpriv", "--pdeathsig", "KILL" if deaf else "HUP", "--", *words]


def run_in_foreground(
    words: Sequence[str], environment: Mapping[str, str], *, quiet: bool = False
) -> int:
    """Run it on our terminal and return its exit status, 128 and the signal's number where one ended it.

    If `quiet`, nobody reads its stdout.
    """
    output = subprocess.DEVNULL if quiet else None
    program = subprocess.Popen(list(words), env=_environment(environment), stdout=output)

    def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the signature of a handler
        with suppress(OSError):
            program.send_signal(number)

    def leave(number: int, frame: FrameType | None) -> None:
        """Do nothing. A handler, for what is ignored would be so in the program too."""

    handlers = dict.fromkeys(PASSED_ON, pass_on) | dict.fromkeys(LEFT_TO_IT, leave)
    before: dict[signal.Signals, Any] = {
        number: signal.signal(number, handler) for number, handler in handlers.items()
    }
    try:
        status = program.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return BY_SIGNAL - status if status < 0 else status


@contextmanager
def in_background(
    words: Sequence[str], environment: Mapping[str, str], netns: str, patience_s: float
) -> Iterator[None]:
    """Keep a program running beside, from when it listens in `netns`; its output goes to our stderr.

    One that never listens is waited for so long, in case it is a client. Raises AskedWronglyError where it ends
    at once.
    """
    program = subprocess.Popen(
        list(words),
        env=_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=2,
        start_new_session=True,
    )
    try:
        _await_listening(program, words, netns, patience_s)
        yield
    finally:
        _end(program)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours, without the mark by which processes of a dead campaign are found and killed."""
    ours = {name: value for name, value in os.environ.items() if name != MARKER}
    return {**ours, **more}


def _await_listening(
    program: subprocess.Popen[bytes], words: Sequence[str], netns: str, patience_s: float
) -> None:
    deadline = monotonic_ns() + round(patience_s * NS_PER_S)
    while monotonic_ns() < deadline and not _listens(program.pid, netns):
        with suppress(subprocess.TimeoutExpired):
            status = program.wait(TICK_S)
            raise AskedWronglyError(
                f"`{words[-1]}` ended with status {status} before anything could reach it: name a program that serves"
            )


def _listens(pid: int, netns: str) -> bool:
    """Whether the process has arrived in the namespace, and anything there is bound and waiting."""
    with suppress(OSError):
        if Path(f"/proc/{pid}/ns/net").stat().st_ino != Path(netns).stat().st_ino:
            return False
    for table, state in LISTENING.items():
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
            if any(line.split()[3] == state for line in lines):
                return True
    return False


def _end(program: subprocess.Popen[bytes]) -> None:
    """End it and what it started: kindly, then surely."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(program.pid, number)
        with suppress(subprocess.TimeoutExpired):
            program.wait(GRACE_S)
            return
