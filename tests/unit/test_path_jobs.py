"""What runs at the near end of a path in a phase."""

from __future__ import annotations

import pytest

from benchkit.campaign import phases
from benchkit.campaign.path_jobs import jobs
from benchkit.campaign.phases import Phase
from benchkit.campaign.reach import Reach
from benchkit.model.bulk_spec import Iperf3Spec
from benchkit.model.place import Iperf3Server, Path
from benchkit.model.schedule import Schedule, read_schedule
from benchkit.model.spec import HttpSpec
from benchkit.model.target import Plan

S = 1_000_000_000


@pytest.mark.parametrize("words", ["periodic", "poisson", "bursts of 3"])
@pytest.mark.parametrize("name", ["up", "http", "http-fresh"])
def test_requests_follow_the_schedule_of_the_plan_alone_and_beside_a_load(
    name: str, words: str
) -> None:
    schedule = read_schedule(words)
    plan = Plan(S, 500, S, 50, S, 100, S, S, None, seed=9, schedule=schedule)
    path = Path("a-b", "a", "b", None)
    phase = Phase(name, "", (path,), S, 50)
    far = Reach("a", "192.0.2.1", url="http://192.0.2.1:8080/", stream_port=8620)
    found = [spec for _, spec in jobs(path, phase, plan, far, lambda *_: 1).values()]
    (requests,) = [spec for spec in found if isinstance(spec, HttpSpec)]
    assert requests.schedule == Schedule(schedule.kind, schedule.burst, seed=9)
    assert requests.fresh == (name in {phases.UP, "http-fresh"})


def test_an_iperf3_server_is_asked_for_what_the_plan_says_of_streams() -> None:
    plan = Plan(
        S, 500, S, 50, S, 100, S, S, None, congestion="reno", congestion_asked=True, streams=3, stream_mode="copy",
        window_octets=70_000,
    )  # fmt: skip
    path = Path("a-b", "a", "b", None)
    far = Reach("a", "192.0.2.1", "none", iperf3=Iperf3Server(5202))
    found = jobs(path, Phase("down", "", (path,), S, 0), plan, far, lambda *_: 1)["bulk"][1]
    assert found == Iperf3Spec(
        "a-b", "down", "192.0.2.1", 5202, S, "down",
        streams=3, congestion="reno", window_octets=70_000, mode="copy",
    )  # fmt: skip
