"""The real command as a process of its own session, so that a test can see whether all of it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from benchkit.linux.privilege import may_make_namespaces, why_no_user_namespaces

# Without jitter a path on a machine at rest is so still that each of its few levels is one sample.
QUICK_TARGET = """
schema = 1
title = "A quick one"
question = "Does it work at all?"

[[site]]
name = "here"
label = "Here"

[[site]]
name = "there"
label = "There"

[[path]]
from = "here"
to = "there"

[path.model]
delay = "2 ms"
jitter = "0.1 ms"
rate = "200 Mbit/s"
buffer = "256 KiB"

[[path.budget]]
metric = "rtt"
percentile = "{percentile}"
limit = "{limit}"

[plan]
probes = ["rtt"]
duration = "{duration}"
rate = "500/s"
http_duration = "1 s"
load_duration = "1 s"
calibration = "0.4 s"
tolerance = "{tolerance}"
"""


def quick_target(
    folder: Path,
    *,
    limit: str = "50 ms",
    percentile: str = "p50",
    duration: str = "1 s",
    tolerance: str = "20 ms",
) -> str:
    """A target file of one path that is measured in two seconds; tolerant, for tests run beside others."""
    file = folder / "quick.toml"
    values = {"limit": limit, "percentile": percentile}
    file.write_text(QUICK_TARGET.format(duration=duration, tolerance=tolerance, **values))
    return str(file)


def why_no_namespaces() -> str | None:
    """Why nothing privileged can be tested here, for a skip; None if it can."""
    return None if may_make_namespaces() else why_no_user_namespaces()


def benchkit(
    *arguments: str,
    timeout: float = 60.0,
    before: Sequence[str] = (),
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end, with environment variables of its own; `before` is a command that takes another."""
    return subprocess.run(
        [*before, sys.executable, "-m", "benchkit", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env={**os.environ, **variables},
    )


class Running:
    """A benchkit that runs while the test does something to it."""

    def __init__(self, *arguments: str, before: Sequence[str] = (), **variables: str) -> None:
        """Start it, as the leader of a session of its own; `before` and variables as for `benchkit`."""
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "benchkit", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **variables},
        )
        self.heard = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def await_word(self, word: str) -> None:
        """Read its stderr until a line has that word."""
        stderr = self.process.stderr
        assert stderr is not None
        for line in stderr:
            self.heard += line
            if word in line:
                return
        raise AssertionError(f"it ended without saying {word!r}: {self.heard}")

    def called(self, name: str) -> list[int]:
        """The process ids of its session whose name begins so."""
        found = [int(line.split()[0]) for line in self.survivors(within_s=0)]
        return [pid for pid in found if name_of(pid).startswith(name)]

    def await_called(self, name: str, within_s: float = 30.0) -> list[int]:
        """The same, once there is one: processes come and go with the phases."""
        deadline = time.monotonic() + within_s
        while not (found := self.called(name)) and self.process.poll() is None:
            assert time.monotonic() < deadline, f"no {name} within {within_s:.0f} s"
            time.sleep(0.02)
        return found

    def end(self, timeout: float = 20.0) -> tuple[int, str, str]:
        """Its status, stdout and stderr, once it has ended."""
        out, said = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, self.heard + said

    def survivors(self, within_s: float = 5.0) -> list[str]:
        """What of its session is still there after so long: process ids and commands."""
        return remaining_of(self.process.pid, within_s)


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def remaining_of(leader: int, within_s: float = 5.0) -> list[str]:
    """What of its session is still there after so long: process ids and commands."""
    deadline = time.monotonic() + within_s
    while (found := session_of(leader)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def session_of(leader: int) -> list[str]:
    """What there is of its session now."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        state, session = fields[0], int(fields[3])
        if session == leader and state != "Z" and int(entry.name) != os.getpid():
            found.append(f"{entry.name} {command}")
    return found
