"""What a target asks, for a terminal: sites, paths with their models and budgets, work, meters, plan, and what it cites."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchkit.campaign.outline import duration_words, seconds_of
from benchkit.campaign.phases import SINGLE
from benchkit.cli.path_text import budget_words, condition_words, delay_words, path_words
from benchkit.model.meter import Meter
from benchkit.model.place import Path, Site
from benchkit.model.target import Plan, Target
from benchkit.model.workload import Workload
from benchkit.reports.figures import cells, padded
from benchkit.reports.layout import INDENT, hanging, section, wrapped
from benchkit.reports.paint import Line, painted
from benchkit.units import (
    show_bit_rate,
    show_count,
    show_duration,
    show_figure,
    show_octets,
)

PATHS = "Paths (floor: light in fibre along the great circle)"
# How packets leave, by pacing.
SENT = {"timer": "by a timer", "precise": "precisely", "batched": "in batches"}
# Of more sites the names alone.
MOST_SITES = 12
# Of paths that differ from others in nothing else, so many are named.
MOST_NAMES = 4
# A label, and what is said of it.
Row = tuple[str, str]


def render_target(target: Target, width: int, *, color: bool) -> str:
    """All of it, in lines of at most `width` columns as far as its words can be broken."""
    return "".join(f"{painted(line, color=color)}\n" for line in _lines(target, width))


def _lines(target: Target, width: int) -> Iterator[Line]:
    yield from hanging((f"{target.name}: ", "bold"), target.title, width, "bold")
    yield from wrapped(target.question, width)
    listed = [path for path in target.paths if not path.in_mesh]
    mesh = [path for path in target.paths if path.in_mesh]
    parts: tuple[tuple[str, Sequence[Row]], ...] = (
        ("Sites", _sites(target.sites)),
        ("Mesh", _mesh(mesh)),
        (PATHS, [row for path in listed for row in path_words(path, target)]),
        ("Model", _models(target.emulated)),
        ("Workloads, on each path", [(work.name, _work(work)) for work in target.plan.workloads]),
        ("Meters", [row for meter in target.meters for row in _meter(meter)]),
        ("Plan", [*_plan(target)]),
        ("Documented, not judged here", [(figure, f"{words} [{fact}]") for fact, figure, words in target.context]),
        ("Documents", [(each.key, f"{each.title}, {each.publisher}, {each.date}") for each in target.documents]),
    )  # fmt: skip
    for title, rows in parts:
        if rows:
            yield from section(title, width)
            yield from _rows(rows, width)


def _rows(rows: Sequence[Row], width: int) -> Iterator[Line]:
    labels = max(cells(label) for label, _ in rows)
    for label, words in rows:
        yield from hanging((f"{INDENT}{padded(label, labels)}  ", "dim"), words, width)


def _sites(sites: Sequence[Site]) -> list[Row]:
    if len(sites) > MOST_SITES:
        return [(str(len(sites)), ", ".join(site.name for site in sites))]
    return [(site.name, _site(site)) for site in sites]


def _site(site: Site) -> str:
    said = [] if site.label == site.name.capitalize() else [site.label]
    if site.latitude is not None and site.longitude is not None:
        north, east = "N" if site.latitude >= 0 else "S", "E" if site.longitude >= 0 else "W"
        said.append(f"{abs(site.latitude):g} {north} {abs(site.longitude):g} {east}")
    if site.address is not None:
        said.append(f"at {site.address}, reached by {site.reach}")
    said += ["with an agent"] * site.agent
    said += [f"iperf3 server at port {site.iperf3.port}"] if site.iperf3 else []
    said += [f"HTTP at {site.url}"] if site.url else []
    stamp = site.stamp
    keys = {
        "STAMP": stamp is not None and stamp.key_file,
        "throughput": site.stream_key,
        "requests": site.request_key,
    }
    named = [name for name, key in keys.items() if key]
    said += [f"keys for {', '.join(named)}"] if named else []
    if stamp is not None:
        said += [f"STAMP with DSCP {stamp.dscp}"] if stamp.dscp else []
        said += [f"STAMP of {stamp.octets} octets"] if stamp.octets else []
        said += ["STAMP with PTP stamps"] if stamp.ptp else []
        said += [f"STAMP with {', '.join(stamp.extensions)}"] if stamp.extensions else []
    return ", ".join(said) or "a name"


def _mesh(paths: Sequence[Path]) -> list[Row]:
    if not paths:
        return []
    ends = {site for path in paths for site in (path.near, path.far)}
    rows = [("paths", f"{len(paths)} between {len(ends)} sites, both ways of each pair")]
    modelled = sorted((path.model.rtt_ns, path.name) for path in paths if path.model)
    if modelled:
        (least, near), (most, far) = modelled[0], modelled[-1]
        rows.append(("modelled RTT", f"{_ms(least)} ({near}) to {_ms(most)} ({far})"))
    if len(modelled) < len(paths):
        rows.append(("real", show_count(len(paths) - len(modelled), "path")))
    return rows + _alike("budget", paths, lambda path: "; ".join(budget_words(path.budgets)))


def _models(paths: Sequence[Path]) -> list[Row]:
    return [
        *_alike("delay", paths, delay_words),
        *_alike("link", paths, condition_words),
    ]


def _alike(label: str, paths: Sequence[Path], words: Callable[[Path], str]) -> list[Row]:
    """What is said of paths, once for all of which the same is said, which are named where that is not so of all."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(words(path), []).append(path.name)
    groups.pop("", None)
    rows: list[Row] = []
    for said, names in groups.items():
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        whole = len(names) == len(paths)
        words_of_it = said if whole else f"{', '.join(names[:MOST_NAMES])}{more}: {said}"
        rows.append(("" if rows else label, words_of_it))
    return rows


def _work(work: Workload) -> str:
    streams = f"over {show_count(work.streams, 'stream')}"
    if work.kind == "data set":
        files = f" in {show_count(work.files, 'file')}" if work.files > 1 else ""
        return f"a data set of {show_octets(work.octets)}{files}, {streams}"
    if work.kind == "checkpoint":
        every = f"every {show_duration(work.every_ns)}, {work.rounds} times"
        return f"a checkpoint of {show_octets(work.octets)} {every}, {streams}"
    whole = sum(each.share for each in work.mix)
    mix = [
        f"{show_figure(100 * each.share / whole, 3)} % ask {show_octets(each.request_octets)} for "
        f"{show_octets(each.response_octets)}"
        for each in work.mix
    ]
    lasts = show_duration(work.duration_ns)
    return f"inference, {show_figure(work.rate_per_s)} requests/s for {lasts}: {'; '.join(mix)}"


def _meter(meter: Meter) -> Iterator[Row]:
    read = "a recording" if meter.is_recording else f"read every {show_duration(meter.interval_ns)}"
    yield meter.name, f"{meter.address}, {read}: {meter.total} over {meter.equipment}"
    for said in budget_words(meter.budgets):
        yield "", said


def _plan(target: Target) -> Iterator[Row]:
    plan = target.plan
    if not target.paths:
        yield "meters", f"read for {show_duration(plan.duration_ns)}"
        return
    for probe in plan.probes:
        yield probe, _probe(probe, plan)
    rest = [f"calibration {show_duration(plan.calibration_ns)}"] if target.emulated else []
    if plan.tolerance_ns is not None:
        rest.append(f"tolerance {show_duration(plan.tolerance_ns)}")
    rest += [f"an answer is awaited for {show_duration(plan.timeout_ns)}", f"seed {plan.seed}"]
    yield "besides", ", ".join(rest)
    yield "takes", f"about {duration_words(seconds_of(target))}"


def _probe(probe: str, plan: Plan) -> str:
    if probe == "workload":
        return show_count(len(plan.workloads), "workload")
    if probe in SINGLE:
        as_packets = SINGLE[probe][2]
        rate = plan.rate_per_s if as_packets else plan.http_rate_per_s
        lasts = plan.duration_ns if as_packets else plan.http_duration_ns
        when = f"{plan.schedule.words()}, sent {SENT[plan.schedule.pacing]}"
        return f"{show_figure(rate)}/s for {show_duration(lasts)}, {when}"
    each = f"{show_duration(plan.load_duration_ns)} each"
    if probe == "udp":
        fast = show_bit_rate(plan.udp_rate_bps) if plan.udp_rate_bps else "as fast as both ends can"
        return f"{fast} up, and down, {plan.udp_payload_octets} octets a datagram, {each}"
    streams = show_count(plan.streams, "stream")
    window = f", windows of {show_octets(plan.window_octets)}" if plan.window_octets else ""
    way = f"{plan.stream_mode}, {plan.congestion}{window}"
    beside = f"{show_figure(plan.load_rate_per_s)} round trips/s beside it"
    return f"{streams} up, down, and both ways, {each}, {way}; {beside}"


def _ms(ns: int) -> str:
    return f"{ns / 1e6:.2f} ms"
