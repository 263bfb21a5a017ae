"""Peers that lie or dawdle, targets and runs that somebody made to hurt: one line says so in good time, and nothing escapes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pytest
from commands import benchkit

from benchkit.model.responder_spec import STREAM_PORT

RUN = next(iter((Path(__file__).parent / "runs").iterdir()))
PEER = """
schema = 1
title = "A peer"

[[site]]
name = "me"

[[site]]
name = "far"
address = "{address}"
reach = "tcp {port}"
agent = true

[[path]]
from = "me"
to = "far"
real = true

[plan]
probes = ["{probe}"]
duration = "1 s"
load_duration = "1 s"
"""
# A reader of something hostile has so much memory, and no more.
LITTLE = ("prlimit", f"--as={2 << 30}")
Answer = Callable[[socket.socket], None]


@contextmanager
def peer(address: str, answer: Answer) -> Iterator[None]:
    """Something that listens where an agent takes streams, and answers each connection in its own way."""

    def meet(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if connection.recv(1) == b"{":
                answer(connection)

    with socket.create_server((address, STREAM_PORT), backlog=64) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=meet, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


def saying(*lines: object) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        for line in lines:
            connection.sendall(json.dumps(line).encode() + b"\n")
        connection.recv(1 << 16)
        time.sleep(1.0)

    return answer


def dawdling(connection: socket.socket) -> None:
    for _ in range(600):
        connection.sendall(b" ")
        time.sleep(0.1)


def endless(connection: socket.socket) -> None:
    while True:
        connection.sendall(bytes(1 << 16).replace(b"\0", b"["))


def resetting(*lines: object) -> Answer:
    """Say these, and end the connection by RST instead of FIN."""

    def answer(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        for line in lines:
            connection.sendall(json.dumps(line).encode() + b"\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return answer


LIES = {
    "steers the terminal": saying({"refused": "\x1b[2J\x07gone\nbenchkit: PASS"}),
    "token": saying({"granted": "../../zz"}),
    "clock": saying({"granted": "00ff"}, {"clock_ns": 10**30, "same": False}),
    "no clock": saying({"granted": "00ff"}, {"clock_ns": "now"}, {"end": 7}),
    "holder": saying({"held_by": "x" * 5000, "left_s": 1e308}),
    "not a word": saying([[[]]]),
    "dawdles": dawdling,
    "never ends": endless,
    "resets": resetting(),
    "resets what it granted": resetting({"granted": "00ff"}),
}


@pytest.mark.parametrize(("number", "lie"), list(enumerate(LIES)), ids=str)
def test_a_peer_that_lies_or_dawdles_is_told_in_good_time(
    tmp_path: Path, number: int, lie: str
) -> None:
    address, probe = f"127.86.9.{number + 1}", ("udp", "tcp")[number % 2]
    file = tmp_path / "peer.toml"
    file.write_text(PEER.format(address=address, port=STREAM_PORT, probe=probe))
    words = ("run", str(file), "--results", str(tmp_path / "results"))
    with peer(address, LIES[lie]):
        began = time.monotonic()
        done = benchkit(*words, timeout=50, before=LITTLE)
    assert time.monotonic() - began < 45
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    assert f"{address} TCP port {STREAM_PORT}" in done.stderr
    assert all(sign.isprintable() or sign == "\n" for sign in done.stderr)
    assert max(map(len, done.stderr.splitlines())) < 600
    assert not done.stdout.startswith(("PASS", "FAIL"))


HEAD = 'schema = 1\ntitle = "x"\n[[site]]\nname = "a"\n[[site]]\nname = "b"\n'
TARGETS = {
    "nest": b"x = " + b"[" * 400_000,
    "digits": HEAD.encode() + b"latitude = " + b"9" * 900_000,
    "tables": HEAD.encode() + b"".join(b"[a%d]\n" % number for number in range(60_000)),
    "sites": b"".join(b'[[site]]\nname = "s%d"\n' % number for number in range(30_000)),
    "dotted": HEAD.encode() + b"a" + b".a" * 300_000 + b" = 1\n",
    "escape": (HEAD + '[[path]]\nfrom = "a"\nto = "b"\nname = "../../../etc/x"\n').encode(),
    "device": (HEAD + 'address = "h"\nstamp.key = "/dev/zero"\n').encode(),
    "regular expression": (HEAD + f'url = "{"a" * 500_000}!"\n').encode(),
    "large": b"#" * (2 << 20),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_hostile_target_is_refused_soon_and_in_little_memory(tmp_path: Path, name: str) -> None:
    file = tmp_path / "hostile.toml"
    file.write_bytes(TARGETS[name])
    done = benchkit("targets", "check", str(file), timeout=40, before=LITTLE)
    assert done.returncode == 2, done.stderr[-500:]
    assert "Traceback" not in done.stderr
    assert done.stdout + done.stderr
    assert sorted(tmp_path.iterdir()) == [file]


def parquet_bomb(folder: Path) -> None:
    file = folder / "samples" / "rtt.parquet"
    with duckdb.connect() as connection:
        rows = "select 'a' as path, 'idle' as phase, 7 as due_ns from range(300000000)"
        connection.sql(rows).write_parquet(
            str(file), compression="zstd", row_group_size=10_000_000, overwrite=True
        )


def endless_record(folder: Path) -> None:
    (folder / "run.json").unlink()
    (folder / "run.json").touch()
    os.truncate(folder / "run.json", 1 << 40)


def deep_record(folder: Path) -> None:
    (folder / "run.json").write_bytes(b'{"schema":1,"paths":' + b"[" * 1_000_000)


def piped_record(folder: Path) -> None:
    (folder / "run.json").unlink()
    os.mkfifo(folder / "run.json")


@pytest.mark.parametrize("spoil", [parquet_bomb, endless_record, deep_record, piped_record])
def test_a_hostile_run_is_refused_soon_and_in_little_memory(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / RUN.name
    shutil.copytree(RUN, folder)
    for file in (folder, *folder.rglob("*")):
        file.chmod(0o700)
    (folder / "samples").mkdir(exist_ok=True)
    spoil(folder)
    words = ("report", RUN.name, "--results", str(tmp_path), "--format", "html")
    done = benchkit(*words, timeout=40, before=LITTLE)
    assert done.returncode == 2, done.stderr[-500:]
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
