# ruff: noqa: T201  it prints a table
"""The HTTP load client beside wrk and hey against nginx: `python tests/benchmarks/http_load.py [--rounds N]`.

Closed loop over 32 connections, requests a second; open loop at 1000 requests/s, latency from when each was due
(ours) or sent (hey, which knows no other). aiohttp stands beside them: what its convenience costs is the
difference. nginx has one worker and answers 64 octets from memory, on loopback.
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path as File

import numpy as np
import uvloop
from numpy.typing import NDArray

sys.path += [str(File(__file__).parents[1]), str(File(__file__).parent)]

from rounds import row

from benchkit.linux import quiet
from benchkit.model.samples import Samples, concatenate
from benchkit.model.spec import HttpLoadSpec, HttpSpec
from benchkit.probes.http import http
from benchkit.probes.http_load import http_load

LOCAL, CONNECTIONS, CLOSED, OPEN_PER_S, OPEN_S = "127.0.0.1", 32, 60_000, 1000, 3
S = 1_000_000_000
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen {local}:{port}; location / {{ return 200 "{body}"; }} }}
}}
"""


@contextmanager
def nginx() -> Iterator[int]:
    """Its port."""
    with socket.create_server((LOCAL, 0)) as listener:
        port = int(listener.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        config = File(folder, "nginx.conf")
        text = NGINX.format(folder=folder, local=LOCAL, port=port, body="x" * 64)
        config.write_text(text, encoding="utf-8")
        with subprocess.Popen(("nginx", "-c", str(config), "-e", "/dev/null")) as running:
            time.sleep(0.5)
            try:
                yield port
            finally:
                running.terminate()


def output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def probed(batches: AsyncIterator[Samples]) -> Samples:
    async def whole() -> Samples:
        return concatenate([batch async for batch in batches])

    return uvloop.run(whole())


def load(port: int, count: int, interval_ns: int, connections: int) -> Samples:
    shape = (count, interval_ns, 5 * S, connections)
    return probed(http_load(HttpLoadSpec("a", "load", LOCAL, port, "/", LOCAL, *shape)))


def ours_closed(port: int) -> float:
    columns = load(port, CLOSED, 0, CONNECTIONS).columns
    assert columns["received_ns"].count() == CLOSED
    return CLOSED / (int(columns["received_ns"].max() - columns["sent_ns"].min()) / S)


def wrk_closed(port: int) -> float:
    words = ("wrk", "-t1", f"-c{CONNECTIONS}", "-d2s", f"http://{LOCAL}:{port}/")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output(*words))
    assert found
    return float(found[1])


def hey_closed(port: int) -> float:
    words = ("hey", "-c", str(CONNECTIONS), "-z", "2s", f"http://{LOCAL}:{port}/")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output(*words))
    assert found
    return float(found[1])


def ours_open(port: int) -> NDArray[np.float64]:
    columns = load(port, OPEN_PER_S * OPEN_S, S // OPEN_PER_S, 10).columns
    return _ms(columns["received_ns"] - columns["due_ns"])


def aiohttp_open(port: int) -> NDArray[np.float64]:
    shape = (OPEN_PER_S * OPEN_S, S // OPEN_PER_S, 5 * S)
    columns = probed(http(HttpSpec("a", "http", f"http://{LOCAL}:{port}/", *shape))).columns
    return _ms(columns["received_ns"] - columns["due_ns"])


def hey_open(port: int) -> NDArray[np.float64]:
    count = str(OPEN_PER_S * OPEN_S)
    words = ("hey", "-c", "10", "-q", "100", "-n", count, "-o", "csv", f"http://{LOCAL}:{port}/")
    lines = output(*words).splitlines()[1:]
    return np.array([float(line.split(",")[0]) * 1000 for line in lines])


def _ms(column: np.ma.MaskedArray) -> NDArray[np.float64]:
    return column.compressed() / 1e6


CLOSED_WAYS: dict[str, Callable[[int], float]] = {
    "benchkit": ours_closed,
    "wrk": wrk_closed,
    "hey": hey_closed,
}
OPEN_WAYS: dict[str, Callable[[int], NDArray[np.float64]]] = {
    "benchkit": ours_open,
    "hey": hey_open,
    "benchkit, aiohttp": aiohttp_open,
}


def show_closed(rounds: list[dict[str, float]]) -> None:
    for name in CLOSED_WAYS:
        row(
            f"closed loop, {CONNECTIONS} connections, {name}",
            [one[name] for one in rounds],
            "req/s",
            "",
        )
    for name, bar in (("wrk", ">= 0.85"), ("hey", ">= 2")):
        row(f"  benchkit / {name}", [one["benchkit"] / one[name] for one in rounds], "times", bar)


def show_open(rounds: list[dict[str, NDArray[np.float64]]]) -> None:
    for percentile, bar in ((50, "<= 0.5"), (99, "<= 0.6")):
        found = {
            name: [float(np.percentile(one[name], percentile)) for one in rounds]
            for name in OPEN_WAYS
        }
        for name, values in found.items():
            row(f"open loop, {OPEN_PER_S}/s, p{percentile}, {name}", values, "ms", "")
        pairs = zip(found["benchkit"], found["hey"], strict=True)
        row("  benchkit / hey", [ours / theirs for ours, theirs in pairs], "times", bar)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    count = parser.parse_args().rounds
    quiet.quieten()
    closed, opened = [], []
    with nginx() as port:
        for _ in range(count):
            closed.append({name: way(port) for name, way in CLOSED_WAYS.items()})
            opened.append({name: way(port) for name, way in OPEN_WAYS.items()})
    print(f"against nginx, {count} rounds: median, range, and what it must reach")
    show_closed(closed)
    show_open(opened)


if __name__ == "__main__":
    main()
