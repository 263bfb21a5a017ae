"""Run one program, given as a tuple of words, to its end."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from benchkit.errors import CommandError

TIMEOUT_S = 20.0
# An administrator's PATH holds ip and tc; a user's often does not.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def run(
    argv: Sequence[str],
    *,
    feed: str | None = None,
    netns: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run it, inside the network namespace at path `netns` if one is given, and return its stdout.

    `feed` is its standard input, `variables` stand beside ours. Raises CommandError when it is
    not there, fails or hangs.
    """
    words = list(argv)
    if netns is not None:
        words = ["nsenter", f"--net={netns}", "--", *words]
    try:
        done = subprocess.run(
            words,
            input=feed,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**environment(), **(variables or {})},
        )
    except FileNotFoundError as error:
        raise CommandError(shlex.join(argv), 127, f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(shlex.join(argv), 124, f"no end after {TIMEOUT_S:.0f} s") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise CommandError(shlex.join(argv), done.returncode, said)
    return done.stdout


def environment() -> dict[str, str]:
    """The variables of every program that we start: in English, and found where administrators have them."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {**os.environ, "PATH": f"{path}:{SBIN}", "LC_ALL": "C"}
