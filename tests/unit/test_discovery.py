"""By which way a real site is reached: what may not be tried is passed over, and what is silent names its causes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from plans import plan_of

from benchkit.campaign import discovery, stations
from benchkit.campaign.log import Log
from benchkit.campaign.reach import HOST
from benchkit.campaign.stations import NO_AGENTS, Agents
from benchkit.errors import MeasureError, NoWayError, SiteLostError
from benchkit.linux import icmp
from benchkit.model.place import Iperf3Server, Path, Site
from benchkit.model.spec import ConnectSpec, IcmpSpec, StampSpec
from benchkit.model.stamp_options import StampOptions
from benchkit.model.target import Target

FAR = Site("far", "Far", address="192.0.2.1")
OPEN_PORT = 80


class Pretending:
    """A crew to which the site answers by some kinds of probe alone."""

    def __init__(self, *answering: type, at_port: int | None = None) -> None:
        self._answering = answering
        self._at_port = at_port
        self.tried: list[type] = []

    def work(self, jobs: Any, _: float) -> dict[str, MeasureError]:
        if not jobs:
            return {}
        ((name, (_, spec)),) = jobs.items()
        self.tried.append(type(spec))
        answers = isinstance(spec, self._answering)
        if isinstance(spec, ConnectSpec) and spec.port != self._at_port:
            answers = False
        return {} if answers else {name: MeasureError("silent")}


def may_ping(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr(icmp, "may_ping", lambda _: answer)


def found(crew: Pretending, site: Site, at: str = HOST) -> tuple[discovery.Reach, list[str]]:
    said: list[str] = []
    return discovery.find(site, crew, said.append, at), said  # type: ignore[arg-type]


def test_a_ping_that_this_user_may_not_send_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    may_ping(monkeypatch, False)
    crew = Pretending(ConnectSpec, at_port=OPEN_PORT)
    reach, _ = found(crew, FAR)
    assert (reach.probe, reach.port) == ("connect", OPEN_PORT)
    assert IcmpSpec not in crew.tried
    with pytest.raises(
        MeasureError,
        match=r"at far \(192\.0\.2\.1 by STAMP at UDP port 862, TCP at ports 443, 80 and 22; not by ICMP: this user may send no pings: run as root, or allow it with .+\): is",
    ):
        found(Pretending(), FAR)


def test_pings_are_left_out_where_this_user_may_send_none(monkeypatch: pytest.MonkeyPatch) -> None:
    may_ping(monkeypatch, False)
    reach, _ = found(Pretending(StampSpec), FAR)
    assert (reach.can("rtt"), reach.can("icmp")) == (True, False)
    reach, _ = found(Pretending(StampSpec), FAR, "/agent/me")
    assert reach.can("icmp")
    with pytest.raises(
        MeasureError, match=r"far \(not by ICMP: this user may send no pings: .+sysctl"
    ):
        found(Pretending(), replace(FAR, reach="icmp"))


def test_an_iperf3_server_is_used_where_no_round_trip_may_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_ping(monkeypatch, False)
    reach, said = found(Pretending(), replace(FAR, iperf3=Iperf3Server(5201)))
    assert reach.can("tcp")
    assert not reach.can("rtt")
    assert "nothing answers round trips" in said[0]


@pytest.mark.parametrize(("reach", "at"), [("icmp", HOST), ("auto", "/agent/me")])
def test_a_ping_that_was_asked_for_or_is_another_machines_is_tried(
    monkeypatch: pytest.MonkeyPatch, reach: str, at: str
) -> None:
    may_ping(monkeypatch, False)
    crew = Pretending(IcmpSpec)
    assert found(crew, replace(FAR, reach=reach), at)[0].probe == "icmp"


def test_the_kernel_says_who_may_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: str) -> None:
        raise MeasureError("no")

    monkeypatch.setattr(icmp, "echo_socket", refused)
    assert not icmp.may_ping("127.0.0.1")


@pytest.mark.parametrize(
    ("site", "said"),
    [
        (FAR, "where its agent has a --stamp-key and is silent to who has none, its `stamp.key`"),
        (replace(FAR, reach="stamp 8862"), "its `stamp.key`"),
        (
            replace(FAR, stamp=StampOptions("a key")),
            "or give both ends the same key: here it is a key, and an agent tells",
        ),
        (replace(FAR, reach="tcp 443"), "to a TCP port that is open$"),
    ],
)
def test_silence_names_its_causes(monkeypatch: pytest.MonkeyPatch, site: Site, said: str) -> None:
    may_ping(monkeypatch, True)
    with pytest.raises(MeasureError, match=said) as told:
        found(Pretending(), site)
    assert "(its --allow must have who asks)" in str(told.value)


@pytest.mark.parametrize("agent", [True, False])
def test_an_agent_whose_stamp_is_silent_is_told(
    monkeypatch: pytest.MonkeyPatch, agent: bool
) -> None:
    may_ping(monkeypatch, True)
    site = replace(FAR, agent=agent)
    (_, (said,)) = found(Pretending(IcmpSpec), site)
    assert ("does it want a key (`stamp.key`)?" in said) == agent
    assert ("has its --allow who asks" in said) == agent
    (_, (said,)) = found(Pretending(StampSpec), site)
    assert "key" not in said


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        (
            Agents({"guiyang": {}, "shenzhen": {}}),
            "site hangzhou has no address, and the cluster no agent of that name; there are guiyang, shenzhen: start `benchkit agent --site hangzhou --cluster …` there",
        ),
        (Agents({}), "no agent of that name, nor any other: start"),
        (NO_AGENTS, "site hangzhou has no address: give it one, or run with the --cluster"),
    ],
)
def test_a_site_whose_agent_is_missing_is_named(agents: Agents, said: str) -> None:
    path = Path("me-hangzhou", "me", "hangzhou", None)
    sites = (Site("me", "Me"), Site("hangzhou", "Hangzhou", agent=True))
    target = Target("mine", "Mine", "?", sites, (path,), plan_of(1), "digest")
    log, crew = Log(), Pretending()
    crew_of_any: Any = crew
    assert stations.find([path], target, agents, crew_of_any, log, lambda _: None) == {}
    assert said in log.unmeasured[0]
    assert log.unmeasured == log.notes


def test_a_site_that_several_paths_lack_is_told_once_and_noted_of_each() -> None:
    paths = [Path(f"{near}-gone", near, "gone", None) for near in ("a", "b")]
    sites = tuple(Site(name, name) for name in ("a", "b", "gone"))
    target = Target("mine", "M", "?", sites, tuple(paths), plan_of(1), "digest")
    log, crew, said = Log(), Pretending(), []
    crew_of_any: Any = crew
    assert stations.find(paths, target, NO_AGENTS, crew_of_any, log, said.append) == {}
    assert (len(said), len(log.unmeasured)) == (1, 2)


def test_a_report_says_by_what_a_path_without_stamp_was_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_ping(monkeypatch, True)
    path = Path("me-far", "me", "far", None)
    for far, said in (
        (
            replace(FAR, agent=True),
            "me-far: round trips by ICMP; its agent's STAMP answers nothing: does it run, may UDP",
        ),
        (replace(FAR, reach="icmp"), "me-far: round trips by ICMP"),
    ):
        target = Target("mine", "M", "?", (Site("me", "Me"), far), (path,), plan_of(1), "digest")
        log, crew = Log(), Pretending(IcmpSpec)
        crew_of_any: Any = crew
        stations.find([path], target, NO_AGENTS, crew_of_any, log, lambda _: None)
        assert log.notes[0].startswith(said)


def test_who_gives_a_key_gets_no_answer_that_anybody_could_have_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_ping(monkeypatch, True)
    crew = Pretending(IcmpSpec)
    with pytest.raises(MeasureError, match="give both ends the same key"):
        found(crew, replace(FAR, agent=True, stamp=StampOptions("a key")))
    assert IcmpSpec not in crew.tried


class Wayless(Pretending):
    """A crew whose kernel sends nothing to some addresses."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self._addresses = addresses

    def work(self, jobs: Any, _: float) -> dict[str, MeasureError]:
        ((name, (_, spec)),) = jobs.items()
        self.tried.append(type(spec))
        way = spec.address not in self._addresses
        said = f"{name}: no way to {spec.address}: Invalid argument"
        return {name: MeasureError("silent") if way else NoWayError(said)}


def test_an_address_that_nothing_can_be_sent_to_is_not_asked_whether_it_is_up() -> None:
    crew = Wayless("192.0.2.1")
    with pytest.raises(NoWayError) as told:
        found(crew, FAR)
    assert str(told.value) == "far: no way to 192.0.2.1: Invalid argument"
    assert crew.tried == [StampSpec]


def test_one_address_without_a_way_is_named_beside_the_silent_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_ping(monkeypatch, True)
    monkeypatch.setattr(discovery, "addresses", lambda _: ["192.0.2.1", "2001:db8::1"])
    with pytest.raises(MeasureError) as told:
        found(Wayless("2001:db8::1"), FAR)
    assert "TCP at ports 443, 80 and 22; far: no way to 2001:db8::1: Invalid" in str(told.value)


def test_a_size_that_may_be_too_large_for_the_way_is_among_the_causes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_ping(monkeypatch, True)
    large = replace(FAR, agent=True, stamp=StampOptions(octets=1400))
    crew = Pretending(IcmpSpec)
    _, said = found(crew, large)
    assert "do packets of 1400 octets pass (`stamp.size`), or does it want a key" in said[-1]
    with pytest.raises(
        MeasureError, match=r"see that packets of 1400 octets pass \(`stamp.size`\)"
    ):
        found(crew, replace(large, reach="stamp"))


def test_a_near_site_that_is_not_in_the_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    may_ping(monkeypatch, True)
    path, notes = Path("me-far", "me", "far", None), []
    for address in (None, "192.0.2.9"):
        sites = (Site("me", "Me", address=address), FAR)
        target = Target("mine", "M", "?", sites, (path,), plan_of(1), "digest")
        log, crew = Log(), Pretending(IcmpSpec)
        crew_of_any: Any = crew
        stations.find([path], target, Agents({"other": {}}), crew_of_any, log, lambda _: None)
        notes.append(log.notes[0])
    assert "measured from this machine" not in notes[0]
    assert notes[1] == "me-far: measured from this machine: no agent of me is in the cluster"


def test_an_asking_site_that_is_lost_is_no_silence_of_the_far_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_ping(monkeypatch, True)
    crew = Pretending()
    monkeypatch.setattr(
        crew, "work", lambda jobs, _: {name: SiteLostError("site a was lost") for name in jobs}
    )
    with pytest.raises(SiteLostError, match="site a was lost"):
        found(crew, FAR, "/agent/a")
