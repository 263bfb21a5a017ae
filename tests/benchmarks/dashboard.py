# ruff: noqa: T201  it prints a table
"""The dashboard, the pages and the live view against their bars: `python tests/benchmarks/dashboard.py [PART]…`.

list     10,000 runs: each address of the API asked again and again, and the first paint in Chromium
pages    a default run and a mesh of 47 sites as one HTML file: seconds and octets
live     13 real paths on loopback, 52 events a second, alone and with 20 watchers, in turn: network RTT p99
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchkit.campaign.live import latencies_ns
from benchkit.campaign.publishing import html_of
from benchkit.model.record_json import dump_record
from benchkit.reports.html import render_html
from benchkit.store import read_run, read_samples

PUBLISHED = Path(__file__).parents[2] / "results" / "published" / "guizhou"
RUNS, ASKED = 10_000, 30
SITES = 47
PATHS, WATCHERS, SECONDS, ROUNDS = 13, 20, 4, 4
ADDRESSES = (
    *(
        "/",
        "/api/runs",
        "/api/runs?limit=500",
        "/api/runs?q=guizhou+270f",
        "/api/runs?verdict=fail",
    ),
    *("/api/runs?order=name&offset=9000", "/api/live", "/api/history", "/metrics", "/healthz"),
)
PATH_TEXT = """
[[site]]
name = "far{number}"
address = "127.0.0.1"
reach = "stamp"

[[path]]
from = "me"
to = "far{number}"
real = true
"""
TARGET = """
schema = 1
title = "Loopback"

[[site]]
name = "me"
{paths}
[plan]
probes = ["rtt"]
duration = "{seconds} s"
rate = "100/s"
"""


@contextmanager
def serving(results: Path) -> Iterator[str]:
    """The real command; its address."""
    words = [sys.executable, "-m", "benchkit", "serve", "--bind", ":0", "--results", str(results)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield process.stderr.readline().split()[-1].rstrip("/")
        process.terminate()


def asked_ms(address: str) -> float:
    """How long one answer takes, to its last octet."""
    began = time.perf_counter()
    with urllib.request.urlopen(address) as response:  # noqa: S310  our own server
        response.read()
    return 1e3 * (time.perf_counter() - began)


def many_runs(results: Path) -> None:
    """RUNS copies of the published record, 40 minutes apart."""
    record = read_run(PUBLISHED)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(RUNS):
        when = began + timedelta(minutes=40 * number)
        run = f"{when:%Y%m%dT%H%M%SZ}-guizhou-{number:04x}"
        verdict = "fail" if number % 7 == 0 else "pass"
        (results / run).mkdir(parents=True)
        text = dump_record(replace(record, run=run, started=when.isoformat(), verdict=verdict))
        (results / run / "run.json").write_text(text)


def list_part(folder: Path) -> None:
    results = folder / "many"
    many_runs(results)
    with serving(results) as base:
        began = time.perf_counter()
        print(f"first answer of a fresh server       {asked_ms(base + '/api/runs'):8.0f} ms")
        while json.load(urllib.request.urlopen(f"{base}/api/runs?limit=1"))["unread"]:  # noqa: S310
            time.sleep(0.05)
        print(f"all {RUNS} records read after         {time.perf_counter() - began:8.1f} s")
        print(f"{'address':36}{'first':>9}{'p50':>9}{'worst':>9}  ms, of {ASKED}, bar 200")
        for address in ADDRESSES:
            first, *again = [asked_ms(base + address) for _ in range(1 + ASKED)]
            print(f"{address:36}{first:9.1f}{statistics.median(again):9.1f}{max(again):9.1f}")
        for number in range(3):
            print(
                f"first paint of the list, {number + 1}          {painted_ms(base):8.0f} ms, bar 1000"
            )


def painted_ms(address: str) -> float:
    """The first contentful paint, as Chromium counts it from the navigation on."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  this part alone needs it

    program = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        found = float(page.evaluate(script))
        browser.close()
    return found


def pages_part(folder: Path) -> None:  # noqa: ARG001  as the other parts
    record = read_run(PUBLISHED)
    model, *_ = record.paths
    names = [f"site{number}" for number in range(SITES)]
    mesh = [
        replace(model, path=f"{near}-{far}", near=near, far=far)
        for near in names
        for far in names
        if near != far
    ]
    lines = [each for each in record.calibration if each.path == model.path]
    whole = replace(
        record,
        paths=tuple(mesh),
        calibration=tuple(replace(each, path=path.path) for path in mesh for each in lines),
    )
    print(f"{'page':36}{'seconds':>9}{'MB':>9}  bars")
    for name, make, bar in (
        ("default run, with its samples", lambda: html_of(PUBLISHED, record), "3 s, 2.5 MB"),
        (f"mesh of {len(mesh)} paths", lambda: render_html(whole), "10 s, 10 MB"),
    ):
        began = time.perf_counter()
        text = make()
        seconds = time.perf_counter() - began
        print(f"{name:36}{seconds:9.2f}{len(text.encode()) / 1e6:9.2f}  {bar}")


def live_part(folder: Path) -> None:
    target = folder / "loopback.toml"
    paths = "".join(PATH_TEXT.format(number=number) for number in range(PATHS))
    target.write_text(TARGET.format(paths=paths, seconds=SECONDS))
    found: dict[int, list[float]] = {0: [], WATCHERS: []}
    events: list[float] = []
    with agent():
        for round_ in range(ROUNDS):
            for count in sorted(found, reverse=bool(round_ % 2)):
                p99, told = one_run(target, folder / f"live-{round_}-{count}", count)
                found[count].append(p99)
                events += told
    for count, values in found.items():
        each = " ".join(f"{value:6.1f}" for value in values)
        print(
            f"{count:3} watchers: network RTT p99, us   {each}   median {statistics.median(values):.1f}"
        )
    ratio = statistics.median(found[WATCHERS]) / statistics.median(found[0])
    print(f"ratio {ratio:.2f}, bar 1.2; each watcher got {statistics.median(events):.0f} events/s")


@contextmanager
def agent() -> Iterator[None]:
    words = [sys.executable, "-m", "benchkit", "agent"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        yield
        process.terminate()


def one_run(target: Path, results: Path, watchers: int) -> tuple[float, list[float]]:
    """The p99 over all paths in microseconds, and the events a second that each watcher got."""
    results.mkdir()
    with ExitStack() as stack:
        if watchers:
            base = stack.enter_context(serving(results))
            watching = subprocess.Popen(
                [sys.executable, __file__, "watch", base, str(watchers)],
                stdout=subprocess.PIPE,
                text=True,
            )
        words = [sys.executable, "-m", "benchkit", "run", str(target), "--results", str(results)]
        subprocess.run(words, capture_output=True, check=False)
        said = watching.communicate()[0] if watchers else "[]"
    (run,) = results.glob("2*")
    values = np.concatenate([latencies_ns(rows) for rows in read_samples(run, "rtt")])
    return float(np.quantile(values, 0.99)) / 1e3, json.loads(said)


def watch(base: str, count: int) -> None:
    """Be so many watchers in one process; print the events a second of each while the path was measured."""
    import asyncio  # noqa: PLC0415  this part is a process of its own

    import aiohttp  # noqa: PLC0415  as above

    async def one(session: aiohttp.ClientSession, run: str) -> float:
        async with session.get(f"{base}/api/live/{run}/events") as response:
            at = [
                float(json.loads(line[6:])["at"])
                async for line in response.content
                if b'"event":"moved"' in line
            ]
        return len(at) / max(at[-1] - at[0], 1e-9) if len(at) > 1 else 0.0

    async def all_of() -> list[float]:
        timeout = aiohttp.ClientTimeout(total=60)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            while True:
                async with session.get(f"{base}/api/live") as response:
                    live = (await response.json())["live"]
                if live:
                    break
                await asyncio.sleep(0.05)
            return list(await asyncio.gather(*(one(session, live[0]["run"]) for _ in range(count))))  # noqa: TID251

    print(json.dumps(asyncio.run(all_of())))


PARTS = {"list": list_part, "pages": pages_part, "live": live_part}


def main() -> None:
    """Run the parts named, or all."""
    if sys.argv[1:2] == ["watch"]:
        watch(sys.argv[2], int(sys.argv[3]))
        return
    for name in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory(prefix="benchkit-dashboard-") as folder:
            print(f"\n{name}")
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main()
