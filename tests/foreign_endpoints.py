"""Endpoints that run nothing of ours, beside a cluster, and a target that mixes them with all else that there is."""

from __future__ import annotations

import http.server
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from clusters import Serving, Triangle

from benchkit.linux import netns

MIXED = """
schema = 1
title = "Of everything"

[[site]]
name = "me"

[[site]]
name = "a"
agent = true
address = "{a}"

[[site]]
name = "b"
agent = true
address = "{b}"

[[site]]
name = "modelled"

[[site]]
name = "reflector"
address = "127.0.0.1"
reach = "stamp 18862"

[[site]]
name = "twamp"
address = "127.0.0.1"
reach = "twamp 18863"

[[site]]
name = "pinged"
address = "{pinged}"
reach = "icmp"

[[site]]
name = "page"
address = "127.0.0.1"
reach = "tcp 18080"
url = "http://127.0.0.1:18080/"

[[site]]
name = "iperf"
address = "iperf3://127.0.0.1:15201"
reach = "icmp"

[defaults.model]
rate = "100 Mbit/s"
buffer = "256 KiB"

[[path]]
from = "me"
to = "modelled"
model.delay = "2 ms"

{paths}

[plan]
probes = ["rtt", "http", "tcp"]
duration = "1 s"
rate = "200/s"
http_duration = "1 s"
http_rate = "20/s"
load_duration = "1 s"
calibration = "1 s"
tolerance = "20 ms"
"""
REAL = '[[path]]\nfrom = "{near}"\nto = "{far}"\nreal = true\n'


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None: ...


class Pages(http.server.ThreadingHTTPServer):
    request_queue_size = 512


def plain_stamp(udp: socket.socket) -> None:
    """A reflector of RFC 8762 that knows nothing of ours: NTP stamps of user space, stateless, no extension."""
    while True:
        try:
            payload, source = udp.recvfrom(2048)
        except OSError:
            return
        now = time.time()  # noqa: TID251  NTP's own
        stamp = struct.pack(">II", int(now) + 2_208_988_800, int(now % 1 * (1 << 32)))
        head = payload[:4] + stamp + b"\x00\x01" + bytes(2) + stamp
        udp.sendto((head + payload[:14] + bytes(2) + b"\xff" + bytes(3)).ljust(44, b"\0"), source)


@contextmanager
def foreign(three: Triangle) -> Iterator[None]:
    """Endpoints at the controller that run nothing of ours, but for TWAMP's."""
    where = three.emulation.namespaces["ctl"]
    udp = netns.inside(where, socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 18862))
    page = netns.inside(where, Pages, ("127.0.0.1", 18080), Page)
    threading.Thread(target=plain_stamp, args=(udp,), daemon=True).start()
    threading.Thread(target=page.serve_forever, daemon=True).start()
    iperf = [*three.inside, "iperf3", "-s", "-B", "127.0.0.1", "-p", "15201"]
    twamp = ("agent", "--bind", "127.0.0.1", "--stamp-port", "18863")
    with (
        subprocess.Popen(iperf, stdout=subprocess.DEVNULL) as server,
        Serving(three.folder / "twamp.log", *twamp, netns=where) as far,
    ):
        far.await_word("streams ")
        yield
        server.terminate()
    page.shutdown()
    page.server_close()
    udp.close()
