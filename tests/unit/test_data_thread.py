"""What a thread has wanted of the processors."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from benchkit.probes.data_thread import wanted_cpu_ns


def test_a_busy_thread_wants_a_processor_and_a_sleeping_one_does_not() -> None:
    ends = threading.Event()

    def spin() -> None:
        while not ends.is_set():
            pass

    threads = [threading.Thread(target=spin), threading.Thread(target=ends.wait)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    busy, idle = (wanted_cpu_ns(thread.native_id or 0) for thread in threads)
    ends.set()
    for thread in threads:
        thread.join()
    assert busy > 100_000_000
    assert idle < busy / 2


def test_a_thread_that_has_ended_wants_nothing_any_more() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    for _ in range(500):  # the kernel lets go of it a moment after Python does
        if not Path(f"/proc/self/task/{thread.native_id}").exists():
            break
        time.sleep(0.01)
    with pytest.raises(OSError, match=r"."):
        wanted_cpu_ns(thread.native_id or 0)
