"""From a checked file to a frozen Target, with its model computed and its oddities told as warnings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as FilePath

from pydantic import ValidationError

from benchkit.clock import NS_PER_MS
from benchkit.errors import TargetError
from benchkit.model.meter import Meter
from benchkit.model.place import Budget, Path, Site, great_circle_km
from benchkit.model.target import METRICS, Fact, Plan, Target
from benchkit.targets.agent_keys import key_complaints, key_of, key_warnings
from benchkit.targets.crosschecks import cross_complaints
from benchkit.targets.documents import Library
from benchkit.targets.files import TomlFile, read_toml
from benchkit.targets.folders import seed_folders
from benchkit.targets.iperf3_site import host_of, iperf3_server
from benchkit.targets.limits import HAS_PERCENTILES, USUAL_PERCENTILE, limit_of
from benchkit.targets.mesh import meshed, pairs_of
from benchkit.targets.path_models import model_of
from benchkit.targets.problems import causes, complaints_of
from benchkit.targets.schema import BudgetTable, MeterTable, PathTable, SiteTable, TargetTable
from benchkit.targets.schema import SharedModelTable as Shared
from benchkit.targets.stamp_table import stamp_complaints


def read_target(path: FilePath) -> Target:
    """Read a target file. Raises TargetError with everything that is wrong with it and its seeds."""
    file = read_toml(path)
    library = Library(seed_folders(path))
    complaints = cross_complaints(file.tree, library)
    table = None
    try:
        table = TargetTable.model_validate(file.tree)
    except ValidationError as error:
        complaints += complaints_of(error, TargetTable)
    if table is not None:
        complaints += stamp_complaints([site.stamp for site in table.site], path.parent)
        complaints += key_complaints(table.site, path.parent)
    if complaints or library.problems or table is None:
        raise TargetError(*file.worded(causes(complaints)), *library.problems)
    return _target(file, table, library)


def _question(title: str, paths: Sequence[Path], meters: Sequence[Meter]) -> str:
    """What a target asks that does not say: of a promise only where there is a budget."""
    if any(path.budgets for path in paths) or any(meter.budgets for meter in meters):
        return f"{title}: does it keep its promise?"
    return f"{title}: how does it perform?"


def _target(file: TomlFile, table: TargetTable, library: Library) -> Target:
    sites = tuple(_site(site, file.path.parent) for site in table.site)
    named = {site.name: site for site in sites}
    paths = _paths(table, named, library)
    meters = tuple(_meter(meter, library) for meter in table.meter)
    name = re.sub(r"[^a-z0-9]+", "-", file.path.stem.lower()).strip("-")  # it names runs
    return Target(
        name=name or "target",
        title=table.title,
        question=table.question or _question(table.title, paths, meters),
        sites=sites,
        paths=paths,
        plan=_plan(table),
        digest=file.digest,
        context=tuple(
            (citation, fact.figure, fact.words)
            for citation in table.context
            for fact in (_fact(library, citation),)
        ),
        warnings=(
            *key_warnings(table.site, file.path.parent),
            *(warning for path in paths for warning in _warnings(path)),
        ),
        documents=library.documents,
        meters=meters,
    )


def _site(site: SiteTable, folder: FilePath) -> Site:
    return Site(
        name=site.name,
        label=site.label or site.name.capitalize(),
        latitude=site.latitude,
        longitude=site.longitude,
        address=host_of(site.address),
        reach=site.reach,
        url=site.url,
        agent=site.agent,
        http_port=site.http_port,
        stream_port=site.stream_port,
        iperf3=iperf3_server(site.address, site.iperf3_user, site.iperf3_key, folder),
        stamp=site.stamp.options(folder) if site.stamp else None,
        stream_key=key_of(site.stream_key, folder),
        request_key=key_of(site.request_key, folder),
    )


def _meter(table: MeterTable, library: Library) -> Meter:
    return Meter(
        name=table.name,
        address=table.address,
        total=table.total,
        equipment=table.equipment,
        interval_ns=table.every,
        budgets=tuple(_budget(budget, library) for budget in table.budget),
    )


def _paths(table: TargetTable, sites: dict[str, Site], library: Library) -> tuple[Path, ...]:
    """Those that are listed, and the mesh's. Between two sites with an address or an agent a path is a real one."""
    shared = table.defaults.model
    usual = tuple(_budget(budget, library) for budget in table.defaults.budget)
    listed = [_path(path, shared, sites, library) for path in table.path]

    def between(near: str, far: str) -> Path:
        real = all(sites[end].address or sites[end].agent for end in (near, far))
        table = PathTable.model_validate({"from": near, "to": far, "real": real})
        return replace(_path(table, shared, sites, library), budgets=usual)

    judged = [path if path.budgets else replace(path, budgets=usual) for path in listed]
    return meshed(judged, pairs_of(table.mesh, tuple(sites)), between)


def _path(table: PathTable, shared: Shared, sites: dict[str, Site], library: Library) -> Path:
    distance = great_circle_km(sites[table.near], sites[table.far])
    return Path(
        name=table.name or f"{table.near}-{table.far}",
        near=table.near,
        far=table.far,
        model=None if table.real else model_of(table, shared, distance),
        budgets=tuple(_budget(budget, library) for budget in table.budget),
        great_circle_km=distance,
    )


def _budget(table: BudgetTable, library: Library) -> Budget:
    figure = _fact(library, table.fact).figure if table.fact else table.limit or ""
    reading = (table.reading or "round trip") if table.metric == "rtt" else ""
    # What is promised one way may take twice as long there and back.
    times = 2 if reading == "one way" else 1
    judged = table.percentile or USUAL_PERCENTILE
    return Budget(
        metric=table.metric,
        limit=limit_of(table.metric, figure) * times,
        unit=METRICS[table.metric][0],
        percentile=judged if table.metric in HAS_PERCENTILES else "",
        fact=table.fact,
        reading=reading,
    )


def _fact(library: Library, citation: str) -> Fact:
    fact = library.fact(citation)
    if fact is None:  # its document is broken, which was told before
        raise LookupError(citation)
    return fact


def _plan(target: TargetTable) -> Plan:
    table = target.plan
    return Plan(
        duration_ns=table.duration,
        rate_per_s=table.rate,
        http_duration_ns=table.http_duration,
        http_rate_per_s=table.http_rate,
        load_duration_ns=table.load_duration,
        load_rate_per_s=table.load_rate,
        calibration_ns=table.calibration,
        timeout_ns=table.timeout,
        tolerance_ns=table.tolerance,
        probes=_probes(target),
        seed=table.seed,
        congestion=table.congestion,
        congestion_asked="congestion" in table.model_fields_set,
        schedule=replace(table.schedule, pacing=table.pacing),
        streams=table.streams,
        stream_mode=table.stream_mode,
        window_octets=table.window or 0,
        udp_rate_bps=table.udp_rate,
        udp_payload_octets=table.udp_payload,
        workloads=tuple(each.workload() for each in target.workload),
    )


def _probes(target: TargetTable) -> tuple[str, ...]:
    """Those of the plan; whoever writes a workload wants it measured."""
    asked = target.plan.probes
    return asked if "workload" in asked or not target.workload else (*asked, "workload")


def _warnings(path: Path) -> list[str]:
    """What physics forbids is odd, not wrong: coordinates are of a city, and a link may be no fibre."""
    if path.floor_ns is None:
        return []
    floor = path.floor_ns / NS_PER_MS
    beyond = f"below the {floor:.2f} ms that light in fibre needs on the great circle"
    found = []
    if path.model and path.model.rtt_ns < path.floor_ns:
        rtt = path.model.rtt_ns / NS_PER_MS
        found.append(f"path {path.name}: the model's round trip of {rtt:.2f} ms is {beyond}")
    found += [
        f"path {path.name}: the {budget.metric} budget of {budget.limit:.2f} ms is {beyond}"
        for budget in path.budgets
        if budget.unit == "ms" and budget.limit < floor
    ]
    return found
