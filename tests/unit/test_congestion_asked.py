"""A congestion control that is asked for: whether it can be had, who is asked for it, and by which one bulk really went."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath
from typing import Self

import pytest
from click.testing import CliRunner
from plans import plan_of
from real_targets import real_target

from benchkit import cli
from benchkit.campaign import congestion, throughput
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.path_jobs import jobs
from benchkit.campaign.phases import Phase
from benchkit.campaign.question import Changes, narrowed
from benchkit.campaign.reach import Reach
from benchkit.errors import AskedWronglyError
from benchkit.linux import congestion_control, tcp
from benchkit.model.bulk_spec import Iperf3Spec
from benchkit.model.place import Direction, Iperf3Server, Path, PathModel
from benchkit.model.samples import Samples, column
from benchkit.model.target import Plan, Target
from benchkit.targets import load_target

MS = 1_000_000
REAL = Path("me-far", "me", "far", None)
MODELLED = replace(REAL, model=PathModel(Direction(MS), Direction(MS)))
OURS = Reach("me", "192.0.2.1", stream_port=8620)
THEIRS = Reach("me", "192.0.2.1", "none", iperf3=Iperf3Server(5201))


def asking(name: str, *, asked: bool = True) -> Plan:
    return plan_of(MS, probes=("tcp",), congestion=name, congestion_asked=asked)


def target_of(plan: Plan, path: Path) -> Target:
    return Target("mine", "Mine", "Does it?", (), (path,), plan, "digest")


def test_the_kernel_tells_what_it_knows_from_what_a_user_may_not_choose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert congestion_control.standing("reno") == "usable"
    assert congestion_control.standing("bbbr") == "unknown"
    assert "reno" in congestion_control.known()

    class Guarded:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def setsockopt(self, *_: object) -> None:
            raise PermissionError

    monkeypatch.setattr(congestion_control.socket, "socket", Guarded)
    assert congestion_control.standing("cubic") == "forbidden"
    monkeypatch.setattr(congestion_control, "AVAILABLE", FilePath("/nowhere"))
    assert congestion_control.known() == ()


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that knows three, of which this user may choose two."""
    known = {"reno": "usable", "bbr": "usable", "cubic": "forbidden"}
    monkeypatch.setattr(congestion_control, "standing", lambda name: known.get(name, "unknown"))
    monkeypatch.setattr(congestion_control, "known", lambda: tuple(known))


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("path", "choice"),
    [(REAL, "take one of reno, bbr"), (MODELLED, "take one of reno, bbr, cubic")],
)
def test_one_that_this_host_does_not_know_is_asked_wrongly(path: Path, choice: str) -> None:
    with pytest.raises(AskedWronglyError, match=f"^congestion control bbbr: .*{choice}$"):
        congestion.check(target_of(asking("bbbr"), path))
    not_sent = replace(asking("bbbr"), probes=("rtt", "udp"))
    assert congestion.check(target_of(not_sent, path)) is None


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("path", "asked", "name", "is_told"),
    [
        (REAL, True, "cubic", True),
        (REAL, False, "cubic", False),
        (MODELLED, True, "cubic", False),
        (REAL, True, "bbr", False),
    ],
)
def test_one_that_this_user_may_not_choose_is_told(
    path: Path, asked: bool, name: str, is_told: bool
) -> None:
    said = congestion.check(target_of(asking(name, asked=asked), path))
    assert (said is not None) == is_told
    if said:
        assert "cubic: this user may not choose it here" in said
        assert "take one of reno, bbr, add it to net.ipv4.tcp_allowed_congestion_control" in said


def test_the_usual_one_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(congestion_control, "standing", lambda _: "unknown")
    said = congestion.check(target_of(asking("cubic"), MODELLED))
    assert said is not None
    assert "cubic: this host does not know it, and bulk from here goes by the system's own" in said


def test_a_run_is_refused_at_once() -> None:
    done = CliRunner().invoke(cli.cli, ["run", "--congestion", "bbbr", "--dry-run"])
    assert isinstance(done.exception, AskedWronglyError)
    assert "this host knows none of that name: take one of " in str(done.exception)
    assert "reno" in str(done.exception)


def test_whoever_writes_one_asks_for_it(tmp_path: FilePath) -> None:
    sites = {"me": "", "far": 'address = "iperf3://192.0.2.1"'}
    for written in ({}, {"congestion": "cubic"}):
        file = tmp_path / "mine.toml"
        file.write_text(real_target("Mine", sites, [("me", "far")], limit="2 ms", **written))
        target = load_target(str(file))
        assert target.plan.congestion_asked == bool(written)
        assert narrowed(target, Changes(congestion="bbr")).plan.congestion_asked


@pytest.mark.parametrize(("asked", "wanted"), [(True, "cubic"), (False, "")])
def test_an_iperf3_server_is_not_asked_for_what_nobody_named(asked: bool, wanted: str) -> None:
    phase = Phase("up", "", (REAL,), MS, 0)
    spec = jobs(REAL, phase, asking("cubic", asked=asked), THEIRS, lambda *_: 1)["bulk"][1]
    assert isinstance(spec, Iperf3Spec)
    assert spec.congestion == wanted


def info(phase: str, name: str) -> Samples:
    return Samples("tcp_info", "me-far", phase, {"at_ns": column([5]), "congestion": column([tcp.word_of(name)])})  # fmt: skip


@pytest.mark.parametrize(
    ("reach", "asked", "sites"),
    [
        (OURS, True, {"far"}),
        (OURS, False, {"far"}),
        (THEIRS, True, {"far"}),
        (THEIRS, False, set()),
    ],
)
def test_the_end_that_sent_by_another_is_told(reach: Reach, asked: bool, sites: set[str]) -> None:
    harvest = Harvest()
    for phase, name in {
        "up": "cubic",
        "down": "bbr",
        "both up": "cubic",
        "both down": "bbr",
    }.items():
        harvest.add(info(phase, name))
    measured = [Phase(name, "", (REAL,), MS, 0) for name in ("idle", "up", "down", "both")]
    asks = asking("cubic", asked=asked), {"me-far": reach}, harvest
    said = [line for phase in measured for line in congestion.strayed(phase, *asks)]
    assert {line.split(" sent bulk by bbr for want of cubic")[0] for line in said} == {
        f"site {site}" for site in sites
    }


def test_a_workload_that_went_by_another_is_told() -> None:
    harvest = Harvest()
    harvest.add(info("work night", "reno"))
    measured = Phase("work night", "", (REAL,), MS, 0)
    (said,) = congestion.strayed(measured, asking("cubic"), {"me-far": OURS}, harvest)
    assert said.startswith("site me sent bulk by reno for want of cubic there: allow it by net.")


@pytest.mark.parametrize(
    ("name", "said"),
    [("bbr", "bbr"), (None, "the server's own congestion control")],
)
def test_a_report_says_what_was_in_force_where_nobody_named_one(
    name: str | None, said: str
) -> None:
    counted = dict.fromkeys(("start_ns", "octets"), column([0, 100, 200]))
    rows = Samples("goodput", "me-far", "down", {**counted, "end_ns": column([100, 200, 300])})
    within = throughput.Setting(REAL, asking("cubic", asked=False), 0, None)
    metric, _ = throughput.goodput(within, "down", rows, info("down", name) if name else None)
    assert metric.setup == f"1 stream, zero-copy here, iperf3 at the far end, {said}"
