"""A command in little memory: its status, its signals and its death pass through whoever watches it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, signal, sys, time
from benchkit.linux import watched
try:
    tell = watched.go_on()
except Exception as error:
    sys.exit(f"{error}")
if "anew" in sys.argv:
    os.execv(sys.executable, [sys.executable, *[word for word in sys.argv if word != "anew"]])
if "wait" in sys.argv:
    signal.signal(signal.SIGUSR1, lambda *_: tell(9) or sys.exit(9))
    print(os.getpid(), os.getppid(), flush=True)
    time.sleep(30)
if "exit" in sys.argv:
    os._exit(1)
if "abort" in sys.argv:
    os.kill(os.getpid(), signal.SIGABRT)
tell(7)
os._exit(3)
"""
LIMITED = ("prlimit", f"--as={1 << 30}")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("watched") / "program.py"
    file.write_text(PROGRAM)
    return str(file)


def done(*words: str, before: tuple[str, ...] = LIMITED) -> subprocess.CompletedProcess[str]:
    argv = [*before, sys.executable, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)


@pytest.mark.parametrize("words", [(), ("anew",)])
def test_the_status_that_was_told_is_the_status(program: str, words: tuple[str, ...]) -> None:
    assert done(program, *words).returncode == 7


def test_without_a_limit_nobody_watches(program: str) -> None:
    assert done(program, before=()).returncode == 3


@pytest.mark.parametrize("first", [(), ("anew",)])
@pytest.mark.parametrize(
    ("word", "said"), [("exit", "it ended with status 1"), ("abort", "it was ended by SIGABRT")]
)
def test_an_end_that_was_not_told_is_told_with_the_limit(
    program: str, first: tuple[str, ...], word: str, said: str
) -> None:
    found = done(program, *first, word)
    assert found.stderr.startswith(f"{said} before it was done")
    assert "1024 MiB of address space (ulimit -v): raise or lift" in found.stderr


def waiting(program: str) -> tuple[subprocess.Popen[str], int]:
    """A program that waits, and its watched process."""
    argv = [*LIMITED, sys.executable, program, "wait"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    own, parent = map(int, process.stdout.readline().split())
    assert parent == process.pid
    return process, own


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGUSR1, 9), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_signals_are_passed_on(program: str, number: signal.Signals, status: int) -> None:
    process, _ = waiting(program)
    process.send_signal(number)
    assert process.wait(10) == status
    process.communicate()


def test_nobody_outlives_who_watches(program: str) -> None:
    process, _ = waiting(program)
    process.kill()
    assert process.stdout is not None
    assert process.stdout.read() == ""  # the other one has closed it
    process.communicate()
