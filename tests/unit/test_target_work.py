"""Workloads in a target, and iperf3 servers as its sites."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_files import GOOD, load, problems

pytestmark = pytest.mark.usefixtures("folder")


WORKLOADS = """
[[workload]]
name = "data"
kind = "data set"
size = "1 GB"
files = 7
streams = 2

[[workload]]
name = "check"
kind = "checkpoint"
size = "50 MB"
every = "10 s"

[[workload]]
name = "ask"
kind = "inference"
rate = "20/s"
duration = "5 s"
mix = [{ request = "1 KiB", response = "2 KiB" }, { share = 0.25, request = "64 KiB", response = "1 KiB" }]
"""


def test_workloads_are_read_and_measured_without_being_named() -> None:
    plan = load(GOOD + WORKLOADS).plan
    data, check, ask = plan.workloads
    assert plan.probes[-1] == "workload"
    assert (data.octets, data.files, data.streams, data.rounds) == (10**9, 7, 2, 1)
    assert (check.octets, check.every_ns, check.rounds) == (50 * 10**6, 10 * 10**9, 3)
    assert [(each.share, each.request_octets) for each in ask.mix] == [(1, 1024), (0.25, 65_536)]
    assert (ask.rate_per_s, ask.duration_ns) == (20, 5 * 10**9)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mix = [{", "mix = [] #", "workload[3].mix: is empty: write mix = [{ request ="),
        (
            'size = "1 GB"\n',
            "",
            "workload[1].size: is missing, and a data set needs it: write size =",
        ),
        ("files = 7", 'every = "1 s"', "workload[1].every: means nothing for a data set"),
        ('name = "check"', 'name = "data"', "'data' is already the name of workload[1]"),
        ('kind = "checkpoint"', 'kind = "backup"', "workload[2].kind: 'backup' must be"),
    ],
)
def test_a_workload_that_does_not_fit_is_told(old: str, new: str, said: str) -> None:
    found = problems(GOOD + WORKLOADS.replace(old, new))
    assert any(said in one for one in found), found


def test_inference_may_have_a_budget_where_a_workload_infers() -> None:
    budget = 'metric = "inference"\nlimit = "40 ms"\n'
    text = GOOD.replace("[plan]", f"[[path.budget]]\n{budget}\n[plan]")
    (line,) = problems(text)
    assert "'inference' is of a [[workload]] of that kind, and there is none: write one" in line
    judged = load(text + WORKLOADS).paths[0].budgets[-1]
    assert (judged.metric, judged.limit, judged.percentile) == ("inference", 40.0, "p95")


REAL = """
schema = 1
title = "An iperf3 server"
[[site]]
name = "near"
[[site]]
name = "far"
address = "ADDRESS"
[[path]]
from = "near"
to = "far"
real = true
"""


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("iperf3://192.0.2.7", "192.0.2.7", 5201),
        ("iperf3://far.example:5202", "far.example", 5202),
        ("iperf3://[2001:db8::1]:80/", "2001:db8::1", 80),
    ],
)
def test_an_iperf3_server_is_an_endpoint(address: str, host: str, port: int) -> None:
    site = load(REAL.replace("ADDRESS", address)).site("far")
    assert site.address == host
    assert site.iperf3 is not None
    assert (site.iperf3.port, site.iperf3.login) == (port, None)


@pytest.mark.parametrize(
    "address",
    ["iperf3://", "iperf3://far:0", "iperf3://far:70000", "iperf3://[far]", "iperf3://a b"],
)
def test_what_is_no_iperf3_server_is_told(address: str) -> None:
    (said,) = problems(REAL.replace("ADDRESS", address))
    assert "is no iperf3 server: write 'iperf3://host' or 'iperf3://host:5201'" in said


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ('stream_mode = "verify"', True),
        ('stream_mode = "verify"\nprobes = ["rtt", "tcp"]', True),
        ('stream_mode = "verify"\nprobes = ["connect", "udp"]', False),
        ('stream_mode = "copy"', False),
    ],
)
@pytest.mark.parametrize("address", ["iperf3://192.0.2.7", "192.0.2.7"])
def test_content_is_not_looked_at_by_an_iperf3_server(address: str, plan: str, told: bool) -> None:
    text = REAL.replace("ADDRESS", address) + f"[plan]\n{plan}\n"
    if told and address.startswith("iperf3"):
        (said,) = problems(text)
        assert "plan.stream_mode: 'verify' cannot be had of 'far', an iperf3 server" in said
    else:
        load(text)


def test_ports_of_an_agent_are_of_a_site_that_has_one() -> None:
    ports = 'address = "192.0.2.7"\nhttp_port = 18080\nstream_port = 18620'
    text = REAL.replace('address = "ADDRESS"', ports)
    first, second = problems(text)
    assert "http_port: is of an agent there: add `agent = true`, or drop it" in first
    assert "stream_port: is of an agent there" in second
    site = load(text.replace('192.0.2.7"', '192.0.2.7"\nagent = true')).site("far")
    assert (site.http_port, site.stream_port) == (18080, 18620)
    (said,) = problems(
        text.replace('192.0.2.7"', '192.0.2.7"\nagent = true').replace("18620", "65535")
    )
    assert "stream_port: 65535 must be 65534 or less" in said


def test_a_login_takes_a_key_and_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    login = 'address = "iperf3://192.0.2.7"\niperf3_user = "mario"\niperf3_key = "key.pem"'
    text = REAL.replace('address = "ADDRESS"', login)
    for name in ("BENCHKIT_IPERF3_PASSWORD", "IPERF3_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    (said,) = problems(text)
    assert "site[2].iperf3_key: 'key.pem' cannot be read: No such file or directory" in said
    assert said.endswith("'key.pem' is looked for in the folder of the target")
    Path("key.pem").write_bytes(b"a key")
    assert "set BENCHKIT_IPERF3_PASSWORD" in problems(text)[0]
    monkeypatch.setenv("IPERF3_PASSWORD", "rossi")
    server = load(text).site("far").iperf3
    assert server is not None
    assert server.login is not None
    assert (server.login.user, server.login.password) == ("mario", "rossi")
    assert server.login.public_key == b"a key"
    without = text.replace('iperf3_key = "key.pem"', "")
    assert "iperf3_key: is missing: iperf3_user and iperf3_key go together" in problems(without)[0]
    elsewhere = text.replace("iperf3://", "")
    assert "is for a site whose address begins with iperf3://" in problems(elsewhere)[0]
