"""A target narrowed and changed by the command line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchkit.campaign.question import Changes, narrowed
from benchkit.errors import AskedWronglyError
from benchkit.model.meter import Meter
from benchkit.model.place import Iperf3Server, Path, Site
from benchkit.model.target import Plan, Target

PLAN = Plan(
    duration_ns=10,
    rate_per_s=500,
    http_duration_ns=5,
    http_rate_per_s=50,
    load_duration_ns=4,
    load_rate_per_s=100,
    calibration_ns=2,
    timeout_ns=1,
    tolerance_ns=1,
    seed=7,
)
PATHS = tuple(Path(f"a-{far}", "a", far, None) for far in "bcd")
TARGET = Target("three", "Three", "Do they?", (), PATHS, PLAN, "digest")


def test_no_changes_leave_a_target_as_it_is() -> None:
    assert narrowed(TARGET, Changes()) == TARGET


@pytest.mark.parametrize(
    ("changes", "plan"),
    [
        (Changes(duration_ns=30), replace(PLAN, duration_ns=30)),
        (Changes(rate_per_s=0.5), replace(PLAN, rate_per_s=0.5)),
        (Changes(seed=0), replace(PLAN, seed=0)),
        (Changes(probes=["tcp", "rtt"]), replace(PLAN, probes=("tcp", "rtt"))),
    ],
)
def test_a_change_changes_that_alone(changes: Changes, plan: Plan) -> None:
    assert narrowed(TARGET, changes) == replace(TARGET, plan=plan)


def test_only_the_paths_asked_for_stay_each_once_and_in_the_targets_order() -> None:
    found = narrowed(TARGET, Changes(paths=["a-d", "a-b", "a-d"]))
    assert found == replace(TARGET, paths=(PATHS[0], PATHS[2]))


def test_a_path_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(
        AskedWronglyError, match=r"^path a-x: .* three has no such path; it has a-b, a-c, a-d$"
    ):
        narrowed(TARGET, Changes(paths=["a-b", "a-x"]))


def test_of_many_paths_some_are_named_and_the_nearest() -> None:
    many = tuple(Path(f"a-far{each}", "a", f"far{each}", None) for each in range(9))
    with pytest.raises(AskedWronglyError, match=r"a-far5 and 3 more; did you mean 'a-far7'\?$"):
        narrowed(replace(TARGET, paths=many), Changes(paths=["a-far77"]))


@pytest.mark.parametrize("mode", ["copy", "verify"])
@pytest.mark.parametrize(("probes", "far"), [(["tcp"], "c"), (["tcp"], "b"), (["tcp", "udp"], "b")])
def test_an_iperf3_server_verifies_nothing(mode: str, probes: list[str], far: str) -> None:
    sites = (
        Site("a", "A"),
        Site("b", "B", address="192.0.2.1", iperf3=Iperf3Server(5201)),
        Site("c", "C", address="192.0.2.2"),
    )
    target = replace(TARGET, sites=sites)
    changes = Changes(paths=[f"a-{far}"], probes=probes, stream_mode=mode)
    if (mode, far) != ("verify", "b"):
        assert narrowed(target, changes).plan.stream_mode == mode
        return
    with pytest.raises(
        AskedWronglyError,
        match=r"a-b: stream mode verify: b is an iperf3 server.*--stream-mode copy",
    ):
        narrowed(target, changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            Changes(probes=["tcp"], rate_per_s=9),
            "--rate is for rtt, .* tcp: ask for --probe tcp --probe rtt, or",
        ),
        (
            Changes(probes=["udp"], streams=2),
            "--streams is for tcp, .* udp: ask for --probe udp --probe tcp",
        ),
        (Changes(probes=["rtt"], congestion="bbr"), "--congestion is for tcp"),
        (
            Changes(probes=["tcp"], duration_ns=9),
            r"--duration is for rtt, .* tcp: change `load_duration` in the target's \[plan\]; or ask for --probe tcp --probe rtt,",
        ),
        (
            Changes(probes=["http", "request"], longest_ns=9),
            "--until-decided .* change `http_duration` in",
        ),
        (Changes(probes=["rtt", "tcp"], udp_rate_bps=0), "--udp-rate is for udp, .* rtt and tcp"),
    ],
)
def test_what_no_probe_of_the_plan_takes_is_not_passed_over(changes: Changes, said: str) -> None:
    with pytest.raises(AskedWronglyError, match=said):
        narrowed(TARGET, changes)


def test_fewer_sites_leave_the_meters_as_they_are_unless_paths_are_named() -> None:
    hall = Meter("hall", "counters.csv", "total", "equipment", 1)
    target = replace(TARGET, sites=tuple(map(Site, "abcd", "abcd")), meters=(hall,))
    two = narrowed(target, Changes(sites=2))
    assert ([path.name for path in two.paths], two.meters) == (["a-b"], (hall,))
    assert narrowed(target, Changes(sites=2, paths=["a-b"])).meters == ()
    with pytest.raises(AskedWronglyError, match="not among the paths of the first 2 sites"):
        narrowed(target, Changes(sites=2, paths=["a-d"]))
