"""What the kernel's copying costs by where the target lies in its page, seen from where the source lies in its own.

It copies 64 KB at a time between memory of ours and a file in memory, both in the cache. Some processors (AMD's Zen 3 and 4) take
many times as long where the target lies 1 to 15 octets further on; `linux.tcp.PAGE` says what bulk does about it.

    python tests/benchmarks/copying.py
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable

OCTETS, CALLS, ROUNDS = 64 << 10, 400, 5
FURTHER_ON = (0, 1, 8, 15, 16, 17, 24, 32, 64, 1024, 4080, 4081, 4088, 4095)
GIGA = 1e9


def s_per_gb(copy: Callable[[], int]) -> float:
    """The least of some rounds: what disturbs only adds."""

    def once() -> float:
        began = time.process_time()
        for _ in range(CALLS):
            copy()
        return (time.process_time() - began) / (CALLS * OCTETS / GIGA)

    return min(once() for _ in range(ROUNDS))


def main() -> None:
    file = os.memfd_create("copied")
    os.ftruncate(file, 4 * OCTETS)
    memory = memoryview(mmap.mmap(-1, 2 * OCTETS))
    print("target further on in its page by   read, s/GB   written, s/GB")
    for further in FURTHER_ON:
        ours = memory[further:][:OCTETS]
        read = s_per_gb(lambda ours=ours: os.preadv(file, [ours], 0))
        wrote = s_per_gb(lambda at=further: os.pwritev(file, [memory[:OCTETS]], at))
        print(f"{further:33}   {read:10.4f}   {wrote:13.4f}", flush=True)


if __name__ == "__main__":
    main()
