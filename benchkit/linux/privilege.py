"""Whether this process may make network namespaces, and how an ordinary user comes by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchkit.errors import UnfitError
from benchkit.linux.netns import Namespace

# Set in the process that runs inside a user namespace, so that it does not enter a second one.
INSIDE = "BENCHKIT_USER_NAMESPACE"
LARGEST_PING_GROUP = (1 << 31) - 1
NO_UNSHARE = "unshare (util-linux) is not installed"
UNSHARE = ("unshare", "--user", "--map-root-user")


def may_make_namespaces() -> bool:
    """Whether this process can do it as it is."""
    try:
        with Namespace("a trial"):
            return True
    except (UnfitError, OSError):
        return False


def largest_group() -> int:
    """The largest group id that this process's user namespace knows, as far as sockets count them."""
    ranges = [line.split() for line in Path("/proc/self/gid_map").read_text().splitlines()]
    largest = max(int(inside) + int(count) - 1 for inside, _, count in ranges)
    return min(largest, LARGEST_PING_GROUP)


def why_no_user_namespaces() -> str | None:
    """Try one: None if it works, else what was said."""
    if shutil.which("unshare") is None:
        return NO_UNSHARE
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else None


def obtain_namespaces(arguments: Sequence[str], *, module: str = "benchkit") -> None:
    """Return when this process, `python -m` that module with these arguments, may make network namespaces.

    An ordinary user's process is replaced, once, by the same command inside a user namespace of its own:
    same process id, same terminal, files still owned by the user. Raises UnfitError where neither goes.
    """
    if may_make_namespaces():
        return
    trouble = "it does not help here" if INSIDE in os.environ else why_no_user_namespaces()
    if trouble == NO_UNSHARE:
        raise UnfitError(
            f"emulating a path needs root or user namespaces, and {NO_UNSHARE}: install it (apt-get install "
            "util-linux), or run as root (sudo benchkit …)"
        )
    if trouble is not None:
        raise UnfitError(
            f"emulating a path needs root or user namespaces, and this user has neither ({trouble}): run "
            "it as root (sudo benchkit …), or allow user namespaces (sysctl -w "
            "user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1)"
        )
    os.environ[INSIDE] = "1"
    sys.stdout.flush()
    os.execvp(UNSHARE[0], [*UNSHARE, "--", sys.executable, "-m", module, *arguments])  # noqa: S606  argv, no shell
