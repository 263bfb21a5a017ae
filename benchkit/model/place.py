"""Sites, the paths between them, what a path does to packets, and what was promised about it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from benchkit.model.impairment import Bursts, Trace
from benchkit.model.stamp_options import StampOptions

# Light in fibre of group index 1.468, a data-sheet figure for G.652-class fibre.
FIBRE_NS_PER_KM = 4897
EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks an iperf3 server: user, password, and the server's public key as PEM."""

    user: str
    password: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Iperf3Server:
    """An iperf3 server at a site; with a `login` where it wants one."""

    port: int
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A named place. Coordinates in degrees, north and east positive; absent where nobody said.

    A real one has an `address`, a host name or IP address; `reach` says what answers there: "stamp PORT",
    "twamp PORT", "icmp", "tcp PORT", or "auto" for whatever does. `url` is asked for HTTP latency, `agent` takes
    bulk, or an `iperf3` server does. `stamp` is how STAMP's packets to it are made, None is as well as it answers.
    Its agent wants `stream_key` of bulk tests, `request_key` of HTTP and of requests; it answers HTTP at `http_port`, bulk
    at `stream_port`, and requests at the port after that; None are the usual ones.
    """

    name: str
    label: str
    latitude: float | None = None
    longitude: float | None = None
    address: str | None = None
    reach: str = "auto"
    url: str | None = None
    agent: bool = False
    stamp: StampOptions | None = None
    iperf3: Iperf3Server | None = None
    stream_key: bytes = field(default=b"", repr=False)
    request_key: bytes = field(default=b"", repr=False)
    http_port: int | None = None
    stream_port: int | None = None


@dataclass(frozen=True, slots=True)
class Direction:
    """What one direction of a path does to a packet, beside rate and buffer.

    `jitter_ns` is the standard deviation around the delay, of a normal or Pareto distribution; for "table"
    it is that of `deviations_ns`, sorted deviations from the delay, each as likely as the next. Packets keep
    their order, but for the share `reorder` that overtakes by taking no delay at all. `loss`, `reorder` and
    `duplicate` are shares from 0 to 1, drawn for each packet by itself; `bursts` stands instead of `loss`. A
    `trace` stands instead of the delay while a path is measured; it is calibrated at `delay_ns`.
    """

    delay_ns: int
    jitter_ns: int = 0
    loss: float = 0.0
    distribution: str = "normal"
    deviations_ns: tuple[int, ...] = ()
    bursts: Bursts | None = None
    reorder: float = 0.0
    duplicate: float = 0.0
    trace: Trace | None = None

    @property
    def loses(self) -> bool:
        """Whether any packet may be lost."""
        return bool(self.loss or self.bursts)

    @property
    def mean_loss(self) -> float:
        """The share of packets lost in the long run."""
        return self.bursts.mean_loss if self.bursts else self.loss


@dataclass(frozen=True, slots=True)
class PathModel:
    """What to emulate: each direction's delay, jitter and loss; rate, buffer and MTU hold for both.

    The rate counts every bit on an Ethernet wire: preamble, checksum and gap too. `rate_bps` None is
    unlimited. `origin` says in words where the delay comes from.
    """

    forward: Direction
    backward: Direction
    rate_bps: int | None = None
    buffer_octets: int | None = None
    mtu: int = 1500
    origin: str = ""

    @property
    def rtt_ns(self) -> int:
        """The round trip of an unloaded path, in the middle of its jitter."""
        return self.forward.delay_ns + self.backward.delay_ns

    @property
    def still(self) -> PathModel:
        """The same path as it is before its traces start."""
        forward, backward = (replace(each, trace=None) for each in (self.forward, self.backward))
        return replace(self, forward=forward, backward=backward)

    @property
    def bare(self) -> PathModel:
        """The same wire with no delay, jitter or loss: what is left is the instrument's own."""
        return replace(self, forward=Direction(0), backward=Direction(0))


@dataclass(frozen=True, slots=True)
class Budget:
    """One figure as a testable claim. `limit` is in `unit`, the unit of its metric in METRICS.

    `fact` is the key of the documented figure, as `document:key`, or None where the user set the limit.
    """

    metric: str
    limit: float
    unit: str
    percentile: str
    fact: str | None = None
    reading: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A pair of sites by name, its model (None for a real path) and its budgets.

    `in_mesh` says that it is one of a mesh: both ways between its sites are measured, and go over the same fibre.
    """

    name: str
    near: str
    far: str
    model: PathModel | None
    budgets: tuple[Budget, ...] = ()
    great_circle_km: float | None = None
    in_mesh: bool = False

    @property
    def floor_ns(self) -> int | None:
        """The round trip that no fibre on the great circle can beat, or None without coordinates."""
        if self.great_circle_km is None:
            return None
        return round(2 * self.great_circle_km * FIBRE_NS_PER_KM)


def great_circle_km(one: Site, other: Site) -> float | None:
    """The shortest way over a sphere of 6371 km (haversine), or None where a coordinate is missing.

    >>> guiyang = Site("guiyang", "Guiyang", 26.647, 106.630)
    >>> round(great_circle_km(guiyang, Site("guangzhou", "Guangzhou", 23.129, 113.264)) or 0)
    775
    """
    if None in (one.latitude, one.longitude, other.latitude, other.longitude):
        return None
    lat1, lon1, lat2, lon2 = (
        math.radians(degrees or 0.0)
        for degrees in (one.latitude, one.longitude, other.latitude, other.longitude)
    )
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))
