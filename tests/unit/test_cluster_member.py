"""What a scheduler says of the sites that come and go."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from benchkit.testbeds.cluster_member import Attendance, pass_over_cut


def test_who_joins_and_who_is_gone_is_said_by_name() -> None:
    said: list[str] = []
    attendance = Attendance(said.append)
    address = "tls://192.0.2.7:4000"
    scheduler = SimpleNamespace(workers={address: SimpleNamespace(name="guiyang")})
    attendance.add_worker(scheduler, address)
    attendance.remove_worker(scheduler, address, stimulus_id="x")
    attendance.remove_worker(scheduler, address, stimulus_id="once more")
    assert said == [f"guiyang joined from {address}", "guiyang is gone"]


@pytest.mark.parametrize(("error", "told"), [(OSError("timed out"), 0), (KeyError("x"), 1)])
def test_of_a_cut_no_traceback_is_shown_and_of_a_defect_one_is(error: Exception, told: int) -> None:
    loop, seen = asyncio.new_event_loop(), []
    loop.default_exception_handler = seen.append  # type: ignore[method-assign]
    pass_over_cut(loop, {"message": "Task exception was never retrieved", "exception": error})
    loop.close()
    assert len(seen) == told
