"""`benchkit agent`: its ports answer, it says which, and stopping it leaves nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from commands import Running, benchkit
from real_targets import real_target

from benchkit.campaign.reach import request_port
from benchkit.model.bulk_spec import Iperf3Spec, TcpSpec
from benchkit.model.responder_spec import HTTP_PORT, STAMP_PORT, STREAM_PORT, TWAMP_PORT
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec, TwampSpec
from benchkit.probes.door import PROBES

NS_PER_S = 1_000_000_000


def free_address() -> str:
    """A loopback address that no other test listens at: the agent's ports are fixed."""
    return "127.86.2.1"


def may_have_port(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, STAMP_PORT))
        except OSError:
            return False
    return True


async def batches(spec: object) -> list[Samples]:
    return [batch async for batch in PROBES[type(spec)](spec)]


def lines(agent: Running, count: int) -> list[str]:
    stdout = agent.process.stdout
    assert stdout is not None
    return [stdout.readline() for _ in range(count)]


def assert_answers(address: str) -> None:
    """HTTP, TWAMP, STAMP, streams and iperf3, each asked by its own probe."""
    url = f"http://{address}:{HTTP_PORT}/"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"benchkit\n"
    second = NS_PER_S // 5
    twamp = TwampSpec("a", "idle", address, TWAMP_PORT, 5, second // 5, NS_PER_S // 10)
    (rows,) = asyncio.run(batches(twamp))
    assert not rows.columns["received_ns"].mask.any()
    stamp = StampSpec("a", "idle", address, STAMP_PORT, 1, 5, second // 5, NS_PER_S)
    (rows,) = asyncio.run(batches(stamp))
    assert not rows.columns["received_ns"].mask.any()
    down = TcpSpec(
        "a",
        "down",
        address,
        STREAM_PORT,
        direction="down",
        duration_ns=second,
        congestion="cubic",
    )
    goodput, info, _ = asyncio.run(batches(down))
    assert goodput.columns["octets"].sum() > 0
    assert len(info)  # of the sender, which is over there
    found = asyncio.run(batches(Iperf3Spec("a", "up", address, 5201, second)))
    assert [batch.kind for batch in found] == ["goodput", "tcp_info", "iperf3"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_agent_answers_until_it_is_stopped(number: signal.Signals) -> None:
    address = free_address()
    if not may_have_port(address):
        pytest.skip(f"UDP port {STAMP_PORT} needs root")
    with Running("agent", "--bind", address, "--iperf3", f"{address}:5201") as agent:
        said = lines(agent, 6)
        assert [line.split() for line in said] == [
            ["STAMP", address, "UDP", str(STAMP_PORT)],
            ["TWAMP", address, "TCP", str(TWAMP_PORT)],
            ["HTTP", address, "TCP", str(HTTP_PORT)],
            ["requests", address, "TCP", str(request_port(STREAM_PORT))],
            ["streams", address, "TCP", "and", "UDP", str(STREAM_PORT)],
            ["iperf3", address, "TCP", "and", "UDP", "5201"],
        ]
        assert_answers(address)
        agent.process.send_signal(number)
        status, out, errors = agent.end()
        assert (status, out) == (0, "")
        assert "stopped" in errors
        assert "Traceback" not in errors
        assert agent.survivors() == []


SEALED = real_target(
    "Sealed",
    {
        "me": "",
        "six": 'address = "::1"\nreach = "stamp 18862"\nstamp.key = "secret"\nstamp.dscp = "ef"\n'
        'stamp.extensions = ["class-of-service", "follow-up-telemetry", "location"]',
    },
    [("me", "six")],
    limit="100 ms",
    probes=["rtt"],
    duration="1 s",
    rate="100/s",
)


def test_an_agent_with_a_key_is_measured_over_ipv6_by_who_has_it_and_by_nobody_else(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret").write_text("ab" * 32)
    (tmp_path / "other").write_text("cd" * 32)
    (tmp_path / "sealed.toml").write_text(SEALED)
    (tmp_path / "open.toml").write_text(SEALED.replace("secret", "other"))
    words = ("--bind", "::1", "--stamp-port", "18862", "--stamp-key", str(tmp_path / "secret"))
    with Running("agent", *words, "--allow", "::1", "--rate-cap", "10000/s") as agent:
        said = [line.split() for line in lines(agent, 3)]
        assert said[0] == ["STAMP", "::1", "UDP", "18862,", "authenticated"]
        assert "TWAMP" not in {name for name, *_ in said}  # which is open
        results = ("--results", str(tmp_path / "runs"))
        done = benchkit("run", str(tmp_path / "sealed.toml"), "--format", "json", *results)
        assert done.returncode == 0, done.stderr
        assert "authenticated STAMP at UDP port 18862 answers" in done.stderr
        (metric,) = json.loads(done.stdout)["paths"][0]["metrics"]
        assert (metric["n"], metric["lost"]) == (100, 0)
        # Its kernel tells departures in later answers, the last one in that of a packet that is not due.
        assert metric["unstamped"] == 0
        assert "remarks" not in metric
        refused = benchkit("run", str(tmp_path / "open.toml"), *results)
        assert refused.returncode == 4
        assert (
            "nothing answers at six (::1 by authenticated STAMP at UDP port 18862)"
            in refused.stderr
        )
        assert "give both ends the same key" in refused.stderr
        agent.process.send_signal(signal.SIGINT)
        *_, errors = agent.end()
        assert "refused ::1: STAMP without the right key, at UDP port 18862" in errors


PLACE = (
    'address = "127.86.2.3"\nreach = "stamp 18862"\nstamp.key = "secret"\nagent = true\n'
    'url = "http://127.86.2.3:8080/"\nrequest_key = '
)
KEYED = real_target(
    "Keyed",
    {"me": "", "far": f'{PLACE}"secret"', "wrong": f'{PLACE}"other"'},
    [("me", "far"), ("me", "wrong")],
    limit="100 ms",
    probes=["rtt", "http-load", "request"],
    duration="300 ms",
    rate="100/s",
    http_duration="300 ms",
    calibration="100 ms",
)


def test_an_agent_with_a_key_for_everything_serves_its_holders_and_nobody_else(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret").write_text("ab" * 32)
    (tmp_path / "other").write_text("cd" * 32)
    (tmp_path / "keyed.toml").write_text(KEYED)
    secret = str(tmp_path / "secret")
    keys = ("--stamp-key", secret, "--stream-key", secret, "--request-key", secret)
    with Running("agent", "--bind", "127.86.2.3", "--stamp-port", "18862", *keys) as agent:
        said = lines(agent, 4)
        assert all(" with a key" in line for line in said[1:]), said
        results = ("--results", str(tmp_path / "runs"), "--format", "json")
        done = benchkit("run", str(tmp_path / "keyed.toml"), *results)
        assert done.returncode == 4, done.stderr
        right, wrong = (
            {each["metric"]: each["lost"] for each in path["metrics"]}
            for path in json.loads(done.stdout)["paths"]
        )
        assert right == {"rtt": 0, "http-load": 0, "request": 0}
        assert wrong == {"rtt": 0}
        refusal = "refused requests: it does not know the key that this site's request_key names"
        assert done.stderr.count(refusal) == 2, done.stderr
        assert "Traceback" not in done.stderr
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://127.86.2.3:{HTTP_PORT}/", timeout=10)


PORTS = real_target(
    "Ports",
    {
        "me": "",
        "far": 'address = "127.86.2.4"\nreach = "stamp 18862"\nagent = true\nstream_port = 18620\n'
        'http_port = 18080\nurl = "http://127.86.2.4:18080/"',
    },
    [("me", "far")],
    limit="100 ms",
)


def test_every_port_can_be_another(tmp_path: Path) -> None:
    target = tmp_path / "ports.toml"
    target.write_text(PORTS)
    ports = ("--stamp-port", "18862", "--http-port", "18080", "--stream-port", "18620")
    probes = ("--probe", "rtt", "--probe", "http", "--probe", "request", "--probe", "udp")
    with Running("agent", "--bind", "127.86.2.4", *ports) as agent:
        said = " ".join(lines(agent, 5))
        assert not {str(STAMP_PORT), str(HTTP_PORT), str(STREAM_PORT)} & set(said.split())
        short = ("--duration", "0.5s", "--results", str(tmp_path), "--format", "json")
        done = benchkit("run", str(target), *probes, *short)
    assert done.returncode in {0, 1}, done.stderr
    (path,) = json.loads(done.stdout)["paths"]
    found = {each["metric"] for each in path["metrics"] if each.get("n")}
    assert {"rtt", "http", "request", "udp"} <= found


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.86.2.2", HTTP_PORT)):
        if not may_have_port("127.86.2.2"):
            pytest.skip(f"UDP port {STAMP_PORT} needs root")
        done = benchkit("agent", "--bind", "127.86.2.2")
    assert done.returncode == 5
    (line,) = done.stderr.splitlines()
    assert f"127.86.2.2 TCP port {HTTP_PORT}" in line
    assert line.endswith("or take another port with --http-port")
    assert done.stdout == ""


def test_a_schedulers_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.86.2.2", 0)) as taken:
        port = taken.getsockname()[1]
        done = benchkit("scheduler", "--bind", f"127.86.2.2:{port}")
    assert done.returncode == 5
    line = done.stderr.splitlines()[-1]
    assert f"tcp://127.86.2.2:{port}: Address already in use: stop what" in line
    assert "Traceback" not in done.stderr


def test_a_dashboards_port_that_is_taken_is_told_as_an_agents_is(tmp_path: Path) -> None:
    with socket.create_server(("127.86.2.2", 0)) as taken:
        port = taken.getsockname()[1]
        words = ("--bind", f"127.86.2.2:{port}", "--results", str(tmp_path))
        done = benchkit("serve", *words)
    assert done.returncode == 5
    (line,) = done.stderr.splitlines()
    assert f"127.86.2.2 TCP port {port}: Address already in use: stop what" in line
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--iperf3", "here"], "is not HOST:PORT"),
        (["--iperf3", "127.0.0.1:0"], "is not HOST:PORT"),
        (["--bind", "no.such.host.invalid"], "is no address"),
        (["--bind", "0.0.0.0"], "--allow NETWORK, or by all of --stamp-key,"),  # noqa: S104
        (["--bind", "192.0.2.1"], "--request-key, or --open"),
        (["--iperf3", "192.0.2.1:5201"], "--allow NETWORK, or who may log in with --iperf3-users"),
        (["--bind", "::"], "--request-key, or --open"),
    ],
)
def test_what_cannot_be_listened_at_is_told(words: list[str], said: str) -> None:
    done = benchkit("agent", *words)
    assert done.returncode == 2
    assert said in done.stderr
