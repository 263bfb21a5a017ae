"""A site whose worker lost its scheduler, and one whose campaign fell silent."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from benchkit.errors import MeasureError, SiteLostError
from benchkit.linux.channel import Message

pytest.importorskip("distributed")

from benchkit.testbeds import cluster_site
from benchkit.testbeds.cluster_executor import Order, Remote
from benchkit.testbeds.cluster_site import BEGUN, OUTCOME, MeasurementAgent

PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def site() -> Iterator[MeasurementAgent]:
    made = MeasurementAgent("there")
    yield made
    made.close()


async def told(site: MeasurementAgent, count: int) -> list[Message]:
    """What it has told from the beginning, once that is so much."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = await site.fetch("campaign", 0)
        if len(found["frames"]) >= count:
            return [pickle.loads(frame) for frame in found["frames"]]  # noqa: S301  our own
        assert time.monotonic() < deadline


def call(seconds: float) -> bytes:
    return pickle.dumps((time.sleep, (seconds,), {}))


def test_a_task_goes_on_when_its_worker_is_lost(site: MeasurementAgent) -> None:
    async def lose_it() -> list[Message]:
        await site.begin("campaign", PATIENCE_S)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(
                site.carry_out("campaign", "one", call(0.3), exclusive=False)
            )
            await told(site, 1)
            waiting.cancel()
        return await told(site, 2)

    found = asyncio.run(lose_it())
    assert [(each.token, each.kind) for each in found] == [("one", BEGUN), ("one", OUTCOME)]
    assert found[1].body == (True, None)


def test_a_lease_waits_for_what_still_runs_of_the_worker_before(site: MeasurementAgent) -> None:
    async def take_it_twice() -> list[Message]:
        await site.begin("campaign", PATIENCE_S)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(site.carry_out("campaign", "one", call(0.3), exclusive=True))
            await told(site, 1)
            first.cancel()
            await site.carry_out("campaign", "two", call(0), exclusive=True)
        return await told(site, 4)

    found = [(each.token, each.kind) for each in asyncio.run(take_it_twice())]
    assert found == [("one", BEGUN), ("one", OUTCOME), ("two", BEGUN), ("two", OUTCOME)]


def test_silence_ends_what_holds_the_lease_before_the_rest(
    site: MeasurementAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_site, "LEASE_PATIENCE_S", 0.2)

    async def fall_silent() -> list[Message]:
        await site.begin("campaign", PATIENCE_S)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(site.carry_out("campaign", "leased", call(20), exclusive=True))
            tasks.create_task(site.carry_out("campaign", "light", call(1), exclusive=False))
        return await told(site, 4)

    outcomes = {
        each.token: each.body for each in asyncio.run(fall_silent()) if each.kind == OUTCOME
    }
    assert outcomes["light"] == (True, None)
    succeeded, error = outcomes["leased"]
    assert not succeeded
    assert "let go of its lease" in str(error)


class KilledWorker(Exception):  # noqa: N818  as Dask calls it
    """A worker died."""


class _Ended:
    status = "error"

    def exception(self, timeout: float) -> Exception:
        assert timeout > 0
        return KilledWorker("a worker died")


@pytest.mark.parametrize(("silent_s", "is_lost"), [(0, True), (5, False)])
def test_only_a_site_that_was_heard_just_now_has_ended(silent_s: int, is_lost: bool) -> None:
    client: Any = None
    remote = Remote(client, "campaign", "there", "tls://192.0.2.1:1", lambda _: None)
    remote.heard_ns -= silent_s * 10**9
    order = Order("order", ())
    remote._orders["order"] = order
    remote._ended(order, _Ended())
    assert order.future.done() == is_lost
    if is_lost:
        assert isinstance(order.future.exception(), MeasureError)


class _Cancelled(_Ended):
    status = "cancelled"

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def exception(self, timeout: float) -> Any:
        assert timeout > 0
        return self._error


@pytest.mark.parametrize("error", [None, RuntimeError("order: scheduler-connection-lost")])
def test_a_scheduler_that_is_gone_is_told_and_no_site_is_blamed(error: Exception | None) -> None:
    client: Any = SimpleNamespace(scheduler=SimpleNamespace(address="tls://192.0.2.9:8786"))
    remote = Remote(client, "campaign", "there", "tls://192.0.2.1:1", lambda _: None)
    remote.heard_ns -= 5 * 10**9
    assert remote.silence
    order = Order("order", ())
    remote._orders["order"] = order
    remote._ended(order, _Cancelled(error))
    lost = order.future.exception()
    assert isinstance(lost, SiteLostError)
    assert "the scheduler at tls://192.0.2.9:8786 was lost" in str(lost)
    assert (lost.site, remote.silence) == ("", "")
