"""Processes started from programs that cannot be run a second time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
