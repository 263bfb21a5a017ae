"""Sessions of many real paths share processes; what is heavy, precise or elsewhere does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from benchkit.campaign.sharing import FEW_SESSIONS, MOST_PER_S, MOST_SESSIONS, Job, fanned, shared
from benchkit.clock import NS_PER_S
from benchkit.model.schedule import Schedule
from benchkit.model.spec import FanSpec, HttpSpec, IcmpSpec, StampSpec, TogetherSpec

HOST = "this host"
NOW = 10**12


def stamps(rates: Sequence[int], site: str = HOST) -> dict[str, Job]:
    return {
        f"path {at}": (
            site,
            StampSpec(f"path {at}", "idle", "192.0.2.1", 862, at + 1, 10, NS_PER_S // rate, 1),
        )
        for at, rate in enumerate(rates)
    }


def test_a_few_have_a_process_each() -> None:
    jobs = stamps([100] * FEW_SESSIONS)
    assert shared(jobs, HOST) == jobs


@given(st.lists(st.sampled_from([1, 10, 500, 4000]), min_size=FEW_SESSIONS + 1, max_size=60))
def test_every_session_runs_once_and_no_process_has_too_much(rates: list[int]) -> None:
    jobs = stamps(rates)
    found = list(shared(jobs, HOST).values())
    groups = [spec.sessions for _, spec in found if isinstance(spec, TogetherSpec)]
    assert len(groups) == len(found)
    assert [one for group in groups for one in group] == [spec for _, spec in jobs.values()]
    for group in groups:
        rate = sum(NS_PER_S / one.interval_ns for one in group)
        assert rate <= MOST_PER_S or len(group) == 1


def test_a_thousand_at_10_a_second_fit_one_process_and_one_more_does_not() -> None:
    assert len(shared(stamps([10] * MOST_SESSIONS), HOST)) == 1
    assert len(shared(stamps([10] * (MOST_SESSIONS + 1)), HOST)) == 2


def test_what_is_heavy_precise_or_elsewhere_keeps_its_own() -> None:
    shape = ("idle", "192.0.2.1", 10, NS_PER_S, 1)
    alone: dict[str, Job] = {
        "http": (HOST, HttpSpec("w", "http", "http://192.0.2.1/", 10, NS_PER_S, 1)),
        "precise": (HOST, IcmpSpec("p", *shape, schedule=Schedule(pacing="precise"))),
        "elsewhere": ("guiyang", IcmpSpec("e", *shape)),
    }
    found = shared({**stamps([10] * 20), **alone}, HOST)
    assert {name: found[name] for name in alone} == alone
    assert len(found) == len(alone) + 1


def test_many_slow_sessions_of_an_emulated_site_are_one_fan() -> None:
    jobs = {
        f"{site} {name}": job
        for site in ("guiyang", "zunyi")
        for name, job in stamps([10] * 20, site).items()
    }
    found = fanned(jobs, NOW)
    assert [site for site, _ in found.values()] == ["guiyang", "zunyi"]
    for site, spec in found.values():
        assert isinstance(spec, FanSpec)
        asked = [spec for at, spec in jobs.values() if at == site]
        assert [replace(one, start_ns=0) for one in spec.sessions] == asked
    starts = [{one.start_ns for one in spec.sessions} for _, spec in found.values()]
    assert all(len(each) == 1 for each in starts)
    assert NOW < min(starts[0]) < min(starts[1])


def test_few_fast_and_precise_sessions_keep_their_own() -> None:
    few = stamps([10] * FEW_SESSIONS, "guiyang")
    fast = stamps([500] * 20, "zunyi")
    exact = {
        f"exact {name}": (site, replace(spec, schedule=Schedule(pacing="precise")))
        for name, (site, spec) in stamps([10] * 20, "anshun").items()
        if isinstance(spec, StampSpec)
    }
    jobs: dict[str, Job] = {
        **{f"few {name}": job for name, job in few.items()}, **fast, **exact,
    }  # fmt: skip
    assert fanned(jobs, NOW) == jobs
