"""A key that is not its agent's is told before anything is measured, once, and what it opens is left out."""

from __future__ import annotations

from typing import Any

import pytest
from plans import plan_of

from benchkit.campaign import keys, phases
from benchkit.campaign.log import Log
from benchkit.campaign.reach import HOST, NO_PROBE, Reach
from benchkit.errors import KeyRefusedError, MeasureError, ShutError, SiteLostError
from benchkit.model.place import Iperf3Server, Path, Site
from benchkit.model.target import Target

PATH = Path("me-far", "me", "far", None)
THERE = Reach(
    HOST,
    "192.0.2.1",
    url="http://192.0.2.1:8080/",
    stream_port=8620,
    stream_key=b"s" * 32,
    request_key=b"r" * 32,
)


class Asked:
    """A crew that is refused at some doors, and notes what it asked with."""

    def __init__(self, *refusing: str, error: type[MeasureError] = KeyRefusedError) -> None:
        self._refusing = refusing
        self._error = error
        self.shown: dict[str, bytes] = {}

    def work(self, jobs: Any, _: float) -> dict[str, MeasureError]:
        self.shown = {
            name.split()[1]: getattr(spec, "key", b"") for name, (_, spec) in jobs.items()
        }
        return {
            name: self._error(f"{name}: wrong")
            for name in jobs
            if name.split()[1] in self._refusing
        }


def tried(crew: Any, *probes: str, there: Reach = THERE) -> tuple[Reach, Log, list[str]]:
    target = Target("t", "T", "?", (Site("me", "Me"),), (PATH,), plan_of(1, probes=probes), "")
    log, said = Log(), list[str]()
    found = keys.tried([PATH], {PATH.name: there}, target, crew, log, said.append)
    return found[PATH.name], log, said


@pytest.mark.parametrize(
    ("probes", "doors"),
    [
        (["rtt"], {}),
        (["tcp"], {"stream": b"s", "http": b"r"}),  # requests go on beside the load
        (["udp"], {"stream": b"s"}),
        (["request", "http-load"], {"request": b"r", "http": b"r"}),
    ],
)
def test_each_key_is_tried_where_what_it_opens_is_asked(
    probes: list[str], doors: dict[str, bytes]
) -> None:
    crew = Asked()
    reach, log, said = tried(crew, *probes)
    assert {door: key[:1] for door, key in crew.shown.items()} == doors
    assert (reach, said, log.unmeasured) == (THERE, [], [])


@pytest.mark.parametrize("error", [KeyRefusedError, ShutError])
def test_a_refusal_is_told_once_and_its_probes_are_left_out(error: type[MeasureError]) -> None:
    asked = Asked("stream", error=error)
    reach, log, said = tried(asked, "rtt", "tcp", "udp", "request", "http")
    assert said == ["me-far stream: wrong"] == log.unmeasured == log.notes
    assert [each for each in ("tcp", "udp", "request", "http", "rtt") if reach.can(each)] == [
        "request",
        "http",
        "rtt",
    ]
    missing = log.ledger.missing(log.harvest, interrupted=False)
    assert missing["me-far", phases.UP] == "me-far stream: wrong"
    assert ("me-far", phases.UDP_UP) in missing


def test_pages_that_are_refused_are_not_asked_for_beside_a_load_either() -> None:
    reach, _, _ = tried(Asked("http"), "tcp")
    assert (reach.url, reach.can("tcp")) == (None, True)


def test_whatever_else_goes_wrong_may_go_better_when_it_is_measured() -> None:
    reach, log, said = tried(Asked("stream", error=MeasureError), "tcp")
    assert (reach, said, log.unmeasured) == (THERE, [], [])


def test_an_iperf3_server_that_is_gone_is_told_once_and_not_measured() -> None:
    there = Reach(HOST, "192.0.2.1", NO_PROBE, iperf3=Iperf3Server(5201))
    gone = Asked("iperf3", error=MeasureError)
    reach, log, said = tried(gone, "tcp", "udp", there=there)
    assert said == ["me-far iperf3: wrong"] == log.unmeasured
    assert not reach.can("tcp")
    assert not reach.can("udp")
    for free in (Asked(), Asked("iperf3", error=SiteLostError)):
        assert tried(free, "tcp", there=there)[::2] == (there, [])
    assert tried(gone, "rtt", there=there)[2] == []
