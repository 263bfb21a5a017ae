"""Where probes of real paths run, and that what a lost site had not told never passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from round_trip_rows import answers

from benchkit.campaign import reach, summary
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.phases import Phase
from benchkit.campaign.reach import HOST, Reach
from benchkit.campaign.stations import NO_AGENTS, Agents
from benchkit.clock import NS_PER_S
from benchkit.errors import MeasureError
from benchkit.model.place import Budget, Path, Site
from benchkit.model.schedule import PERIODIC
from benchkit.model.spec import RequestSpec
from benchkit.targets import load_target

AGENTS = Agents({"guiyang": {"host": "192.0.2.1", "stamp_port": 862}})


def test_probes_run_at_the_agent_of_their_site_else_here() -> None:
    assert AGENTS.station(Site("guiyang", "Guiyang")) == "/agent/guiyang"
    assert AGENTS.station(Site("me", "Me")) == HOST
    assert NO_AGENTS.station(Site("guiyang", "Guiyang", agent=True)) == HOST


def test_an_agent_that_should_be_there_is_missed() -> None:
    with pytest.raises(MeasureError, match="site hangzhou has no agent in the cluster"):
        AGENTS.station(Site("hangzhou", "Hangzhou", agent=True))


def test_what_an_agent_of_a_cluster_tells_of_itself_is_used() -> None:
    told = {
        "host": "192.0.2.1",
        "stamp_port": 862,
        "stream_key": b"s" * 32,
        "request_key": b"r" * 32,
    }
    target = load_target("guizhou")
    (site, *others) = Agents({"guiyang": told}).acquainted(target).sites
    assert (site.stream_key, site.request_key) == (b"s" * 32, b"r" * 32)
    assert site.url == "http://192.0.2.1:8080/"
    assert not any(each.request_key for each in others)


def test_an_agents_ports_are_those_that_it_tells_or_else_those_of_the_target() -> None:
    told = {"host": "192.0.2.1", "stamp_port": 862, "http_port": 18080, "stream_port": 18620}
    agents = Agents({"guiyang": told})
    target = replace(load_target("guizhou"), sites=(Site("guiyang", "Guiyang"),))
    (site,) = agents.acquainted(target).sites
    assert site.url == "http://192.0.2.1:18080/"
    found = reach.real(site, Reach("here", "192.0.2.1"))
    assert (found.http_port, found.stream_port) == (18080, 18620)
    phase = Phase("request", "", (), NS_PER_S, 10)
    asked = found.probe_of("request", "a-b", phase, NS_PER_S, PERIODIC)
    assert isinstance(asked, RequestSpec)
    assert asked.port == 18621
    forwarded = Site("guiyang", "Guiyang", http_port=80, stream_port=81)
    (site,) = agents.acquainted(replace(target, sites=(forwarded,))).sites
    assert (site.http_port, site.stream_port) == (80, 81)


def judged(missing: dict[tuple[str, str], str]) -> tuple[str, str]:
    harvest = Harvest()
    harvest.open_session("a-b", "idle", ours=False)
    harvest.add(answers("a-b", 400))
    budget = Budget("rtt", 10.0, "ms", "p50")
    under = summary.Circumstances(missing=missing)
    found = summary.path_record(Path("a-b", "a", "b", None, (budget,)), harvest, under)
    return found.verdict, found.verdicts[0].reason


def test_what_was_measured_in_part_never_passes_and_says_why() -> None:
    verdict, _ = judged({})
    assert verdict == "pass"
    verdict, reason = judged({("a-b", "idle"): "site a was lost"})
    assert (verdict, reason) == ("inconclusive", "measured in part: site a was lost")
    verdict, _ = judged({("a-b", "up"): "site a was lost", ("a-c", "idle"): "another path"})
    assert verdict == "pass"


def test_what_was_not_measured_at_all_says_why() -> None:
    under = summary.Circumstances(missing={("a-b", ""): "site a has no agent"})
    budget = Budget("rtt", 10.0, "ms", "p50")
    found = summary.path_record(Path("a-b", "a", "b", None, (budget,)), Harvest(), under)
    assert (found.verdict, found.verdicts[0].reason) == ("inconclusive", "site a has no agent")


def test_what_an_interrupted_run_had_not_come_to_says_so() -> None:
    under = summary.Circumstances(unmeasured="the run was interrupted before this was measured")
    budget = Budget("rtt", 10.0, "ms", "p50")
    found = summary.path_record(Path("a-b", "a", "b", None, (budget,)), Harvest(), under)
    assert found.verdicts[0].reason == "the run was interrupted before this was measured"


def test_agents_of_which_none_is_of_use_are_named_and_not_called_missing() -> None:
    assert Agents({"b": {}, "a": {}}, joined=("a", "b", "c")).greeting == "a, b"
    assert Agents({}).greeting == "no agent has joined it"
    said = Agents({}, joined=("guiyang",)).greeting
    assert said == "guiyang has joined it, but no real path of this target begins or ends there"
    lonely = Agents({}, joined=("guiyang",)).no_address(Site("x", "x"))
    assert "no agent of that name; there is guiyang: start" in str(lonely)
