"""What happens to a cluster's runs when something of it is killed, cut off or filled up."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from clusters import Triangle, triangle
from commands import Running, benchkit, name_of, session_of

pytestmark = [pytest.mark.privileged, pytest.mark.own_namespaces]

# How long control is cut. A cut that Dask's connections do not outlive is tried by hand: BENCHKIT_CUT_S=30 pytest tests/system/test_cluster_faults.py -k cut
CUT_S = float(os.environ.get("BENCHKIT_CUT_S", "1.5"))
PATIENCE_S = round(2 * CUT_S)
END_S = 40 + 3 * CUT_S


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triangle]:
    with triangle(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture(autouse=True)
def whole(three: Triangle) -> None:
    """Each test begins with everything up, whatever the one before did."""
    three.cut()
    if three.scheduler.process.poll() is not None:
        three.start_scheduler()
    for name, agent in three.agents.items():
        if agent.process.poll() is not None:
            three.start_agent(name)
    until(lambda: all_joined(three), 60)


def all_joined(three: Triangle) -> bool:
    """Whether each agent's last word of the cluster is that it is in it."""
    return all(
        agent.said.rfind("is in the cluster")
        > max(agent.said.rfind("was lost"), agent.said.rfind("not in the"))
        for agent in three.agents.values()
    )


def until(holds: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def run(three: Triangle, *more: str, duration: str = "6 s") -> Running:
    target = three.target(duration=duration)
    words = three.arguments(target, "--patience", f"{PATIENCE_S}s", *more)
    return Running(*words, before=three.inside)


def probes_at(three: Triangle, name: str) -> list[int]:
    """The processes of that agent's session that serve and measure, oldest first: its responders are five."""
    found = (int(line.split()[0]) for line in session_of(three.agents[name].process.pid))
    return sorted(pid for pid in found if name_of(pid).startswith(f"benchkit {name}"))


RESPONDERS = 5


def is_idle(three: Triangle) -> Callable[[], bool]:
    return lambda: all(len(probes_at(three, name)) <= RESPONDERS for name in three.agents)


def rows(three: Triangle) -> dict[str, int]:
    """How many packets of each path's idle phase the last run has kept."""
    last = max((three.folder / "results").glob("2*/samples/rtt.parquet"))
    found = duckdb.execute(
        "select path, count(*) from read_parquet(?) where phase = 'idle' group by path", [str(last)]
    )
    return dict(found.fetchall())


def cells(three: Triangle) -> dict[str, tuple[str, str]]:
    """Verdict and reason by path."""
    return {
        path["path"]: (path["verdict"], path["verdicts"][0]["reason"])
        for path in three.record()["paths"]
    }


def serves_on(three: Triangle) -> None:
    """A run that follows finds everything as it should be, leases too."""
    target = three.target("rtt", "udp", duration="1 s")
    done = benchkit(*three.arguments(target), before=three.inside)
    assert done.returncode == 0, done.stderr


def test_an_agent_that_is_killed_costs_its_own_cells_alone(three: Triangle) -> None:
    with run(three) as running:
        running.await_word("round trips, idle")
        time.sleep(2)
        os.killpg(three.agents["a"].process.pid, signal.SIGKILL)
        status, _, said = running.end(40)
    assert status == 4, said
    assert "site a was lost" in said
    found = cells(three)
    verdict, reason = found["a-b"]
    assert verdict == "inconclusive"
    assert "site a was lost" in reason
    kept = rows(three)
    assert 100 <= kept["a-b"] < 600
    # Its far end is gone too, so what b sent was lost from then on: told as lost, and held against nobody.
    assert kept["b-a"] == 600
    verdict, reason = found["b-a"]
    assert verdict == "inconclusive"
    assert "its far end fell silent meanwhile: site a was lost" in reason
    assert three.record()["paths"][1]["metrics"][0]["lost"] > 300


def test_a_far_end_that_is_killed_is_told_where_no_probe_ran_there(three: Triangle) -> None:
    with run(three, "--path", "a-b") as running:
        running.await_word("round trips, idle")
        time.sleep(2)
        os.killpg(three.agents["b"].process.pid, signal.SIGKILL)
        status, _, said = running.end(40)
    assert status == 4, said
    assert "a-b: the far end went away meanwhile: " in said
    assert any("the far end went away" in note for note in three.record()["notes"])
    until(lambda: "b is gone" in three.scheduler.said, 60)
    assert "Traceback" not in three.scheduler.said


def test_a_probe_that_is_killed_costs_its_cell_alone(three: Triangle) -> None:
    with run(three, duration="4 s") as running:
        running.await_word("round trips, idle")
        time.sleep(2)
        os.kill(probes_at(three, "a")[-1], signal.SIGKILL)
        status, _, said = running.end(40)
    assert status == 4, said
    verdict, reason = cells(three)["a-b"]
    assert verdict == "inconclusive"
    assert "a process of site a ended with signal 9" in reason
    assert cells(three)["b-a"][0] == "pass"
    assert 100 <= rows(three)["a-b"] < 400
    assert rows(three)["b-a"] == 400


def test_a_killed_scheduler_ends_the_run_and_not_the_agents(three: Triangle) -> None:
    with run(three) as running:
        running.await_word("round trips, idle")
        time.sleep(2)
        three.scheduler.process.kill()
        status, _, said = running.end(40)
    assert status == 4, said
    assert {verdict for verdict, _ in cells(three).values()} == {"inconclusive"}
    lost = "the scheduler at tls://"
    assert all(lost in reason for _, reason in cells(three).values()), cells(three)
    assert said.count(lost) == 1, said
    assert "site" not in said[said.index(lost) :].splitlines()[0]
    assert all(100 <= kept < 600 for kept in rows(three).values())
    until(is_idle(three), 30)
    assert all(agent.process.poll() is None for agent in three.agents.values())
    three.start_scheduler()
    until(lambda: all_joined(three), 60)
    serves_on(three)


def test_control_that_is_cut_for_less_than_the_patience_costs_nothing(three: Triangle) -> None:
    seconds = round(CUT_S + 4.5)
    with run(three, duration=f"{seconds} s") as running:
        running.await_word("round trips, idle")
        time.sleep(2)
        three.cut("a")
        time.sleep(CUT_S)
        three.cut()
        status, _, said = running.end(END_S)
    assert status == 0, said
    assert rows(three) == {"a-b": 100 * seconds, "b-a": 100 * seconds}
    assert {verdict for verdict, _ in cells(three).values()} == {"pass"}


def test_control_that_is_cut_for_longer_costs_the_rest_of_that_site(three: Triangle) -> None:
    seconds = round(2 * CUT_S + 3)
    with run(three, duration=f"{seconds} s") as running:
        running.await_word("round trips, idle")
        time.sleep(2)
        three.cut("a")
        status, _, said = running.end(END_S)
    assert status == 4, said
    verdict, reason = cells(three)["a-b"]
    assert verdict == "inconclusive"
    assert "nothing was heard of it" in reason
    assert "TimeoutError" not in reason
    assert f"of {100 * seconds} packets" in reason
    assert cells(three)["b-a"][0] == "pass"  # its agent and its path were there all the time
    kept = rows(three)
    assert 100 <= kept["a-b"] < 100 * seconds
    assert kept["b-a"] == 100 * seconds
    until(is_idle(three), 30)
    three.cut()


def test_a_controller_that_is_interrupted_keeps_what_came_and_lets_go(three: Triangle) -> None:
    with run(three) as running:
        running.await_word("round trips, idle")
        time.sleep(2)
        running.process.send_signal(signal.SIGINT)
        status, _, said = running.end(20)
    assert status == 130, said
    assert all(kept >= 100 for kept in rows(three).values())
    for verdict, reason in cells(three).values():
        assert verdict == "inconclusive"
        assert "of 600 packets; the run was interrupted" in reason
    until(is_idle(three), 5)
    serves_on(three)


def test_a_controller_that_is_killed_leaves_all_that_came_and_the_agents_let_go(
    three: Triangle,
) -> None:
    results = three.folder / "results"
    target = three.target("rtt", "tcp", load="20 s")
    words = three.arguments(target, "--patience", f"{PATIENCE_S}s")
    with Running(*words, before=three.inside) as running:
        running.await_word("up, loaded")
        time.sleep(2)  # a lease is held
        running.process.kill()
        running.process.wait()
    until(is_idle(three), 30)
    journal = max(results.glob(".arrived-*"))
    os.utime(journal, (0, 0))  # as if it had been silent for long
    cleaned = benchkit("doctor", "--clean", "--results", str(results))
    assert "samples had arrived" in cleaned.stdout, cleaned.stdout + cleaned.stderr
    assert not journal.exists()
    assert three.record()["interrupted"]
    assert rows(three) == {"a-b": 200, "b-a": 200}
    assert {verdict for verdict, _ in cells(three).values()} == {"inconclusive"}
    serves_on(three)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_loses_nothing_that_found_room(three: Triangle, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    # Named in full: who is root in a user namespace alone has no mount looked up.
    small, large = (
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(results)]
        for options in ("size=100k", "remount,size=10m")
    )
    subprocess.run(small, check=True)
    try:
        words = three.arguments(three.target(duration="6 s"))
        at = words.index("--results")
        told = (*words[:at], "--results", str(results), *words[at + 2 :])
        done = benchkit(*told, before=three.inside)
        assert done.returncode == 5, done.stderr
        assert "Traceback" not in done.stderr
        assert "what had arrived is in" in done.stderr
        assert "RTT p50" in done.stdout  # the report, for the disk does not have it
        (journal,) = results.glob(".arrived-*")
        assert journal.stat().st_size > 50_000
        subprocess.run(large, check=True)
        os.utime(journal, (0, 0))
        cleaned = benchkit("doctor", "--clean", "--results", str(results))
        assert "samples had arrived" in cleaned.stdout, cleaned.stdout + cleaned.stderr
        (kept,) = results.glob("2*/samples/rtt.parquet")
        (found,) = duckdb.execute("select count(*) from read_parquet(?)", [str(kept)]).fetchall()
        assert found[0] > 200
    finally:
        subprocess.run(["umount", str(results)], check=True)
