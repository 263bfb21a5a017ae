"""How many round trips a job costs before its answer is there. The ends' own time is not counted."""

from __future__ import annotations

from typing import NamedTuple

RPC_CALLS = 100


class Job(NamedTuple):
    """A job, the round trips until its last octet has come, and the key of the source that says so.

    What is asked and answered fits the first window of 10 segments.
    """

    name: str
    trips: int
    source: str


JOBS = (
    Job("TCP connect", 1, "rfc9293"),
    Job("TCP + TLS 1.3, full", 2, "rfc8446"),
    Job("TCP + TLS 1.3, resumed", 2, "rfc8446"),
    Job("HTTP/1.1, fresh connection", 2, "rfc9112"),
    Job("HTTP/1.1, kept alive", 1, "rfc9112"),
    Job("HTTPS, fresh, TLS 1.3 full", 3, "rfc8446"),
    Job("HTTPS, fresh, TLS 1.3 resumed", 3, "rfc8446"),
    Job("HTTPS, fresh, TLS 1.3 early data", 2, "rfc8446"),
    Job(f"RPC, {RPC_CALLS} calls one after another", RPC_CALLS, "rfc9112"),
    Job(f"RPC, {RPC_CALLS} calls in one batch", 1, "rfc9112"),
)
