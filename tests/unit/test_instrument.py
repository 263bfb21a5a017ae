"""The instrument's own error, from samples made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.instrument import Gauges, instrument_of
from benchkit.emulators.line import LineReport
from benchkit.linux.host import CpuTimes
from benchkit.model.place import Path
from benchkit.model.samples import RTT_COLUMNS, Samples, column

US = 1000
PATHS = (Path("a-b", "a", "b", None), Path("a-c", "a", "c", None))
REALTIME = 1_700_000_000_000_000_000


def packets(
    harvest: Harvest,
    path: str,
    phase: str,
    *,
    network_us: range,
    late_us: int = 0,
    host_us: int = 0,
    lost: int | None = None,
    unstamped: int | None = None,
) -> None:
    """One packet for each of these round trips, sent so late, and so much longer as user space saw it."""
    took = np.array(network_us) * US
    numbers = np.arange(len(took))
    gone = np.isin(numbers, [] if lost is None else [lost])
    due = numbers * 1000 * US
    sent = due + late_us * US
    values = {
        "sequence": numbers,
        "due_ns": due,
        "sent_ns": sent,
        "received_ns": sent + took + host_us * US,
        "t1_sched_ns": REALTIME + sent,
        "t1_ns": REALTIME + sent,
        "t2_ns": REALTIME + sent,
        "t3_ns": REALTIME + sent,
        "t4_ns": REALTIME + sent + took,
    }
    answered = {"received_ns", "t2_ns", "t3_ns", "t4_ns"}
    columns = {name: column(values[name], gone & (name in answered)) for name in RTT_COLUMNS}
    ssid = harvest.open_session(path, phase)
    harvest.add(Samples("rtt", path, phase, columns))
    left = ~gone & ~np.isin(numbers, [] if unstamped is None else [unstamped])
    departures = {"ssid": np.full(left.sum(), ssid), "sequence": numbers[left]}
    departures["t3_ns"] = values["t3_ns"][left]
    harvest.add(
        Samples("departures", "", "", {name: column(one) for name, one in departures.items()})
    )


def test_figures_are_nearest_ranks_over_all_paths() -> None:
    harvest = Harvest()
    packets(harvest, "a-b", "floor", network_us=range(1, 51))
    packets(harvest, "a-c", "floor", network_us=range(51, 101))
    packets(harvest, "a-b", "idle", network_us=range(8000, 8060), late_us=7, host_us=30)
    packets(harvest, "a-c", "idle", network_us=range(8000, 8040), late_us=90, host_us=60)
    found = instrument_of(PATHS, harvest, Gauges(), None)
    assert (found.floor_p50_us, found.floor_p99_us) == (50.0, 99.0)
    assert (found.lateness_p50_us, found.lateness_p99_us) == (7.0, 90.0)
    assert (found.host_p50_us, found.host_p99_us) == (30.0, 60.0)
    assert found.unstamped == 0


def test_lost_packets_and_missing_stamps_are_no_figures_and_only_the_latter_are_counted() -> None:
    harvest = Harvest()
    packets(harvest, "a-b", "idle", network_us=range(5), host_us=9, late_us=4, lost=0, unstamped=1)
    packets(harvest, "a-c", "idle", network_us=range(5), host_us=9, late_us=4, unstamped=2)
    found = instrument_of(PATHS, harvest, Gauges(), None)
    assert found.unstamped == 2
    assert (found.host_p50_us, found.host_p99_us) == (9.0, 9.0)
    assert found.lateness_p99_us == 4.0


def test_what_was_not_measured_is_absent() -> None:
    found = instrument_of(PATHS, Harvest(), Gauges(), None)
    figures = {name: value for name, value in vars(found).items() if value is not None}
    assert figures == {
        "stamps": "kernel",
        "unstamped": 0,
        "line_drops": 0,
        "clock_steps": 0,
        "collector_pauses": 0,
    }


def test_pauses_of_the_collector_are_counted_over_all_processes() -> None:
    harvest = Harvest()
    for pauses in ([3000, 9000], [5000]):
        harvest.add(Samples("collector", "", "", {"took_ns": column(pauses)}))
    found = instrument_of(PATHS, harvest, Gauges(), None)
    assert (found.collector_pauses, found.collector_longest_us) == (3, 9.0)


def test_the_line_is_quoted_where_there_is_one() -> None:
    report = LineReport(packets=100, dropped=4, realtime=True, bin_ns=2000, lateness=(60, 39, 1))
    found = instrument_of(PATHS, Harvest(), Gauges(), report)
    assert (found.line_lateness_p50_us, found.line_lateness_p99_us) == (2.0, 4.0)
    assert (found.line_realtime, found.line_drops) == (True, 4)
    # The kernel's emulator counts drops and knows nothing of its lateness.
    kernel = instrument_of(PATHS, Harvest(), Gauges(), LineReport(packets=100, dropped=4))
    assert (kernel.line_lateness_p99_us, kernel.line_realtime, kernel.line_drops) == (None, None, 4)


def test_the_shares_of_the_processor_are_those_between_the_readings() -> None:
    gauges = Gauges(CpuTimes(10_000, 5000, 1000), CpuTimes(10_400, 5100, 1008))
    found = instrument_of(PATHS, Harvest(), gauges, None)
    assert (found.cpu_busy_percent, found.cpu_steal_percent) == (75.0, 2.0)
    half = Gauges(CpuTimes(10_000, 5000, 1000), None)
    assert instrument_of(PATHS, Harvest(), half, None).cpu_busy_percent is None


@pytest.mark.parametrize(
    ("step", "counted"), [(999, 0), (-999, 0), (1000, 1), (-1000, 1), (10**12, 1)]
)
def test_a_step_of_the_clock_counts_from_its_least_size_in_both_directions(
    step: int, counted: int
) -> None:
    gauges = Gauges()
    gauges.count_step(5000, 5000 + step, 1000)
    gauges.count_step(5000, 5000, 1000)
    assert gauges.clock_steps == counted
