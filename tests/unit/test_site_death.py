"""What is said of a site's process that ended before it had a result."""

from __future__ import annotations

import pytest

from benchkit.testbeds.namespaces import _death


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (-9, "ended with signal 9 .* see the system log for an out-of-memory kill, then run again"),
        (-15, "ended with signal 15 .* whoever sent it can tell why, then run again"),
        (3, "ended with status 3 .* what it said on stderr tells why; mend that, then run again"),
    ],
)
def test_only_a_kill_is_looked_for_where_the_system_tells_of_kills(status: int, said: str) -> None:
    with pytest.raises(Exception, match=said):
        raise _death("b", status)
