"""Probes and responders at work, over the real channel, at sites that are threads and do as they are told."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator

import pytest
from acting_sites import (
    FOREVER_S,
    Agent,
    Site,
    batch,
    crew_of,
    fails,
    hangs,
    listens,
    measures,
    spec,
)

from benchkit.campaign import crew as crews
from benchkit.campaign.crew import Crew
from benchkit.errors import MeasureError, SiteLostError, UnfitError
from benchkit.linux.channel import Channel, Sink, SinkAddress
from benchkit.model.samples import Samples


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "TICK_S", 0.005)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "START_TIMEOUT_S", 0.05)
    monkeypatch.setattr(crews, "LATE_TIMEOUT_S", 0.03)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What hanging acts wait for; it comes at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_responders_are_awaited_and_what_all_send_is_heard(release: threading.Event) -> None:
    far = listens(release, 30, 31)
    with crew_of(far=far, near=measures(1, 2, 3), other=measures(11)) as (crew, heard):
        crew.serve("here", spec("far"))
        crew.serve("here", spec("far"))
        crew.await_responders()
        jobs = {"one": ("here", spec("near")), "two": ("here", spec("other"))}
        assert crew.work(jobs, 5) == {}
        assert [one for one in heard if one < 10] == [1, 2, 3]
        assert 11 in heard
        assert crew.wait_for(lambda: heard.count(31) == 2)


def test_a_responder_that_dies_is_told_at_once(
    release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crews, "START_TIMEOUT_S", FOREVER_S)
    dead = fails(UnfitError("ended with signal 9"), connects=False)
    with crew_of(far=listens(release), dead=dead) as (crew, _):
        crew.serve("here", spec("far"))
        crew.serve("here", spec("dead"))
        with pytest.raises(UnfitError, match="signal 9"):
            crew.await_responders()


@pytest.mark.usefixtures("impatient")
def test_a_responder_that_is_never_ready_is_not_waited_for_forever(
    release: threading.Event,
) -> None:
    with crew_of(far=listens(release), slow=hangs(release)) as (crew, _):
        for name in ("far", "slow", "slow"):
            crew.serve("here", spec(name))
        with pytest.raises(UnfitError, match="2 of 3 far ends were not ready"):
            crew.await_responders()


def test_a_job_that_could_not_measure_is_named_and_the_others_count() -> None:
    trouble = MeasureError("nobody there")
    with crew_of(bad=fails(trouble), good=measures(1, 2)) as (crew, heard):
        jobs = {"bad": ("here", spec("bad")), "good": ("here", spec("good"))}
        assert crew.work(jobs, 5) == {"bad": trouble}
        assert sorted(heard) == [1, 2, 7]


def test_a_job_that_dies_is_told_at_once() -> None:
    dead = fails(UnfitError("ended with signal 9"), connects=False)
    with crew_of(dead=dead) as (crew, _), pytest.raises(UnfitError, match="signal 9"):
        crew.work({"dead": ("here", spec("dead"))}, FOREVER_S)


@pytest.mark.usefixtures("impatient")
def test_a_job_that_hangs_is_named(release: threading.Event) -> None:
    with crew_of(slow=hangs(release), good=measures(1)) as (crew, heard):
        jobs = {"good": ("here", spec("good")), "a-b idle rtt": ("here", spec("slow"))}
        with pytest.raises(UnfitError, match="probe of a-b idle rtt was not done after 0 s"):
            crew.work(jobs, 0.05)
        assert heard == [1]


def test_a_responder_that_dies_meanwhile_is_told_though_all_probes_end_well() -> None:
    begun = threading.Event()

    def dies(address: SinkAddress) -> int:
        with Sink(address) as sink:
            sink.ready()
            begun.wait(FOREVER_S)
        raise UnfitError("a process of site b ended with signal 15")

    def outlives(address: SinkAddress) -> int:
        begun.set()
        time.sleep(0.1)
        return measures(1)(address)

    with crew_of(far=dies, near=outlives) as (crew, _):
        crew.serve("here", spec("far"))
        crew.await_responders()
        with pytest.raises(UnfitError, match="signal 15"):
            crew.work({"a-b": ("here", spec("near"))}, 5)


def test_a_defect_is_no_measuring_error() -> None:
    bad = fails(ValueError("a bug"))
    with crew_of(bad=bad) as (crew, _), pytest.raises(ValueError, match="a bug"):
        crew.work({"bad": ("here", spec("bad"))}, 5)


def test_a_job_is_over_when_all_it_sent_has_come() -> None:
    def act(address: SinkAddress) -> int:
        def late() -> None:
            with Sink(address) as sink:
                time.sleep(0.05)
                sink.send(batch(5))

        threading.Thread(target=late, daemon=True).start()
        return 1  # the task is done before its batch has come

    with crew_of(late=act) as (crew, heard):
        assert crew.work({"late": ("here", spec("late"))}, 5) == {}
        assert heard == [5]


@pytest.mark.usefixtures("impatient")
def test_waiting_for_what_does_not_come_ends() -> None:
    with crew_of() as (crew, _):
        assert not crew.wait_for(lambda: False)
        assert crew.wait_for(lambda: True)


def test_draining_takes_what_is_there_and_waits_for_nothing(release: threading.Event) -> None:
    with crew_of(far=listens(release, 1, 2)) as (crew, heard):
        crew.drain()
        assert heard == []
        crew.serve("here", spec("far"))
        while crew._channel.messages.qsize() < 3:
            time.sleep(0.002)
        crew.drain()
        assert heard == [1, 2]


def test_what_dies_at_an_agent_costs_its_own_cell_alone() -> None:
    dead = fails(UnfitError("a process of site b ended with signal 9"))
    with Channel() as channel:
        sites = {"agent": Agent({"dead": dead}), "here": Site({"near": measures(1, 2)})}
        heard: list[Samples] = []
        crew = Crew(sites, channel, heard.append)
        jobs = {"b-a": ("agent", spec("dead")), "a-b": ("here", spec("near"))}
        troubles = crew.work(jobs, 5)
        assert {name: type(error) for name, error in troubles.items()} == {"b-a": SiteLostError}
        assert "ended with signal 9" in str(troubles["b-a"])
        assert len(heard) == 3
        for each in sites.values():
            each.close()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("patience_s", "comes"), [(5.0, True), (0.0, False)])
def test_an_agent_out_of_reach_at_the_end_has_its_patience_to_come_back(
    patience_s: float, comes: bool
) -> None:
    def act(address: SinkAddress) -> int:
        time.sleep(0.5)
        return measures(1)(address)

    with Channel() as channel:
        agent = Agent({"late": act})
        agent.patience_s = patience_s
        heard: list[Samples] = []
        found = Crew({"agent": agent}, channel, heard.append).work(
            {"a-b": ("agent", spec("late"))}, 0.05
        )
        assert {name: type(error) for name, error in found.items()} == (
            {} if comes else {"a-b": SiteLostError}
        )
        assert len(heard) == comes
        agent.close()


def test_an_agent_of_which_nothing_is_heard_is_told() -> None:
    with Channel() as channel:
        gone = Agent({})
        gone.silence = "nothing was heard of it for 3 s"
        sites = {"/agent/b": gone, "/agent/c": Agent({}), "here": Site({})}
        assert Crew(sites, channel, lambda _: None).silent() == {
            "/agent/b": "nothing was heard of it for 3 s"
        }
        for each in sites.values():
            each.close()


def test_probes_that_are_broken_off_tell_what_they_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(address: SinkAddress) -> int:
        with Sink(address) as sink:
            sink.send(batch(1))
            select.select([sink.fileno()], [], [], FOREVER_S)  # until it is told to stop
            sink.send(batch(2))
        return 2

    def interrupt() -> None:
        if heard:
            raise KeyboardInterrupt

    with crew_of(near=act) as (crew, heard):
        monkeypatch.setattr(crew, "_watch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            crew.work({"one": ("here", spec("near"))}, FOREVER_S)
        assert heard == [1]
        crew.drain()
        assert heard == [1, 2]
