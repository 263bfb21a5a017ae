"""What a probe is told that moves much: streams, datagrams, files, bursts. Plain and picklable."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchkit.model.place import Login


@dataclass(frozen=True, slots=True)
class TcpSpec:
    """Bulk TCP, `direction` "up", "down" or "both" as seen from here; goodput is counted where it arrives.

    `mode` says what each end touches of the data: "zero-copy", "copy" or "verify". `window_octets` 0 leaves
    both buffers to the kernel. `key` is what a far end that wants one is shown the knowledge of.
    """

    path: str
    phase: str
    address: str
    port: int
    direction: str
    duration_ns: int
    congestion: str
    streams: int = 1
    mode: str = "zero-copy"
    window_octets: int = 0
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class UdpSpec:
    """Numbered datagrams at a rate of payload, one direction; `rate_bps` 0 is as fast as the far end has room for.

    `joined` has the kernel cut and join them (GSO, GRO): None is wherever it can. `key` as above.
    """

    path: str
    phase: str
    address: str
    port: int
    up: bool
    duration_ns: int
    rate_bps: int
    payload_octets: int = 1400
    joined: bool | None = None
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class FilesSpec:
    """A transfer of `files`, (number, due in ns after the start, octets), from here over so many connections at once.

    It ends after `limit_ns`, done or not. `key` as above.
    """

    path: str
    phase: str
    address: str
    port: int
    files: tuple[tuple[int, int, int], ...]
    streams: int
    limit_ns: int
    congestion: str
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class StreamKeySpec:
    """No test at all: whether a far end would take one of who has this `key`, or has none."""

    path: str
    phase: str
    address: str
    port: int
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Iperf3TrialSpec:
    """No test at all: whether an iperf3 server is there, free or busy."""

    path: str
    phase: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Iperf3Spec:
    """A test against an iperf3 server. `direction` is "up", "down" or "both"; 0 and "" are what is usual.

    `rate_bps` is each stream's, 0 is as fast as it goes. `omit_s` at the start do not count. `mode` is what this end
    touches of TCP's data, "zero-copy" or "copy".
    """

    path: str
    phase: str
    address: str
    port: int
    duration_ns: int
    direction: str = "up"
    udp: bool = False
    streams: int = 1
    omit_s: int = 0
    rate_bps: int = 0
    congestion: str = ""
    block_octets: int = 0
    segment_octets: int = 0
    window_octets: int = 0
    no_delay: bool = False
    mode: str = "zero-copy"
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class BurstSpec:
    """One packet of each of `sizes` (octets of IP), then `octets` at once in packets of `mtu`.

    `at_once` octets go to the device as one super-packet. A burst that took longer than `enough_ns` is sent
    again, a few times, and the fastest counts. `pause_ns` is waited before the burst and after it, for the path to run dry.
    """

    path: str
    phase: str
    address: str
    port: int
    mtu: int
    sizes: tuple[int, ...]
    octets: int
    at_once: int
    enough_ns: int
    pause_ns: int


@dataclass(frozen=True, slots=True)
class BurstSinkSpec:
    """The far end of a burst, there before it comes and gone after it, or after `lasts_ns`.

    It is told the `mtu` of the burst, and how many packets of other `sizes` come first.
    """

    path: str
    phase: str
    address: str
    port: int
    mtu: int
    sizes: int
    lasts_ns: int
