"""A run of hours takes no more memory than one of minutes: what was told is let go of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchkit.linux import pages, timestamping
from benchkit.linux.timestamping import Received, Sent
from benchkit.model.spec import StampSpec
from benchkit.probes import flight, flight_rows
from benchkit.probes.flight_rows import Answer, Rows

MS = 1_000_000
COUNT = 1 << 18
PAGE = 4096


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / (1 << 20)


def test_pages_that_are_given_back_take_no_memory_and_leave_the_rest() -> None:
    values = np.ones(COUNT, dtype=np.int64)
    full = resident_mib()
    pages.give_back(values, COUNT - 100)
    assert full - resident_mib() > 1.5  # of 2
    assert (values[-100:] == 1).all()
    assert not values[1000:-1000].any()
    values[5000] = 7
    assert values[5000] == 7
    values[:10] = 1
    pages.give_back(values, 10)  # less than a page is left alone
    assert (values[:10] == 1).all()


def test_no_page_stays_where_two_pieces_meet() -> None:
    values = np.ones(COUNT, dtype=np.int64)
    full = resident_mib()
    for last in range(1000, COUNT, 1000):  # no piece is a whole number of pages
        pages.give_back(values, last)
    assert full - resident_mib() > 1.9  # of 2: a page at each seam would be 1


def test_what_is_given_back_in_pieces_is_never_made_whole_again() -> None:
    """The kernel's word is taken for it: to see it happen takes minutes."""
    values = np.zeros(4 * COUNT, dtype=np.int64)  # for so many numpy asks for huge pages
    pages.hold_small(values)
    assert "nh" in flags_of(values)
    assert "hg" not in flags_of(values)


def flags_of(values: NDArray[Any]) -> set[str]:
    """What the kernel was told of the memory in the middle of an array."""
    middle = values.ctypes.data + values.nbytes // 2
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if "-" in first:
            low, high = (int(each, 16) for each in first.split("-"))
        elif first == "VmFlags:" and low <= middle < high:
            return set(rest)
    return set()


def test_nothing_that_a_long_session_keeps_is_in_huge_pages() -> None:
    spec = StampSpec("a-b", "idle", "127.0.0.1", 862, 1, 4 * COUNT, MS, 100 * MS)
    rows = Rows(spec, (np.arange(4 * COUNT) + 1) * MS, ("t2_ns",))
    large = {
        name: each
        for name, each in (*vars(rows).items(), *rows.times.items())
        if isinstance(each, np.ndarray) and name != "due"  # written once, and whole
    }
    assert {"sent_ns", "_duplicates", "_far_copies"} <= large.keys()
    for name, each in large.items():
        assert "nh" in flags_of(each), name


def test_rows_that_were_told_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr(flight_rows, "monotonic_ns", lambda: now[0])
    monkeypatch.setattr(flight_rows, "LET_GO", 1024)
    spec = StampSpec("a-b", "idle", "127.0.0.1", 862, 1, COUNT, MS, 100 * MS)
    kept = np.zeros(COUNT, dtype=np.uint64)
    due = (np.arange(COUNT) + 1) * MS
    rows = Rows(spec, due, ("t2_ns",), kept=(kept,))
    told, largest = [], 0.0
    before = resident_mib()
    for first in range(0, COUNT, 4096):
        these = slice(first, first + 4096)
        for name, values in rows.times.items():
            if name not in flight_rows.ARRIVALS or first:  # the first of all are never answered
                values[these] = due[these]
        kept[these] = 1
        now[0] = int(due[these][-1]) + 100 * MS
        batch = rows.settle()
        assert batch is not None
        told.append(batch.columns["received_ns"].filled(0)[[0, -1]])
        largest = max(largest, resident_mib() - before)
    assert rows.finished
    assert rows.answered
    assert largest < 10  # seven columns of 2 MiB
    assert not told[0].any()
    ends = np.concatenate(told[1:])
    expected = [[due[first], due[first + 4095]] for first in range(4096, COUNT, 4096)]
    assert ends.tolist() == np.ravel(expected).tolist()


def test_a_transmit_stamp_finds_its_packet_beside_those_that_were_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel numbers what it took; of ten packets it refuses the first and the fifth."""

    class Codec:
        far_columns: tuple[str, ...] = ()
        kept = ()

        def pack(self, index: int) -> bytes:
            return index.to_bytes(1, "big")

        def read(self, received: Received) -> Answer:
            return Answer(received.payload[0])

    class Socket:
        taken: list[int] = []  # noqa: RUF012

        def send(self, packet: bytes) -> None:
            if packet[0] in {0, 4}:
                raise OSError
            self.taken.append(packet[0])

    class Carrier:
        def receive(self, _: object) -> Iterator[Received]:
            yield from ()

        def transmit_stamps(self, udp: Socket) -> Iterator[Sent]:
            for identity, index in enumerate(udp.taken):
                yield Sent(identity, timestamping.SND, 1000 + index)

    monkeypatch.setattr(timestamping, "are_in_hardware", lambda _: False)
    monkeypatch.setattr(flight.NearClock, "steady", lambda _, stamp, __: stamp)
    spec = StampSpec("a-b", "idle", "127.0.0.1", 862, 1, 10, MS, 100 * MS)
    found = flight._Flight(spec, Codec(), Socket(), Carrier())  # type: ignore[arg-type]
    for index in range(10):
        found.send(index)
    expected = [0 if index in {0, 4} else 1000 + index for index in range(10)]
    assert found.rows.times["t1_ns"].tolist() == expected
