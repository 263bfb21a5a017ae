# ruff: noqa: T201  it prints a table
"""What a long run takes: `python tests/benchmarks/memory.py [--seconds N] [--rate N]`.

One path at 10,000 packets/s for 60 s, and the largest proportional share of memory (PSS) that each process of the run has
had, the forked ones included; asked of the kernel five times a second.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path as File

LOOK_S = 0.2
BAR_MIB = 200
TARGET = """
schema = 1
title = "memory"
[[site]]
name = "here"
[[site]]
name = "there"
[[path]]
from = "here"
to = "there"
model.delay = "2 ms"
[plan]
probes = ["rtt"]
calibration = "1 s"
duration = "{seconds} s"
rate = "{rate}/s"
"""


def descendants(process: int) -> list[int]:
    """A process and all that come from it."""
    found = [process]
    for each in found:
        try:
            words = File(f"/proc/{each}/task/{each}/children").read_text(encoding="ascii").split()
        except OSError:
            continue
        found += [int(word) for word in words]
    return found


def share_mib(process: int) -> float:
    try:
        text = File(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def name_of(process: int) -> str:
    try:
        return File(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return "?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=10_000)
    asked = parser.parse_args()
    most: dict[str, float] = {}
    whole = 0.0
    with tempfile.TemporaryDirectory() as folder:
        target = File(folder, "memory.toml")
        target.write_text(TARGET.format(seconds=asked.seconds, rate=asked.rate), encoding="utf-8")
        words = [sys.executable, "-m", "benchkit", "run", str(target), "--results", folder]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as running:
            while running.poll() is None:
                shares = {each: share_mib(each) for each in descendants(running.pid)}
                whole = max(whole, sum(shares.values()))
                for each, share in shares.items():
                    key = f"{name_of(each)} ({each})"
                    most[key] = max(most.get(key, 0.0), share)
                time.sleep(LOOK_S)
            said = running.stdout.read() if running.stdout else ""
    print(
        f"{asked.rate}/s for {asked.seconds} s: most memory of each process, MiB (must: < {BAR_MIB})"
    )
    for name, share in sorted(most.items(), key=lambda item: -item[1]):
        print(f"{name:32} {share:8.1f}")
    print(f"{'all together':32} {whole:8.1f}")
    print("\n".join(line for line in said.splitlines() if "RTT, idle:" in line or "UNFIT" in line))


if __name__ == "__main__":
    main()
