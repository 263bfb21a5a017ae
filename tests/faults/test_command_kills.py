"""Commands other than a plain run are stopped or killed at any moment: they end with all that they started.

A program at the end of an emulated path, a path that is recorded, a series of runs, a run that a gate repeats, and a
run inside a kernel of its own.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest
from commands import Running, benchkit, quick_target
from surroundings import carriers, surroundings

from benchkit.linux.icmp import FORBIDDEN, may_ping
from benchkit.linux.uml import why_no_uml

pytestmark = pytest.mark.privileged

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ROUNDS = int(os.environ.get("BENCHKIT_FAULT_ROUNDS", "10"))
# How long each is left alone at most: a kernel of its own takes its time to boot, and its campaign to begin.
COMMANDS = {"emulate": 4.0, "record": 4.0, "series": 4.0, "gate": 4.0, "kernel": 16.0}


def moments(rounds: int) -> list[tuple[str, signal.Signals, float]]:
    """Each command meets each signal within fifteen rounds, always at another moment."""
    found = []
    for index, (command, longest_s) in zip(range(rounds), cycle(COMMANDS.items()), strict=False):
        number = SIGNALS[(index + index // len(COMMANDS)) % len(SIGNALS)]
        after_s = round(random.Random(3000 + index).uniform(0.0, longest_s), 2)
        found.append((command, number, after_s))
    return found


def words_of(command: str, folder: Path, results: Path) -> tuple[str, ...]:
    """The command as somebody would type it, with all that it needs."""
    kept = ("--results", str(results))
    if command == "gate":  # a budget that is broken: what fails is measured again
        strict = quick_target(folder, limit="1 ms")
        failed = benchkit("run", strict, *kept)
        assert failed.returncode == 1, failed.stderr
        return "gate", "latest", *kept
    target = quick_target(folder, duration="2 s")
    return {
        "emulate": ("emulate", target, "here-there", "--serve", "sleep 60", "--", "sleep", "60"),
        "record": ("record", "127.0.0.1", "--probe", "icmp", "--duration", "2s"),
        "series": ("run", target, "--every", "5s", "--for", "10s", *kept),
        "kernel": ("run", target, "--kernel", "uml", *kept),
    }[command]


@pytest.mark.parametrize(("command", "number", "after_s"), moments(max(len(COMMANDS), ROUNDS // 2)))
def test_a_command_ends_with_all_that_it_started(
    tmp_path: Path, command: str, number: signal.Signals, after_s: float
) -> None:
    if command == "kernel" and (why := why_no_uml()):
        pytest.skip(f"user-mode Linux cannot run here: {why}")
    if command == "record" and not may_ping("127.0.0.1"):
        pytest.skip(FORBIDDEN)
    temporary, results = tmp_path / "tmp", tmp_path / "results"
    temporary.mkdir()
    before = surroundings(temporary)
    words = words_of(command, tmp_path, results)
    mark = f"BENCHKIT_TEST_MARK={tmp_path}"
    with Running(*words, TMPDIR=str(temporary), BENCHKIT_TEST_MARK=str(tmp_path)) as running:
        time.sleep(after_s)
        with suppress(ProcessLookupError):
            running.process.send_signal(number)
        status, out, said = running.end(timeout=60)
        assert running.survivors() == []
        assert carriers(mark) == []
    assert "Traceback" not in said
    expected = {0, 1, 5, 130, -number} if command in {"gate", "record"} else {0, 130, -number}
    if command == "emulate":  # the status of a command that a signal ended
        expected |= {128 + number, 128 + signal.SIGTERM}
    assert status in expected, said
    assert command == "gate" or not out.startswith("FAIL")
    cleaned = benchkit("doctor", "--clean", "--results", str(results), TMPDIR=str(temporary))
    assert cleaned.returncode in {0, 2}, cleaned.stderr
    assert surroundings(temporary) == before
    for folder in results.glob("2*"):
        verdict = json.loads((folder / "run.json").read_text())["verdict"]
        assert command == "gate" or verdict != "fail"
