"""How many files a process may have open: sockets, pipes and namespaces of a run are among them."""

from __future__ import annotations

import resource

from benchkit.errors import UnfitError

# A run of few paths needs about a hundred; of many, more.
LEAST = 256


def allow_descriptors() -> None:
    """Take as many as the system allows; processes that are started later have them too.

    Raises UnfitError where that is too few for any run.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < LEAST:
        raise UnfitError(
            f"a process may have {hard} files open here, a run needs {LEAST}: raise it with `ulimit -Hn {4 * LEAST}`"
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
