"""Processes started from programs that cannot be run a second time, and while signals come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals

PROGRAM = """
import sys, time
from pathlib import Path
from benchkit.linux import process
from benchkit.testbeds.namespaces import NamespaceExecutor

def own():
    return "own"

class Own:
    pass

if __name__ == "__main__":
    process.warm_up(())
    if "remove" in sys.argv:
        Path(__file__).unlink()
    task, arguments = (own, ()) if "own" in sys.argv else (abs, (-3,))
    if "deep" in sys.argv:
        task, arguments = len, ({"those of": [Own()]},)
    print(NamespaceExecutor("here", None).submit(task, *arguments).result(30))
elif not {"own", "deep"} & set(sys.argv):
    raise SystemExit("it was run again")
"""

# A signal comes between the moment when the fork server is asked for a process and that when it is told what to do.
DISTURBED = """
import os, sys
from multiprocessing import forkserver
from benchkit.linux import process
from benchkit.linux.interrupts import one_interrupt

number, to_server = int(sys.argv[1]), "server" in sys.argv
asked = forkserver.connect_to_new_process

def disturbed(descriptors):
    found = asked(descriptors)
    os.kill(forkserver._forkserver._forkserver_pid if to_server else os.getpid(), number)
    return found

process.warm_up(())
forkserver.connect_to_new_process = disturbed
started = []
try:
    with one_interrupt():
        started.append(process.start(print, "done", netns=None, name="disturbed"))
except KeyboardInterrupt:
    print("interrupted")
for each in started:
    each.join()
"""


def said(*words: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr


def said_when_disturbed(number: Signals, *words: str) -> str:
    return said("-c", DISTURBED, str(int(number)), *words)


def test_a_program_from_stdin_starts_processes() -> None:
    assert said("-", stdin=PROGRAM) == "3\n"


def test_a_program_that_was_removed_starts_processes(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    assert said(str(file), "remove") == "3\n"


def test_a_program_whose_own_function_is_the_task_is_run_again(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    assert said(str(file), "own") == "own\n"


def test_a_program_whose_own_class_is_deep_in_what_the_task_takes_is_run_again(
    tmp_path: Path,
) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    assert said(str(file), "deep") == "1\n"


def test_a_task_that_cannot_be_found_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    told = said(str(file), "own", "remove")
    assert "ended with status 1 before it had a result: what it said on stderr tells why" in told


def test_a_process_that_is_started_when_a_signal_comes_is_told_what_to_do() -> None:
    told = said_when_disturbed(SIGTERM)
    assert set(told.split()) <= {"done", "interrupted"}, told
    assert "interrupted" in told


def test_a_process_whose_starter_is_killed_before_it_is_told_says_nothing() -> None:
    assert said_when_disturbed(SIGKILL) == ""


def test_the_fork_server_is_deaf_to_ctrl_c_from_its_first_moment_on() -> None:
    assert said_when_disturbed(SIGINT, "server") == "done\n"
