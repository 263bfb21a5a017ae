"""Agents of a cluster in namespaces of their own, TLS between them: measured from where they are, and strangers refused."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import site_tasks
from clusters import PORT, Serving, Triangle, inside, triangle
from commands import Running, benchkit
from foreign_endpoints import MIXED, REAL, foreign

from benchkit.campaign.reach import request_port
from benchkit.linux import netns
from benchkit.model.responder_spec import HTTP_PORT, STAMP_PORT, STREAM_PORT
from benchkit.testbeds import cluster_executor
from benchkit.testbeds.certificates import make_certificates
from benchkit.testbeds.cluster import ClusterTestbed

pytestmark = [pytest.mark.privileged, pytest.mark.own_namespaces]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triangle]:
    """A triangle whose agents serve each other, and not the controller's networks."""
    with triangle(tmp_path_factory.mktemp("triangle"), "--allow", "198.18.0.8/30") as made:
        yield made


def test_paths_are_measured_from_the_agents_at_their_ends(three: Triangle) -> None:
    target = three.target("rtt", "http", "request", "tcp", duration="1 s")
    done = benchkit(*three.arguments(target), before=three.inside)
    assert done.returncode == 0, done.stderr
    assert "cluster: a, b" in done.stderr
    record = three.record()
    # Of few packets on a busy machine too few may be samples of their own; beyond 50 ms they are not.
    assert {path["verdict"] for path in record["paths"]} <= {"pass", "inconclusive"}
    for path in record["paths"]:
        metrics = {(each["metric"], each["phase"]): each for each in path["metrics"]}
        idle = metrics["rtt", "idle"]
        assert (idle["n"], idle["lost"]) == (100, 0)
        # The modelled path between the agents, not those of the controller. Its jitter goes both ways.
        assert 9.8 <= idle["percentiles"]["p50"]["value"] < 15
        # Each agent has keys of its own, which the cluster tells whoever measures by it.
        lost = {
            name: each["lost"] for (name, _), each in metrics.items() if name in {"http", "request"}
        }
        assert lost == {"http": 0, "request": 0}
        assert metrics["goodput", "up"]["value"] > 0
        assert metrics["goodput", "down"]["value"] > 0
    assert list((three.folder / "results").glob(".arrived-*")) == []


def test_a_site_whose_agent_is_missing_is_told_and_the_rest_is_measured(three: Triangle) -> None:
    target = three.target(duration="1 s")
    text = target.read_text().replace('name = "b"', 'name = "c"').replace('to = "b"', 'to = "c"')
    target.write_text(text.replace('from = "b"', 'from = "c"'))
    done = benchkit(*three.arguments(target, "--path", "c-a"), before=three.inside)
    assert done.returncode == 4, done.stderr
    assert "site c has no agent in the cluster" in done.stderr
    (path,) = three.record()["paths"]
    assert path["verdict"] == "inconclusive"
    assert "has no agent" in path["verdicts"][0]["reason"]


@pytest.mark.parametrize("days", [365, -1])
def test_who_has_no_good_certificate_is_refused_counted_and_told_once(
    three: Triangle, tmp_path: Path, days: int
) -> None:
    if days > 0:
        (folder,) = make_certificates(tmp_path / "another authority", ["me"])
    else:
        (folder,) = make_certificates(three.folder / "certs", ["expired"], days)
    told = three.scheduler.said.count("refused ")
    words = ("--cluster", three.access.address, "--certs", str(folder))
    for _ in range(2):
        done = benchkit("run", str(three.target()), *words, before=three.inside)
        assert done.returncode == 4, done.stderr
        assert "no cluster answers" in done.stderr
        assert "Traceback" not in done.stderr
    assert three.scheduler.said.count("refused ") <= told + 1
    assert "TLS: " in three.scheduler.said
    assert "Traceback" not in three.scheduler.said


def test_an_agent_without_a_good_certificate_serves_on_and_is_no_site(
    three: Triangle, tmp_path: Path
) -> None:
    (folder,) = make_certificates(tmp_path / "another authority", ["c"])
    words = ("agent", "--site", "c", "--bind", "127.0.0.2", "--cluster", three.access.address)
    where = three.emulation.namespaces["ctl"]
    with Serving(tmp_path / "c.log", *words, "--certs", str(folder), netns=where) as agent:
        agent.await_word("not in the cluster at")
        time.sleep(2.5)  # it tries on, and does not tell again
        assert agent.said.count("not in the cluster at") == 1
        netns.inside(where, _speak, ("127.0.0.2", STREAM_PORT), b"")
        with inside(where, lambda: ClusterTestbed(three.access)) as testbed:
            assert set(testbed.sites) == {"a", "b"}
    assert three.scheduler.said.count("refused ") <= 3


def test_without_tls_the_scheduler_is_deaf(three: Triangle) -> None:
    netns.inside(three.emulation.namespaces["ctl"], _speak, ("127.0.0.1", PORT), b"hello\r\n\r\n")
    assert three.scheduler.process.poll() is None


def test_strangers_at_the_ports_of_an_agent_are_refused_and_disturb_nothing(
    three: Triangle,
) -> None:
    address = three.emulation.ends["a-b"].far
    agent = three.agents["b"]
    netns.inside(three.emulation.namespaces["a"], _knock, address)
    # Those of the controller's network are not allowed at all.
    with Running(*three.arguments(three.target(duration="2 s")), before=three.inside) as running:
        running.await_word("round trips, idle")
        netns.inside(three.emulation.namespaces["a"], _knock, address)
        status, _, said = running.end(30)
    assert status == 0, said
    assert [path["metrics"][0]["lost"] for path in three.record()["paths"]] == [0, 0]
    agent.await_word(f"no STAMP, at UDP port {STAMP_PORT}")
    agent.await_word(f"no stream test of ours, at TCP port {STREAM_PORT}")
    agent.await_word("HTTP without the key of this agent")
    agent.await_word("requests without the key of this agent")
    assert agent.said.count("no STAMP, at UDP") == 1
    assert agent.said.count("no stream test of ours") == 1


def _speak(where: tuple[str, int], words: bytes) -> None:
    with socket.create_connection(where, timeout=5) as connection:
        connection.sendall(words)
        time.sleep(0.2)


def _knock(address: str) -> None:
    """Twenty times what is no STAMP, twenty what is no stream test, and HTTP and requests by who has no key of the cluster."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(20):
            udp.sendto(b"knock", (address, STAMP_PORT))
    for _ in range(20):
        with socket.create_connection((address, STREAM_PORT), timeout=5) as tcp:
            tcp.sendall(b"GET / HTTP/1.0\r\n\r\n")
    for port in (HTTP_PORT, request_port(STREAM_PORT)):
        with socket.create_connection((address, port), timeout=5) as tcp:
            tcp.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"benchkit\n" not in tcp.recv(4096)


def test_no_port_of_a_cluster_answers_without_a_certificate(three: Triangle) -> None:
    """But for loopback, where only this machine's own users are."""
    for name in ("ctl", "a", "b"):
        said = subprocess.run(
            ["nsenter", f"--net={three.emulation.namespaces[name]}", "ss", "-Hltn"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        open_to_all = {
            line.split()[3]
            for line in said.splitlines()
            if not line.split()[3].startswith(("127.", "[::1]"))
        }
        ours = {f":{port}" for port in (862, 8080, 8620, 8621)}
        for where in open_to_all:
            if any(where.endswith(port) for port in ours):
                continue  # the agent's own, which --allow guards
            host, _, port = where.rpartition(":")
            reached = host if host not in {"0.0.0.0", "*", "[::]"} else "127.0.0.1"  # noqa: S104
            netns.inside(
                three.emulation.namespaces[name], _asks_for_a_certificate, reached, int(port)
            )


def _asks_for_a_certificate(host: str, port: int) -> None:
    """Whether nobody without one gets a word out of it."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connection.settimeout(5)
        try:
            said = connection.recv(100)
        except OSError:
            said = b""
    assert b"HTTP" not in said


@pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")
def test_a_target_mixes_modelled_paths_agents_and_endpoints_of_others(three: Triangle) -> None:
    ends = three.emulation.ends
    reals = [
        ("a", "b"),
        *(("me", far) for far in ("reflector", "twamp", "pinged", "page", "iperf")),
    ]
    target = three.folder / "mixed.toml"
    target.write_text(
        MIXED.format(
            a=ends["a-b"].near,
            b=ends["a-b"].far,
            pinged=ends["ctl-b"].far,
            paths="\n".join(REAL.format(near=near, far=far) for near, far in reals),
        )
    )
    with foreign(three):
        done = benchkit(*three.arguments(target), before=three.inside, timeout=90)
    assert done.returncode == 0, done.stderr
    found = {
        path["path"]: {(one["metric"], one["phase"]): one for one in path["metrics"]}
        for path in three.record()["paths"]
    }
    idle = {name: metrics["rtt", "idle"] for name, metrics in found.items()}
    assert set(idle) == {"me-modelled", *(f"{near}-{far}" for near, far in reals)}
    assert {name: (one["n"], one["lost"]) for name, one in idle.items()} == dict.fromkeys(
        idle, (200, 0)
    )
    middle = {name: one["percentiles"]["p50"]["value"] for name, one in idle.items()}
    assert 4 <= middle["me-modelled"] < 6  # modelled
    assert 9.8 <= middle["a-b"] < 12  # between agents, with jitter both ways
    assert 2 <= middle["me-pinged"] < 4  # a host that answers ping
    assert max(middle[f"me-{far}"] for far in ("reflector", "twamp", "page", "iperf")) < 10
    assert ("http", "idle") in found["me-page"]
    assert found["me-iperf"]["goodput", "up"]["value"] > 0
    assert found["a-b"]["goodput", "down"]["value"] > 0


def test_a_worker_that_dask_itself_started_is_a_site_as_the_document_says(
    three: Triangle,
) -> None:
    document = (Path(__file__).parents[2] / ".deploy" / "README.md").read_text()
    (found,) = re.findall(r"^dask worker ((?:.*\\\n)*.*)$", document, re.MULTILINE)
    certs = Path(three.access.certificates)
    files = {name: str(certs / name) for name in ("ca.pem", "cert.pem", "key.pem")}
    values = {"tls://203.0.113.1:8786": three.access.address, **files}
    words = [values.get(word, word) for word in shlex.split(found.replace("\\\n", " "))]
    command = [*three.inside, str(Path(sys.executable).with_name("dask")), "worker", *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment["DASK_TEMPORARY_DIRECTORY"] = str(three.folder)  # or it leaves its own in /tmp
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as worker:
        try:
            deadline = time.monotonic() + 30
            while True:
                here = three.emulation.namespaces["ctl"]
                with inside(here, lambda: ClusterTestbed(three.access, ["guiyang"])) as testbed:
                    if "guiyang" in testbed.sites:
                        answer = testbed.sites["guiyang"].submit(site_tasks.multiply, 6, by=7)
                        assert answer.result(20) == 42
                        return
                assert worker.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.5)
        finally:
            worker.terminate()


def test_an_agent_runs_one_throughput_test_at_a_time_whoever_asks(
    three: Triangle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_executor, "BEGIN_S", 1.5)
    here = three.emulation.namespaces["ctl"]
    with (
        inside(here, lambda: ClusterTestbed(three.access, ["a"])) as one,
        inside(here, lambda: ClusterTestbed(three.access, ["a"])) as other,
    ):
        held = one.sites["a"].leasing.submit(site_tasks.sleep, 4.0)
        refused = other.sites["a"].leasing.submit(site_tasks.sleep, 0.1)
        assert "measures throughput for another campaign" in str(refused.exception(10))
        # Round trips go on meanwhile.
        assert other.sites["a"].submit(site_tasks.multiply, 6, by=7).result(10) == 42
        assert not held.done()
        assert held.result(20) == 4.0
        assert other.sites["a"].leasing.submit(site_tasks.multiply, 2, by=2).result(10) == 4
