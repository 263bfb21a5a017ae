"""Throughput of a mesh as it is run: in rounds of pairs that share no site, emulated here and between agents of a cluster."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from clusters import cluster
from commands import benchkit
from real_targets import real_target

from benchkit.clock import NS_PER_MS
from benchkit.emulators.choice import EMULATORS
from benchkit.model.place import Direction, PathModel
from benchkit.model.place import Path as ModelledPath
from benchkit.testbeds.cluster_access import Access

pytestmark = pytest.mark.privileged

MBPS = 20
# Two rounds: a with b beside c with d, and then a with c.
PAIRS = [("a", "b"), ("c", "d"), ("a", "c")]
PLAN = {
    "probes": ["rtt", "tcp"],
    "duration": "1 s",
    "rate": "50/s",
    "load_duration": "700 ms",
    "load_rate": "50/s",
    "calibration": "1.2 s",
    "tolerance": "20 ms",
}
MESH = f"mesh = {json.dumps(PAIRS)}"


def measured(results: Path) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    """The metrics of each path of the only run, by metric and phase."""
    (file,) = results.glob("2*/run.json")
    record = json.loads(file.read_text())
    return {
        path["path"]: {(one["metric"], one["phase"]): one for one in path["metrics"]}
        for path in record["paths"]
    }


def spans(results: Path, phase: str) -> dict[str, tuple[int, int]]:
    """When bulk moved on each path in a phase, first to last, by the clock of the one machine that this is."""
    (file,) = results.glob("2*/samples/goodput.parquet")
    rows = duckdb.execute(
        "select path, min(start_ns), max(end_ns) from read_parquet(?) where phase = ? group by path",
        [str(file), phase],
    ).fetchall()
    return {path: (first, last) for path, first, last in rows}


def check_rounds(results: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Each pair was loaded once in each direction, disjoint pairs at once, and no site by two."""
    said = done.stderr
    # A busy machine may not keep the pace of a mesh's idle packets, and says so: loads are what this is about.
    assert done.returncode in {0, 5}, said
    assert "part 1 of 2, 2 pairs, up" in said
    assert "part 2 of 2, a-c, up" in said
    found = measured(results)
    assert set(found) == {f"{one}-{other}" for pair in PAIRS for one, other in (pair, pair[::-1])}
    assert all(("rtt", "idle") in metrics for metrics in found.values())
    loaded = {name for name, metrics in found.items() if ("goodput", "up") in metrics}
    assert loaded == {"a-b", "c-d", "a-c"}
    for name in loaded:
        for phase in ("up", "down"):
            # Of the octets on the wire; much less on a machine that has no time for it.
            assert MBPS / 4 < found[name]["goodput", phase]["value"] <= MBPS
    for phase in ("up", "down"):
        when = spans(results, phase)
        assert overlap(when["a-b"], when["c-d"])
        assert not overlap(when["a-b"], when["a-c"])
        assert not overlap(when["c-d"], when["a-c"])


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def test_an_emulated_mesh_is_loaded_in_rounds(tmp_path: Path) -> None:
    head = (
        f'{MESH}\n[defaults.model]\nroute_factor = 1.2\nrate = "{MBPS} Mbit/s"\nbuffer = "64 KiB"\n'
    )
    sites = {name: f"latitude = {26 + at}\nlongitude = 106" for at, name in enumerate("abcd")}
    target = tmp_path / "mesh.toml"
    target.write_text(real_target("A mesh", sites, [], head=head, **PLAN))
    results = tmp_path / "results"
    words = ("run", str(target), "--emulator", "userspace", "--results", str(results))
    done = benchkit(*words, timeout=110)
    check_rounds(results, done)


@contextmanager
def agents(folder: Path) -> Iterator[tuple[Access, str]]:
    """Agents at four sites, and a controller that is the fifth, all on one switch; and the controller's namespace."""
    way = Direction(NS_PER_MS)
    model = PathModel(way, way, rate_bps=MBPS * 1_000_000, buffer_octets=1 << 16)
    ways = [
        ModelledPath(f"{near}-{far}", near, far, model, in_mesh=True)
        for pair in combinations(("ctl", *"abcd"), 2)
        for near, far in (pair, pair[::-1])
    ]
    with EMULATORS["userspace"](ways, seed=1) as emulation:
        emulation.apply([model] * len(ways))
        at = {path.near: emulation.ends[path.name].near for path in ways}
        sites = [(name, at[name], emulation.namespaces[name]) for name in "abcd"]
        netns = emulation.namespaces["ctl"]
        with cluster(folder, at["ctl"], sites, netns=netns) as access:
            yield access, netns


@pytest.mark.own_namespaces
def test_a_mesh_of_agents_is_loaded_in_rounds(tmp_path: Path) -> None:
    target = tmp_path / "agents.toml"
    sites = dict.fromkeys("abcd", "agent = true")
    plan = {name: PLAN[name] for name in PLAN if name != "tolerance"}
    target.write_text(real_target("Agents", sites, [], head=MESH, **plan))
    results = tmp_path / "results"
    with agents(tmp_path) as (access, netns):
        words = ("run", str(target), "--cluster", access.address, "--certs", access.certificates)
        before = ("nsenter", f"--net={netns}")
        done = benchkit(*words, "--results", str(results), before=before, timeout=110)
    assert "cluster: a, b, c, d" in done.stderr
    check_rounds(results, done)
