"""Paths that are measured as they are: whatever answers there, without any privilege."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import benchkit
from real_targets import real_target


def target(port: int) -> str:
    """A port that accepts, and one that does not."""
    sites = {
        "me": "",
        "open": f'address = "localhost"\nreach = "tcp {port}"',
        "shut": 'address = "127.0.0.1"\nreach = "tcp 1"',
    }
    paths = [("me", "open"), ("me", "shut")]
    plan = {"probes": ["rtt"], "duration": "2 s", "rate": "200/s"}
    return real_target("What answers", sites, paths, limit="100 ms", **plan)


@pytest.fixture
def port() -> Iterator[int]:
    """A TCP port that accepts, and lets go."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:

        def accept() -> None:
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_what_answers_is_judged_and_what_does_not_is_told(tmp_path: Path, port: int) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(target(port))
    words = ("--path", "me-open", "--probe", "rtt", "--probe", "tcp")
    done = benchkit("run", str(file), *words, "--results", str(tmp_path / "one"))
    assert done.returncode == 0, done.stderr
    record = json.loads(next((tmp_path / "one").glob("2*/run.json")).read_text())
    left_out = "me-open: tcp not measured: site open has neither `agent = true`"
    assert left_out in done.stderr
    assert left_out in "".join(record["notes"])
    assert record["emulator"] == "none"
    (path,) = record["paths"]
    # On a machine that stood still for a moment the samples are too alike to judge; beyond 100 ms they are not.
    assert path["verdict"] in {"pass", "inconclusive"}
    assert path["metrics"][0]["n"] == 400
    assert path["metrics"][0]["lost"] == 0
    assert 0 < path["metrics"][0]["percentiles"]["p50"]["value"] < 100
    assert "nothing emulated" in done.stdout

    both = benchkit("run", str(file), "--results", str(tmp_path / "two"))
    assert both.returncode == 4
    assert (
        "benchkit: exit status 4, whatever the rest came to: not all that was asked" in both.stderr
    )
    assert "nothing answers at shut (127.0.0.1 by TCP at port 1)" in both.stderr
    record = json.loads(next((tmp_path / "two").glob("2*/run.json")).read_text())
    measured, silent = record["paths"]
    assert measured["metrics"][0]["n"] == 400
    assert (silent["verdict"], silent["metrics"]) == ("inconclusive", [])
