"""What a far end is told that answers probes. Plain and picklable; addresses and ports as the kernel takes them."""

from __future__ import annotations

from dataclasses import dataclass, field

# Where each listens that was not told otherwise; requests have the port after the streams'.
STAMP_PORT, TWAMP_PORT = 862, 862
HTTP_PORT, STREAM_PORT = 8080, 8620


@dataclass(frozen=True, slots=True)
class ReflectorSpec:
    """A STAMP reflector (RFC 8762).

    With a `key_file` it answers authenticated packets alone, with `ptp` in PTPv2 stamps. A stateful one counts
    its answers for each session, so that the sender can tell in which direction packets were lost. `strict`
    leaves requests unanswered that are shorter than STAMP's own, whose answers would be longer. `allowed`
    are networks, all where none is named; `rate_per_s` is what one source may ask for, 0 is no cap. With `gather_ns`
    plain requests over IPv4 wait for so long, and are answered many at once.
    """

    address: str
    port: int
    key_file: str = ""
    stateful: bool = True
    ptp: bool = False
    strict: bool = False
    allowed: tuple[str, ...] = ()
    rate_per_s: float = 0
    gather_ns: int = 0


@dataclass(frozen=True, slots=True)
class TwampServerSpec:
    """A TWAMP server in open mode, whose sessions are reflected on ports of their own. The rest as for a reflector."""

    address: str
    port: int
    allowed: tuple[str, ...] = ()
    rate_per_s: float = 0


@dataclass(frozen=True, slots=True)
class HttpServerSpec:
    """A small fixed answer over HTTP/1.1, for networks `allowed`; for all where none is named.

    One source may have `connections` open at once; 0 is any number. With a `key` it serves those alone who know it too.
    """

    address: str
    port: int
    allowed: tuple[str, ...] = ()
    connections: int = 0
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class RequestServerSpec:
    """The far end of requests over TCP: gives back what it gets. `allowed`, `connections` and `key` as above."""

    address: str
    port: int
    allowed: tuple[str, ...] = ()
    connections: int = 0
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class StreamServerSpec:
    """The far end of bulk TCP and of UDP tests. Those who name one `lease` file take turns. `allowed`, `key` as above."""

    address: str
    port: int
    lease: str = ""
    allowed: tuple[str, ...] = ()
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Iperf3ServerSpec:
    """The far end of stock iperf3 clients, TCP and UDP on one port. `lease` and `allowed` as above.

    With a `private_key` (PEM) only `users` are served, each with the SHA-256 of `{user}password` in hex.
    """

    address: str
    port: int
    lease: str = ""
    private_key: bytes = b""
    users: tuple[tuple[str, str], ...] = ()
    allowed: tuple[str, ...] = ()
