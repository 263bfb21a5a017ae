"""What is asked: a Target, the Plan of its campaign, and the Documents its budgets cite."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.model.meter import Meter
from benchkit.model.place import Path, Site
from benchkit.model.schedule import PERIODIC, Schedule
from benchkit.model.workload import Workload

METRICS = {
    # metric: (unit, whether less is better)
    "rtt": ("ms", True),
    "icmp": ("ms", True),
    "connect": ("ms", True),
    "request": ("ms", True),
    "http": ("ms", True),
    "http-fresh": ("ms", True),
    "http-load": ("ms", True),
    "inference": ("ms", True),
    "loss": ("%", True),
    "goodput": ("Mbit/s", False),
    "ratio": ("times", True),
}
# What runs are compared by: figures that may have a budget, and those that are only measured. UDP's jitter is a figure of
# its own beside its rate, as loss is.
COMPARED = {
    **METRICS,
    "udp": ("Mbit/s", False),
    "jitter": ("ms", True),
    "completion": ("s", True),
}
PERCENTILES = ("p50", "p90", "p95", "p99", "p99.9", "max")


@dataclass(frozen=True, slots=True)
class Fact:
    """One documented figure. `figure` is as a person writes it ("10 ms"); `words` paraphrases the source.

    `source` is empty where the figure comes from the document itself.
    """

    key: str
    figure: str
    kind: str
    words: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A published source of figures: the only place where a documented number is written."""

    key: str
    title: str
    publisher: str
    date: str
    source: str
    facts: tuple[Fact, ...]

    def fact(self, key: str) -> Fact | None:
        """The fact of that key, or None."""
        return next((fact for fact in self.facts if fact.key == key), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast each phase measures. Times in ns, rates in packets or requests per second.

    `congestion_asked` says that somebody named the congestion control; else it is the usual one, and no condition.
    `tolerance_ns` is None where the kernel that emulates decides. With `longest_ns` idle round trips go on beyond
    `duration_ns` while a verdict is open, to at most that long. Bulk TCP runs over so many `streams`;
    `stream_mode` says what the ends touch of its data, and `window_octets` 0 leaves buffers to the kernel. UDP is
    offered at `udp_rate_bps` of payload, 0 is as much as both ends can do.
    """

    duration_ns: int
    rate_per_s: float
    http_duration_ns: int
    http_rate_per_s: float
    load_duration_ns: int
    load_rate_per_s: float
    calibration_ns: int
    timeout_ns: int
    tolerance_ns: int | None
    probes: tuple[str, ...] = ("rtt", "http", "tcp")
    seed: int = 1
    congestion: str = "cubic"
    congestion_asked: bool = False
    longest_ns: int | None = None
    schedule: Schedule = PERIODIC
    streams: int = 1
    stream_mode: str = "zero-copy"
    window_octets: int = 0
    udp_rate_bps: int = 10_000_000
    udp_payload_octets: int = 1400
    workloads: tuple[Workload, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A question: sites, paths, plan.

    `digest` is the SHA-256 of its file; `context` the facts shown beside the verdicts, as (citation,
    figure, words), though nothing here judges them. `scale` divides the rates of its paths, None where it is 1.
    """

    name: str
    title: str
    question: str
    sites: tuple[Site, ...]
    paths: tuple[Path, ...]
    plan: Plan
    digest: str
    context: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()
    meters: tuple[Meter, ...] = ()
    scale: int | None = None

    @property
    def emulated(self) -> tuple[Path, ...]:
        """Its paths that have a model; the others are real."""
        return tuple(path for path in self.paths if path.model is not None)

    @property
    def coordinates(self) -> dict[str, tuple[float, float]]:
        """Latitude and longitude, in degrees, of each site that has them and ends a path."""
        return {
            site.name: (site.latitude, site.longitude)
            for site in self._ends
            if site.latitude is not None and site.longitude is not None
        }

    @property
    def labels(self) -> dict[str, str]:
        """What each site that ends a path is called on a map, by its name."""
        return {site.name: site.label for site in self._ends}

    @property
    def _ends(self) -> list[Site]:
        ends = {name for path in self.paths for name in (path.near, path.far)}
        return [site for site in self.sites if site.name in ends]

    def site(self, name: str) -> Site:
        """The site of that name."""
        return next(site for site in self.sites if site.name == name)
