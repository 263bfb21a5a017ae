"""Any program at one end of an emulated path: its status, its signals, its names, its terminal."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import Running, benchkit, quick_target

from benchkit.linux.foreground import words_inside

pytestmark = pytest.mark.privileged

PINGS = """
import os, socket, time
with socket.create_connection(("there", 9000), timeout=5) as far:
    for _ in range(20):
        began = time.perf_counter()
        far.sendall(b"x"); far.recv(1)
        print(time.perf_counter() - began)
"""
ECHO = """
import socket
with socket.create_server(("", 9000)) as listener:
    near, _ = listener.accept()
    while data := near.recv(1): near.sendall(data)
"""


@pytest.fixture
def target(tmp_path: Path) -> str:
    return quick_target(tmp_path)


def python(code: str, folder: Path) -> list[str]:
    """The words that run some code, as a file: `--serve` is split like a shell's line."""
    file = folder / f"{abs(hash(code))}.py"
    file.write_text(code)
    return [sys.executable, str(file)]


def test_both_ends_talk_by_name_and_feel_the_delay(target: str, tmp_path: Path) -> None:
    serve = " ".join(python(ECHO, tmp_path))
    words = ["--serve", serve, "--", *python(PINGS, tmp_path)]
    done = benchkit("emulate", target, "here-there", *words)
    assert done.returncode == 0, done.stderr
    took = sorted(float(line) for line in done.stdout.splitlines())
    assert len(took) == 20
    assert 0.0035 < took[0] < 0.008  # the round trip of 4 ms, less what jitter takes off
    assert "emulator: " in done.stderr
    assert re.search(r"emulated: \d\d+ packets", done.stderr)


@pytest.mark.parametrize(("command", "status"), [("exit 7", 7), ("kill -KILL $$", 137)])
def test_the_exit_status_is_that_of_the_command(target: str, command: str, status: int) -> None:
    done = benchkit("emulate", target, "here-there", "--", "sh", "-c", command)
    assert done.returncode == status


def test_a_command_that_is_not_there_is_127(target: str) -> None:
    assert benchkit("emulate", target, "here-there", "--", "no-such-command").returncode == 127


def test_a_command_may_run_at_the_far_end(target: str) -> None:
    told = "echo $BENCHKIT_SITE $BENCHKIT_NEAR $BENCHKIT_FAR; ip -brief -4 address show dev path0"
    done = benchkit("emulate", target, "here-there", "--at", "far", "--", "sh", "-c", told)
    assert "there 198.18.0.1 198.18.0.2" in done.stdout
    assert "198.18.0.2/30" in done.stdout


def test_the_host_and_its_names_are_left_as_they_were(target: str) -> None:
    before = Path("/etc/hosts").read_bytes()
    listing = ["ip", "-brief", "link"]
    devices = subprocess.run(listing, capture_output=True, check=True).stdout
    done = benchkit("emulate", target, "here-there", "--", "cat", "/etc/hosts")
    assert "198.18.0.2 there" in done.stdout
    assert Path("/etc/hosts").read_bytes() == before
    assert subprocess.run(listing, capture_output=True, check=True).stdout == devices


def test_a_signal_goes_to_the_command_which_decides(target: str) -> None:
    polite = "trap 'echo asked; exit 9' TERM; echo started >&2; while :; do sleep 0.05; done"
    with Running("emulate", target, "here-there", "--", "sh", "-c", polite) as running:
        running.await_word("started")
        running.process.send_signal(signal.SIGTERM)
        status, out, said = running.end()
        assert (status, out) == (9, "asked\n"), said
        assert running.survivors() == []


def test_ctrl_c_on_a_terminal_is_the_commands_to_answer(target: str) -> None:
    words = [sys.executable, "-m", "benchkit", "emulate", target, "here-there", "--"]
    script = "trap 'echo caught; exit 3' INT; stty size >/dev/null && echo ready; while :; do sleep 0.05; done"
    child, terminal = pty.fork()
    if child == 0:
        os.execv(words[0], [*words, "sh", "-c", script])  # noqa: S606  argv, no shell
    heard = b""
    deadline = time.monotonic() + 20
    while b"ready" not in heard and time.monotonic() < deadline:
        heard += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(child, 0)
    heard += os.read(terminal, 4096)
    os.close(terminal)
    assert b"caught" in heard
    assert os.waitstatus_to_exitcode(status) == 3


def await_sleep(running: Running) -> None:
    deadline = time.monotonic() + 20
    while not any(" sleep 60" in f" {each}" for each in running.survivors(within_s=0)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_command_ends_with_its_killed_benchkit(target: str) -> None:
    with Running("emulate", target, "here-there", "--", "sleep", "60") as running:
        running.await_word("here is")
        await_sleep(running)
        running.process.kill()
        running.process.wait()
        assert running.survivors() == []


def test_a_command_ends_with_its_killed_benchkit_where_hangups_are_ignored(target: str) -> None:
    deaf = ("env", "--ignore-signal=HUP")
    with Running("emulate", target, "here-there", "--", "sleep", "60", before=deaf) as running:
        running.await_word("here is")
        await_sleep(running)
        running.process.kill()
        running.process.wait()
        assert running.survivors() == []


@pytest.mark.parametrize("after_ms", [0, 2, 5, 10, 20])
def test_a_command_never_begins_whose_benchkit_is_killed_first(target: str, after_ms: int) -> None:
    with Running("emulate", target, "here-there", "--", "sleep", "60") as running:
        running.await_word("here is")  # the next thing that it does is to start the command
        time.sleep(after_ms / 1000)
        running.process.kill()
        running.process.wait()
        assert running.survivors() == []


def test_a_command_whose_benchkit_has_ended_already_does_not_begin(tmp_path: Path) -> None:
    words = words_inside("/proc/self/ns/net", tmp_path / "hosts", ["echo", "begun"])
    done = subprocess.run(  # by another parent than it says
        ["sh", "-c", '"$@"; exit $?', "sh", *words], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["here-there"], "--shell"),
        (["here-nowhere", "--", "true"], "here-nowhere"),
        ([], "needs a path"),
        (["here-there", "more", "--", "true"], "needs a path"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(target: str, words: list[str], said: str) -> None:
    done = benchkit("emulate", *([target, *words] if words else []))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line


@pytest.mark.parametrize("emulator", ["netem", "userspace"])
def test_a_dry_run_prints_what_would_be_typed_and_makes_nothing(target: str, emulator: str) -> None:
    done = benchkit("run", target, "--dry-run", "--emulator", emulator)
    assert done.returncode == 0, done.stderr
    assert "ip -n here addr add 198.18.0.1/30 dev path0" in done.stdout
    shaped = "tc -n benchkit-far qdisc replace dev far0 root netem" in done.stdout
    assert shaped == (emulator == "netem")


@pytest.mark.own_namespaces
@pytest.mark.skipif(
    shutil.which("sysctl") is None, reason="sysctl is not installed: apt-get install procps"
)
def test_what_a_dry_run_prints_can_be_typed(target: str) -> None:
    done = benchkit("run", target, "--dry-run", "--emulator", "userspace")
    apart = ("unshare", "--mount", "--net", "sh", "-c")
    typed = subprocess.run(
        [*apart, "mount -t tmpfs none /run && sh -e && ip -n there -br address show path0"],
        check=False,
        input=done.stdout,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert typed.returncode == 0, typed.stderr
    assert "198.18.0.2/30" in typed.stdout
