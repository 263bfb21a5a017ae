# ruff: noqa: T201  it prints a table
"""A long run with the dashboard open: `python tests/benchmarks/soak.py [--seconds 3600] [-o TABLE.md]`.

The three shipped paths at 1000 packets/s each. In each tenth of the time: the proportional share of memory (PSS) of all
processes of the run and of the dashboard, their open descriptors, and the packets without a kernel stamp. The first tenth is start-up;
from the second to the last, memory must stay within 5 %, descriptors as they are, and missed stamps must not grow. The table has
the most descriptors of each tenth; judged is the median, for a file that the dashboard reads is open for a moment.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from memory import descendants, share_mib

from benchkit.model.samples import Samples
from benchkit.store import list_runs, read_samples

RATE, TENTHS, LOOK_S = 1000, 10, 5.0
MOST_GROWTH = 0.05
STAMPS = ("t1_ns", "t4_ns")
# What a busy machine does to the verdict is not the question here: memory, descriptors and stamps are.
ENDED = {0: "fit", 1: "fit, a budget failed", 3: "fit, undecided", 5: "unfit for a verdict"}


@dataclass(frozen=True)
class Look:
    """What was seen at one moment: seconds since the probes began, MiB, and descriptors of all.

    The run's processes are told apart by number and name.
    """

    at_s: float
    parts_mib: dict[str, float]
    page_mib: float
    descriptors: int

    @property
    def run_mib(self) -> float:
        return sum(self.parts_mib.values())


@contextmanager
def dashboard(results: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real command, and its address."""
    words = [sys.executable, "-m", "benchkit", "serve", "--bind", ":0", "--results", str(results)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield process, process.stderr.readline().split()[-1].rstrip("/")
        process.terminate()


def watch(address: str, heard: list[int]) -> None:
    """Follow the run in progress, as the page does, to its end."""
    while True:
        with suppress(OSError), urllib.request.urlopen(f"{address}/api/live") as answer:  # noqa: S310
            live = json.load(answer)["live"]
            if live:
                break
        time.sleep(0.5)
    events = f"{address}/api/live/{live[0]['run']}/events"
    with suppress(OSError), urllib.request.urlopen(events) as stream:  # noqa: S310
        for line in stream:
            heard[0] += line.startswith(b"data:")


def name_of(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()
    return ""


def descriptors_of(processes: list[int]) -> int:
    found = 0
    for each in processes:
        with suppress(OSError):
            found += sum(1 for _ in Path(f"/proc/{each}/fd").iterdir())
    return found


def measured(results: Path, seconds: int) -> tuple[list[Look], int, int]:
    """The run, looked at until its probes have ended; how many events its watcher heard, and how it ended."""
    words = [*(sys.executable, "-m", "benchkit", "run", "guizhou", "--probe", "rtt")]
    words += ["--rate", f"{RATE}/s", "--duration", f"{seconds}s", "--results", str(results)]
    looks: list[Look] = []
    heard = [0]
    with dashboard(results) as (page, address):
        follower = threading.Thread(target=watch, args=(address, heard), daemon=True)
        follower.start()
        with subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as run:
            assert run.stderr is not None
            for line in run.stderr:
                if "round trips, idle" in line:
                    break
            began = time.monotonic()
            reader = threading.Thread(target=run.stderr.read, daemon=True)
            reader.start()
            while run.poll() is None and time.monotonic() - began < seconds:
                ours = descendants(run.pid)
                both = [*ours, page.pid]
                looks.append(
                    Look(
                        time.monotonic() - began,
                        {f"{each} {name_of(each)}": share_mib(each) for each in ours},
                        share_mib(page.pid),
                        descriptors_of(both),
                    )
                )
                time.sleep(min(LOOK_S, seconds / 50))
            status = run.wait(timeout=600)
        follower.join(timeout=10)
    if status not in ENDED:
        raise SystemExit(f"the run ended with status {status}: nothing is to be said")
    return looks, heard[0], status


def unstamped(rows: list[Samples], seconds: int) -> list[int]:
    """Answered packets without a kernel stamp, in each tenth of the time."""
    found = np.zeros(TENTHS, dtype=np.int64)
    for each in rows:
        due = np.ma.getdata(each.columns["due_ns"])
        answered = ~np.ma.getmaskarray(each.columns["received_ns"])
        missing = np.zeros(len(due), dtype=bool)
        for name in STAMPS:
            missing |= np.ma.getmaskarray(each.columns[name])
        tenth = np.minimum((due - due.min()) * TENTHS // (seconds * 10**9), TENTHS - 1)
        found += np.bincount(tenth[answered & missing], minlength=TENTHS)
    return found.tolist()


def table(looks: list[Look], missed: list[int], seconds: int) -> list[str]:
    lines = [
        "| tenth | run, MiB | dashboard, MiB | descriptors | without a stamp |",
        "|--|--|--|--|--|",
    ]
    for tenth in range(TENTHS):
        within = [each for each in looks if int(each.at_s * TENTHS / seconds) == tenth]
        run, page = (
            np.median([getattr(each, name) for each in within]) for name in ("run_mib", "page_mib")
        )
        most = max(each.descriptors for each in within)
        lines.append(f"| {tenth + 1} | {run:.1f} | {page:.1f} | {most} | {missed[tenth]} |")
    return lines


def judged(looks: list[Look], missed: list[int], seconds: int) -> list[str]:
    tenths: dict[int, list[Look]] = {}
    for each in looks:
        tenths.setdefault(int(each.at_s * TENTHS / seconds), []).append(each)
    early, late = tenths[1], tenths[TENTHS - 1]
    lines = []
    for name in ("run_mib", "page_mib"):
        first, last = (np.median([getattr(each, name) for each in some]) for some in (early, late))
        lines.append(
            f"{name.removesuffix('_mib')}: memory {last / first - 1:+.1%} from the second tenth to the last, bar {MOST_GROWTH:.0%}"
        )
    first, last = (np.median([each.descriptors for each in some]) for some in (early, late))
    lines.append(
        f"descriptors {last - first:+.0f}, bar 0; stamps missed {missed[1]} in the second tenth, {missed[-1]} in the last"
    )
    return lines


def growth(looks: list[Look], seconds: int) -> list[str]:
    """What each process held in the second tenth and in the last: where it grew, if it did."""
    lines = ["", "| process | second tenth, MiB | last, MiB |", "|--|--|--|"]
    early, late = (
        [each.parts_mib for each in looks if int(each.at_s * TENTHS / seconds) == tenth]
        for tenth in (1, TENTHS - 1)
    )
    for part in looks[-1].parts_mib:
        first, last = (np.median([each.get(part, 0.0) for each in some]) for some in (early, late))
        lines.append(f"| {part.partition(' ')[2]} | {first:.1f} | {last:.1f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchkit-soak-") as folder:
        results = Path(folder)
        looks, heard, status = measured(results, asked.seconds)
        (run,) = list_runs(results)
        missed = unstamped(read_samples(run, "rtt"), asked.seconds)
    said = [*table(looks, missed, asked.seconds), "", *judged(looks, missed, asked.seconds)]
    said.append(
        f"{asked.seconds} s at {RATE}/s on each of three paths, {ENDED[status]}; the watcher heard {heard} events"
    )
    text = "\n".join([*said, *growth(looks, asked.seconds)])
    print(text)
    if asked.output is not None:
        asked.output.write_text(
            f"# A long run with the dashboard open\n\n{text}\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
