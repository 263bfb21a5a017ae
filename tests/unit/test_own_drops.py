"""Packets that arrived and that this host had no room for: counted apart from what a path loses, and held against none."""

from __future__ import annotations

import socket

import numpy as np
import pytest
from round_trip_rows import MS, answers

from benchkit.campaign import fitness
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.summary import path_record
from benchkit.model.place import Budget, Path
from benchkit.model.samples import DROPPED, Samples, column
from benchkit.model.spec import StampSpec
from benchkit.probes import flight_rows
from benchkit.probes.flight_rows import Answer, Rows
from benchkit.probes.own_drops import OwnDrops


def dropped(count: int) -> Samples:
    return Samples(DROPPED, "", "", {"packets": column(np.array([count]))})


def test_what_a_socket_has_no_room_for_is_counted_once() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        here.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        here.bind(("127.0.0.1", 0))
        here.setblocking(False)
        drops = OwnDrops(here)
        assert drops.untold() is None
        for _ in range(200):
            there.sendto(bytes(64), here.getsockname())
        taken = 0
        while True:
            try:
                here.recv(64)
            except BlockingIOError:
                break
            taken += 1
        told = drops.untold()
        assert told is not None
        assert told.columns["packets"].tolist() == [200 - taken]
        assert 0 < taken < 200
        assert drops.untold() is None


def test_all_that_sockets_told_is_added_up() -> None:
    harvest = Harvest()
    assert harvest.dropped == 0
    for count in (3, 4):
        harvest.add(dropped(count))
    assert harvest.dropped == 7


def test_above_one_in_a_hundred_the_run_is_unfit() -> None:
    assert fitness.dropped_troubles(50, 5000) == []
    (said,) = fitness.dropped_troubles(51, 5000)
    assert said.startswith("51 packets that arrived were dropped by this machine")


def test_one_packet_is_told_in_the_singular() -> None:
    said = fitness.dropped_troubles(1, 10)[0]
    assert said.startswith(
        "1 packet that arrived was dropped by this machine and counts as lost: it is too busy"
    )


@pytest.mark.parametrize(("own", "verdict"), [(0, "fail"), (2, "fail"), (40, "inconclusive")])
def test_no_budget_fails_for_what_may_be_our_own_losses(own: int, verdict: str) -> None:
    harvest = Harvest()
    rows = answers("a-b", 1000)  # of 8 ms
    lost = np.arange(1000) % 10 == 0
    columns = {
        name: column(values.data, np.ma.getmaskarray(values) | lost)
        if name in {"received_ns", "t4_ns", "t2_ns", "t3_ns"}
        else values
        for name, values in rows.columns.items()
    }
    harvest.open_session("a-b", "idle", ours=False)
    harvest.add(Samples("rtt", "a-b", "idle", columns))
    path = Path("a-b", "a", "b", None, (Budget("loss", 1.0, "%", ""),))
    (found,) = path_record(path, harvest, Circumstances(own_drops={"idle": own})).verdicts
    assert found.verdict == verdict
    assert ("dropped by this host" in found.reason) == (verdict == "inconclusive")


def test_an_answer_that_came_in_time_counts_however_late_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0]
    monkeypatch.setattr(flight_rows, "monotonic_ns", lambda: now[0])
    spec = StampSpec("a-b", "idle", "127.0.0.1", 862, 1, 2, 10 * MS, 100 * MS)
    rows = Rows(spec, np.array([10, 20]) * MS, ())
    for index, due in enumerate((10 * MS, 20 * MS)):
        rows.times["sent_ns"][index] = rows.times["t1_ns"][index] = due
    rows.note(Answer(0), 15 * MS, 300 * MS)
    rows.note(Answer(1), 130 * MS, 300 * MS)
    now[0] = 301 * MS
    found = rows.settle()
    assert found is not None
    assert found.columns["received_ns"].tolist() == [300 * MS, None]
