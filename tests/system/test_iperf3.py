"""Debian's iperf3 at the other end, in both roles: what both ends counted is the same within 1 %."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchkit.errors import KeyRefusedError
from benchkit.model.bulk_spec import Iperf3Spec
from benchkit.model.place import Login
from benchkit.model.responder_spec import Iperf3ServerSpec
from benchkit.model.samples import Samples
from benchkit.probes.iperf3_auth import password_hash
from benchkit.probes.iperf3_client import iperf3
from benchkit.probes.iperf3_server import iperf3_server

sys.path.append(str(Path(__file__).parents[1]))

from iperf3_peer import iperf3_serving
from loopback import LOCAL, free_port
from rsa_keys import key_pair

pytestmark = pytest.mark.skipif(
    shutil.which("iperf3") is None, reason="iperf3 is not installed: apt-get install iperf3"
)

NS_PER_S = 1_000_000_000
UDP = {"udp": True, "rate_bps": 20_000_000}

AS_CLIENT: dict[str, dict[str, Any]] = {
    "tcp": {},
    "tcp cubic": {"congestion": "cubic"},
    "tcp four streams": {"streams": 4},
    "tcp down": {"direction": "down", "congestion": "cubic"},
    "tcp down three streams": {"direction": "down", "streams": 3},
    "tcp both": {"direction": "both", "streams": 2},
    "tcp paced": {"rate_bps": 50_000_000},
    "tcp window, segment, no delay": {
        "window_octets": 200_000, "segment_octets": 1000, "no_delay": True,
    },
    "tcp blocks": {"block_octets": 16_384},
    "tcp omit": {"omit_s": 1},
    "udp": UDP,
    "udp two streams": {**UDP, "streams": 2},
    "udp down": {**UDP, "direction": "down"},
    "udp both": {**UDP, "direction": "both", "streams": 2},
}  # fmt: skip

AS_SERVER = [
    "", "-P 3", "-R", "-R -P 2", "--bidir", "--bidir -P 2", "-Z", "-C cubic", "-C reno -R",
    "-w 200K -M 1000 -N", "-M 1000 -R", "-l 16K", "-b 50M", "-b 50M -R", "-O 1", "-O 1 -R",
    "-u -b 20M", "-u -b 20M -l 200 -P 2", "-u -b 20M -R", "-u -b 20M --bidir -P 2",
    "-u -b 20M --udp-counters-64bit", "--get-server-output",
]  # fmt: skip


def sums(said: dict[str, Any], name: str) -> dict[str, Any]:
    end: dict[str, Any] = said["end"]
    return dict(end[name])


def column_sum(batch: Samples, name: str, *, up: bool) -> int:
    chosen = batch.columns["up"].data == int(up)
    return int(batch.columns[name][chosen].sum())


@pytest.mark.parametrize("name", AS_CLIENT)
def test_we_measure_against_an_iperf3_server(name: str) -> None:
    asked = AS_CLIENT[name]
    port = free_port()

    async def work() -> list[Samples]:
        spec = Iperf3Spec("a-b", "load", LOCAL, port, NS_PER_S, **asked)
        return [batch async for batch in iperf3(spec)]

    with iperf3_serving(port, "-1", "-J", stdout=subprocess.PIPE) as server:
        found = asyncio.run(asyncio.wait_for(work(), 30))
        said = json.loads(server.communicate(timeout=10)[0])
    assert "error" not in said
    (totals,) = (batch for batch in found if batch.kind == "iperf3")
    direction = asked.get("direction", "up")
    if direction != "down":
        received = column_sum(totals, "received_octets", up=True)
        assert received == pytest.approx(sums(said, "sum_received")["bytes"], rel=0.01)
        phase = "load up" if direction == "both" else "load"
        (goodput,) = (b for b in found if b.kind == "goodput" and b.phase == phase)
        # What is on its way at the end, in buffers: more where the stream is slow and the blocks are large.
        assert int(goodput.columns["octets"].sum()) == pytest.approx(received, rel=0.05)
    if direction != "up":
        name_of_sum = "sum_sent_bidir_reverse" if direction == "both" else "sum_sent"
        sent = column_sum(totals, "sent_octets", up=False)
        assert sent == pytest.approx(sums(said, name_of_sum)["bytes"], rel=0.01)
    if asked.get("udp"):
        assert int(totals.columns["lost"].sum()) <= 0.05 * int(totals.columns["packets"].sum())
    assert all(row >= 0 for row in totals.columns["duration_ns"].tolist())
    assert 0.9 * NS_PER_S <= totals.columns["duration_ns"].max() < 5 * NS_PER_S


def test_we_log_in_at_an_iperf3_server(tmp_path: Path) -> None:
    private, public = key_pair()
    key, users = tmp_path / "key.pem", tmp_path / "users.csv"
    key.write_bytes(private)
    users.write_text(f"mario,{password_hash('mario', 'rossi')}\n")
    options = ["--rsa-private-key-path", str(key), "--authorized-users-path", str(users)]

    async def work(port: int, password: str) -> list[Samples]:
        login = Login("mario", password, public)
        spec = Iperf3Spec("a-b", "load", LOCAL, port, NS_PER_S, login=login)
        return [batch async for batch in iperf3(spec)]

    port = free_port()
    with iperf3_serving(port, *options):
        found = asyncio.run(asyncio.wait_for(work(port, "rossi"), 30))
        assert column_sum(found[-1], "received_octets", up=True) > 0
        with pytest.raises(KeyRefusedError, match="wants another user name and password"):
            asyncio.run(asyncio.wait_for(work(port, "verdi"), 30))


@pytest.mark.parametrize(
    ("password", "outcome"), [("rossi", ""), ("verdi", "authorization failed")]
)
def test_an_iperf3_client_logs_in_here(tmp_path: Path, password: str, outcome: str) -> None:
    private, public = key_pair()
    key = tmp_path / "public.pem"
    key.write_bytes(public)
    users = (("mario", password_hash("mario", "rossi")),)
    options = ["--username", "mario", "--rsa-public-key-path", str(key)]
    said = gated(options, {"IPERF3_PASSWORD": password}, private, users)
    assert outcome in said.get("error", "")
    assert bool(outcome) == ("error" in said)


def gated(
    words: list[str],
    environment: dict[str, str],
    private: bytes,
    users: tuple[tuple[str, str], ...],
) -> dict[str, Any]:
    """What iperf3 said of a test with our server, which wants a password."""
    port = free_port()

    async def work() -> dict[str, Any]:
        server = iperf3_server(Iperf3ServerSpec(LOCAL, port, private_key=private, users=users))
        assert await anext(server) is None
        command = ["iperf3", "-c", LOCAL, "-p", str(port), "-t", "1", "-J", *words]
        client = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, env={**os.environ, **environment}
        )
        output, _ = await asyncio.wait_for(client.communicate(), 30)
        await server.aclose()
        said: dict[str, Any] = json.loads(output)
        return said

    return asyncio.run(work())


def served(words: list[str]) -> tuple[dict[str, Any], list[Samples]]:
    """What iperf3 and our server said of one test."""
    port = free_port()

    async def work() -> tuple[dict[str, Any], list[Samples]]:
        server = iperf3_server(Iperf3ServerSpec(LOCAL, port))
        assert await anext(server) is None
        command = ["iperf3", "-c", LOCAL, "-p", str(port), "-t", "1", "-J", *words]
        client = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        found: list[Samples] = []
        try:
            output, _ = await asyncio.wait_for(client.communicate(), 30)
            while not found or found[-1].kind != "iperf3":
                batch = await asyncio.wait_for(anext(server), 10)
                assert batch is not None
                found.append(batch)
        finally:
            await server.aclose()
        said: dict[str, Any] = json.loads(output)
        return said, found

    return asyncio.run(work())


@pytest.mark.parametrize("words", AS_SERVER)
def test_we_serve_an_iperf3_client(words: str) -> None:
    options = words.split()
    said, found = served(options)
    assert "error" not in said
    totals = found[-1]
    both, down, udp = "--bidir" in options, "-R" in options, "-u" in options
    for up in (True, False):
        if up == down and not both:
            continue
        tail = "_bidir_reverse" if both and not up else ""
        for kind in ("sent", "received"):
            theirs = sums(said, f"sum_{kind}{tail}")
            if udp and "packets" in theirs and not theirs["bytes"]:
                continue  # 3.12 leaves out what it was told
            ours = column_sum(totals, f"{kind}_octets", up=up)
            assert ours == pytest.approx(theirs["bytes"], rel=0.01)
            assert theirs["seconds"] == pytest.approx(1.0, rel=0.2)
    if not udp and (not down or both):
        (goodput,) = (b for b in found if (b.kind, b.phase) == ("goodput", "up"))
        received = column_sum(totals, "received_octets", up=True)
        assert int(goodput.columns["octets"].sum()) == pytest.approx(received, rel=0.001)


def test_the_congestion_control_asked_for_is_in_force() -> None:
    said, _ = served(["-C", "reno"])
    end = said["end"]
    assert (end["sender_tcp_congestion"], end["receiver_tcp_congestion"]) == ("reno", "reno")


def test_a_window_that_cannot_be_is_refused_in_its_own_words() -> None:
    port = free_port()

    async def work() -> dict[str, Any]:
        server = iperf3_server(Iperf3ServerSpec(LOCAL, port))
        await anext(server)
        command = ["iperf3", "-c", LOCAL, "-p", str(port), "-t", "1", "-J", "-w", "500M"]
        client = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        output, _ = await asyncio.wait_for(client.communicate(), 30)
        await server.aclose()
        said: dict[str, Any] = json.loads(output)
        return said

    assert "socket buffer size not set correctly" in asyncio.run(work())["error"]
