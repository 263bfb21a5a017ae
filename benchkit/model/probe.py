"""The probes that a plan may name: what each measures, and what must be at the far end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Needs = Literal["nothing", "reflector", "open port", "web server", "agent"]


class Probe(NamedTuple):
    """One entry of the table; `metric` is what its figures are called."""

    metric: str
    needs: Needs
    measures: str


PLAN_PROBES: dict[str, Probe] = {
    "rtt": Probe(
        "rtt",
        "reflector",
        "round trips by STAMP; of a real path by whatever answers: STAMP, TWAMP, ICMP or TCP handshakes",
    ),
    "icmp": Probe("icmp", "nothing", "round trips by ICMP echo"),
    "connect": Probe(
        "connect",
        "open port",
        "TCP connections opened, as a program has them; retransmitted SYNs told apart",
    ),
    "request": Probe("request", "agent", "requests and answers over one TCP connection"),
    "http": Probe("http", "web server", "HTTP(S) requests over kept connections, by phase"),
    "http-fresh": Probe(
        "http-fresh", "web server", "HTTP(S) requests, a new connection for each, by phase"
    ),
    "http-load": Probe(
        "http-load", "web server", "HTTP requests at a high rate over kept connections, unencrypted"
    ),
    "tcp": Probe(
        "goodput",
        "agent",
        "bulk TCP up, down and both at once, with round trips beside it: latency under load",
    ),
    "udp": Probe(
        "udp",
        "agent",
        "UDP at a paced rate: loss, overtaking, jitter, and what this host dropped itself",
    ),
    "workload": Probe(
        "completion",
        "agent",
        "the target's workloads: time to completion against what the path allows",
    ),
}
# Which of them measures what; loss is counted in round trips, and inference is a workload.
PROBE_OF = {
    **{probe.metric: name for name, probe in PLAN_PROBES.items()},
    "loss": "rtt",
    "inference": "workload",
}


def counted_as(metric: str) -> str:
    """What each sample of a metric was, in the plural.

    >>> counted_as("rtt"), counted_as("connect"), counted_as("http-fresh")
    ('packets', 'connections', 'requests')
    """
    if metric == "connect":
        return "connections"
    is_request = metric in {"request", "http", "http-fresh", "http-load", "inference"}
    return "requests" if is_request else "packets"


def asked_too(probe: str, probes: Iterable[str]) -> str:
    """How a probe is asked for beside others: an option names all that there are to be, and so it names them all.

    >>> asked_too("tcp", ["rtt", "http"])
    'ask for --probe rtt --probe http --probe tcp, or have it in `probes` of the target and leave --probe away'
    """
    every = " ".join(f"--probe {each}" for each in (*probes, probe))
    return f"ask for {every}, or have it in `probes` of the target and leave --probe away"
