"""One interrupt, whatever the signal: in a process of its own, which it may end."""

from __future__ import annotations

import subprocess
import sys
from signal import SIGHUP, SIGINT, SIGTERM, Signals

import pytest

CHILD = """
import os, signal, sys
from benchkit.linux.interrupts import SIGNALS, one_interrupt

def send(number):
    os.kill(os.getpid(), number)
    for _ in range(1000):  # where Python looks for signals
        pass

first, ignored = (int(word) for word in sys.argv[1:])
if ignored:
    signal.signal(ignored, signal.SIG_IGN)
before = [signal.getsignal(each) for each in SIGNALS]
try:
    with one_interrupt():
        try:
            send(first)
            print("went on")
        finally:
            for each in SIGNALS:
                send(each)
            print("tidied")
except KeyboardInterrupt:
    print("interrupted")
assert before == [signal.getsignal(each) for each in SIGNALS]
with one_interrupt():
    pass
assert before == [signal.getsignal(each) for each in SIGNALS]
sys.stdout.flush()
send(signal.SIGTERM)
print("survived")
"""

POSTPONED = """
import os, signal, sys
from benchkit.linux.interrupts import one_interrupt, postponed

def send(number):
    os.kill(os.getpid(), number)
    for _ in range(1000):
        pass

try:
    with one_interrupt():
        with postponed():
            send(int(sys.argv[1]))
            print("whole")
        print("went on")
except KeyboardInterrupt:
    print("interrupted")
with one_interrupt(), postponed():
    print("undisturbed")
sys.stdout.flush()
send(signal.SIGTERM)
print("survived")
"""


IN_A_LOOP = """
import asyncio, os, signal, sys
from benchkit.linux.interrupts import SIGNALS, interrupted

first, ignored = (int(word) for word in sys.argv[1:])
if ignored:
    signal.signal(ignored, signal.SIG_IGN)

async def work():
    waiting = asyncio.create_task(interrupted())
    await asyncio.sleep(0)
    os.kill(os.getpid(), first)
    for _ in range(1000):
        pass
    print("whole")  # nothing came up in the middle of this callback
    if first == ignored:
        await asyncio.sleep(0.05)
        assert not waiting.done()
        os.kill(os.getpid(), next(each for each in SIGNALS if each != first))
    await waiting
    for each in SIGNALS:
        os.kill(os.getpid(), each)
    await asyncio.sleep(0.01)
    print("tidied")

asyncio.run(work())
print("ended")
"""


def said(first: Signals, ignored: int = 0, child: str = CHILD) -> tuple[str, int]:
    argv = [sys.executable, "-c", child, str(int(first)), str(int(ignored))]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=30, check=False)
    return " ".join(done.stdout.split()), done.returncode


@pytest.mark.parametrize("first", [SIGINT, SIGTERM, SIGHUP])
def test_the_first_signal_interrupts_and_no_further_one_breaks_the_tidying(first: Signals) -> None:
    # Handlers are as they were, so that the SIGTERM at the end kills.
    assert said(first) == ("tidied interrupted", -SIGTERM)


def test_what_was_ignored_stays_ignored() -> None:
    # The hang-up is passed over as under nohup; the SIGINT in the tidying is then the first one.
    assert said(SIGHUP, ignored=SIGHUP) == ("went on interrupted", -SIGTERM)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM, SIGHUP])
def test_what_must_not_be_left_half_done_is_interrupted_at_its_end(number: Signals) -> None:
    assert said(number, child=POSTPONED) == ("whole interrupted undisturbed", -SIGTERM)


@pytest.mark.parametrize("number", [SIGINT, SIGTERM, SIGHUP])
def test_a_loop_waits_for_the_first_and_nothing_comes_up_in_its_callbacks(number: Signals) -> None:
    assert said(number, child=IN_A_LOOP) == ("whole tidied ended", 0)
    assert said(number, number, IN_A_LOOP) == ("whole tidied ended", 0), "as under nohup"
