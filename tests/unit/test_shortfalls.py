"""What a far end does not take is told with the remedy, and where nothing is left nothing is measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath

import pytest
from click.testing import CliRunner
from plans import plan_of
from real_targets import real_target

from benchkit import cli
from benchkit.campaign import phases, shortfalls
from benchkit.campaign.log import Log
from benchkit.campaign.outline import outline
from benchkit.campaign.reach import Reach
from benchkit.campaign.shortfalls import Shortfall
from benchkit.cli.asking import check_target, say_outline
from benchkit.errors import AskedWronglyError
from benchkit.model.place import Iperf3Server, Path, Site
from benchkit.model.probe import PLAN_PROBES
from benchkit.model.target import Target
from benchkit.model.workload import Workload

NS = 1_000_000
BARE = Site("far", "Far", address="192.0.2.1")
PATH = Path("me-far", "me", "far", None)


def target_of(far: Site, *probes: str, paths: tuple[Path, ...] = (PATH,)) -> Target:
    plan = plan_of(NS, probes=probes)
    sites = (Site("me", "Me"), far, replace(BARE, name="agent", agent=True))
    return Target("mine", "Mine", "Does it?", sites, paths, plan, "digest")


@pytest.mark.parametrize(
    ("far", "left_out"),
    [
        (BARE, {"http", "http-fresh", "http-load", "tcp", "udp", "request", "workload"}),
        (replace(BARE, reach="icmp"), {*PLAN_PROBES} - {"rtt", "icmp"}),
        (replace(BARE, url="https://x/"), {"http-load", "tcp", "udp", "request", "workload"}),
        (replace(BARE, url="http://x/", agent=True), set()),
        (
            replace(BARE, iperf3=Iperf3Server(5201)),
            {"http", "http-fresh", "http-load", "request", "workload"},
        ),
    ],
)
def test_what_can_be_foreseen(far: Site, left_out: set[str]) -> None:
    found = shortfalls.foreseen(target_of(far, *PLAN_PROBES))
    assert {probe for each in found for probe in each.probes} == left_out
    assert all("me-far: " in line for line in shortfalls.lines(found))


def test_a_line_names_the_paths_the_probes_and_the_remedy() -> None:
    paths = tuple(Path(f"{near}-far", near, "far", None) for near in "abcdefghij")
    found = [Shortfall(path, ("tcp", "http", "udp")) for path in paths]
    bulk, web = shortfalls.lines(found)
    assert bulk == (
        "a-far, b-far, c-far, d-far, e-far, f-far, g-far, h-far and 2 more: tcp and udp not measured: site far has "
        "neither `agent = true`, for a `benchkit agent` there, nor an iperf3:// address"
    )
    assert web.endswith('h-far and 2 more: http not measured: site far has no `url = "http://…"`')
    assert set(shortfalls.LACKS) == set(PLAN_PROBES) - {"icmp"}  # which is always sent


def test_a_target_of_which_nothing_can_be_measured_is_asked_wrongly() -> None:
    with pytest.raises(AskedWronglyError, match=r"mine: nothing of it .*: tcp .* `agent = true`"):
        shortfalls.check(target_of(BARE, "tcp"))
    shortfalls.check(target_of(BARE, "rtt", "tcp"))
    shortfalls.check(target_of(replace(BARE, agent=True), "tcp"))
    shortfalls.check(target_of(BARE, "tcp", paths=(PATH, Path("me-agent", "me", "agent", None))))


@pytest.mark.parametrize("in_cluster", [True, False])
def test_work_that_no_target_has_is_asked_wrongly(in_cluster: bool) -> None:
    target = target_of(replace(BARE, agent=True), "rtt", "workload")
    with pytest.raises(AskedWronglyError, match=r"probe workload: it has no \[\[workload\]\]"):
        shortfalls.check(target, in_cluster=in_cluster)
    with_work = replace(target.plan, workloads=(Workload("night", "checkpoint"),))
    shortfalls.check(replace(target, plan=with_work), in_cluster=in_cluster)


@pytest.mark.parametrize(("probes", "is_missed"), [(("rtt", "tcp"), False), (("tcp",), True)])
def test_it_is_noted_and_only_a_path_without_anything_else_is_unmeasured(
    probes: tuple[str, ...], is_missed: bool
) -> None:
    target, log = target_of(BARE, *probes), Log()
    said: list[str] = []
    found = shortfalls.shortfalls([PATH], {"me-far": Reach("me", "192.0.2.1")}, probes)
    shortfalls.settle(found, target, log, said.append)
    assert said == log.notes == list(shortfalls.lines(found))
    assert log.unmeasured == (said if is_missed else [])
    missing = log.ledger.missing(log.harvest, interrupted=False)
    assert {phase for _, phase in missing} == {*phases.LOADED, *([""] if is_missed else [])}


def test_every_probe_has_its_phases() -> None:
    work = Workload("night", "checkpoint")
    plan = plan_of(NS, probes=tuple(PLAN_PROBES), workloads=(work,))
    planned = {phase.name for phase in phases.measuring_phases(plan, (PATH,))}
    assert {name for probe in PLAN_PROBES for name in phases.names_of(probe, plan)} == planned


def test_the_outline_counts_what_will_be_measured() -> None:
    asked = target_of(BARE, "rtt", "tcp")
    (rtt_alone,) = outline(target_of(BARE, "rtt"))
    assert outline(asked) == [rtt_alone]
    assert outline(asked, in_cluster=True) != [rtt_alone]  # an agent may be there


def test_what_is_odd_is_said_once_beside_the_outline(capsys: pytest.CaptureFixture[str]) -> None:
    odd = replace(target_of(BARE, "rtt"), warnings=("slower than usual",))
    check_target(odd, "auto")  # an ordinary user's process does so twice
    assert capsys.readouterr().err == ""
    say_outline([odd])
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "warning: slower than usual"
    assert others == outline(odd)


@pytest.mark.parametrize(
    ("probes", "status", "said"),
    [
        (
            ["rtt", "tcp"],
            0,
            "nor an iperf3:// address (with --cluster its agent tells what it takes)",
        ),
        (["tcp"], 2, "nothing of it can be measured without --cluster: me-far: tcp not measured"),
    ],
)
def test_a_check_of_the_target_tells_it_too(
    tmp_path: FilePath, probes: list[str], status: int, said: str
) -> None:
    sites = {"me": "", "far": 'address = "127.0.0.1"'}
    file = tmp_path / "mine.toml"
    file.write_text(real_target("Mine", sites, [("me", "far")], limit="2 ms", probes=probes))
    done = CliRunner().invoke(cli.cli, ["targets", "check", str(file)])
    assert done.exit_code == status
    assert said in done.output
    if status:
        wrong = CliRunner().invoke(cli.cli, ["run", str(file)]).exception
        assert isinstance(wrong, AskedWronglyError)
        assert said in str(wrong)
