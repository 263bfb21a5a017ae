"""The dashboard beside a run: what it says is passed on, however much that is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchkit.cli.live_server import _address, _pass_on

TALKS = """
import sys
print("serving on http://127.0.0.1:1/", file=sys.stderr, flush=True)
for number in range(4000):
    print(f"{number} failed\x1b[2J", file=sys.stderr)
"""


def test_a_server_that_says_much_is_not_held_up(capsys: pytest.CaptureFixture[str]) -> None:
    words = [sys.executable, "-c", TALKS]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert _address(process) == "http://127.0.0.1:1/"
        _pass_on(process)
        assert process.wait(10) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 4001
    assert told[-1] == "live view: 3999 failed [2J"
