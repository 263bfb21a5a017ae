"""A `tc -batch` that is kept running: a change takes the time of a system call, not of starting programs."""

from __future__ import annotations

import re
import select
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Self

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import CommandError, UnfitError
from benchkit.linux import command

# tc holds its output back in a pipe, and says at once what it does not know: that is the end of the lines before.
MARK = "mark"
MARKED = re.compile(rb'Object "mark" is unknown[^\n]*\nCommand failed [^\n]*\n')
FAILED = b"Command failed"
PIPE_OCTETS = 1 << 16
END_TIMEOUT_S = 2.0


class TrafficControl:
    """Takes lines of `tc -batch` inside one network namespace."""

    def __init__(self, netns: str, environment: Mapping[str, str]) -> None:
        """Start it in the namespace at path `netns`, with variables beside ours."""
        self._process = subprocess.Popen(
            ("nsenter", f"--net={netns}", "--", "tc", "-force", "-batch", "-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**command.environment(), **environment},
        )

    def run(self, lines: Sequence[str]) -> None:
        """Have them done, in order. Raises CommandError with what tc said, where one failed or took too long."""
        sent = self._process.stdin
        if sent is None:
            raise RuntimeError("it was asked for as a pipe")
        with suppress(BrokenPipeError):  # it has ended, and says why
            sent.write("".join(f"{line}\n" for line in (*lines, MARK)).encode())
        said = MARKED.sub(b"", self._said())
        if FAILED in said:
            raise CommandError("tc -batch -", 1, " ".join(said.decode().split()))

    def check(self) -> None:
        """Raise UnfitError if it has ended."""
        if self._process.poll() is not None:
            raise UnfitError(
                "the tc that shapes the paths has ended in the middle of the run: see the system log for an "
                "out-of-memory kill, then run again"
            )

    def _said(self) -> bytes:
        """What it says up to the mark."""
        heard = self._process.stderr
        if heard is None:
            raise RuntimeError("it was asked for as a pipe")
        said, deadline = b"", monotonic_ns() + round(command.TIMEOUT_S * NS_PER_S)
        while not MARKED.search(said):
            left = max(0, deadline - monotonic_ns()) / NS_PER_S
            if not select.select([heard], [], [], left)[0]:
                raise CommandError("tc -batch -", 124, f"no end after {command.TIMEOUT_S:.0f} s")
            some = heard.read(PIPE_OCTETS)
            if not some:
                status = self._process.wait()
                raise CommandError("tc -batch -", status, " ".join(said.decode().split()))
            said += some
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let it end: the end of its input is the end of the batch."""
        with self._process as running, suppress(BrokenPipeError):
            if running.stdin is not None:
                running.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                running.wait(END_TIMEOUT_S)
            running.kill()
