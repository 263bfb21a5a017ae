"""The ratio of two energy counters: resets, gaps, its interval, and what is judged."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.metering import meter_record
from benchkit.errors import TargetError
from benchkit.model.meter import MICRO
from benchkit.model.samples import Samples, column
from benchkit.reports.provenance import counted
from benchkit.stats.energy_ratio import energy_ratio
from benchkit.targets import load_target


def counters(*readings: tuple[float, float] | None) -> tuple[Any, Any]:
    absent = [each is None for each in readings]
    pairs = [each or (0, 0) for each in readings]
    return tuple(column([round(pair[at] * MICRO) for pair in pairs], absent) for at in (0, 1))  # type: ignore[return-value]


def test_a_recording_too_short_for_an_interval_says_how_many_rows_it_takes() -> None:
    (meter,) = load_target("guizhou-pue").meters

    def judged(address: str, *readings: tuple[int, int]) -> str:
        harvest = Harvest()
        total, equipment = counters(*readings)
        rows = {"at_ns": column(range(len(readings))), "total_micro": total}
        harvest.add(Samples("energy", meter.name, "ratio", {**rows, "equipment_micro": equipment}))
        found = meter_record(replace(meter, address=address), harvest, Circumstances())
        assert counted([found]) == "1 meter"
        assert found.verdict == "inconclusive"
        return found.verdicts[0].reason

    few = "ratio was measured over too few independent samples for an interval: "
    assert judged("a.csv", (0, 0), (12, 10), (25, 20)) == (
        f"{few}give a recording with more rows, at least 4 where there were 3 rows"
    )
    assert judged("http://a", (0, 0), (12, 10), (25, 20)) == (
        f"{few}measure longer with --duration, at least 4 where there were 3 readings"
    )
    assert judged("a.csv", (0, 0)) == (
        "too few readings for a ratio: give a recording with more rows, at least 4 where there was 1 row"
    )
    assert judged("a.csv", (0, 0), (1, 0), (2, 0), (3, 0), (4, 0)) == (
        "the counter of the IT equipment did not rise, so there is no ratio: see that it counts"
    )
    spread = [(0, 0), (11, 10), (23, 20), (34, 30), (47, 40)]
    assert "for sure; give a recording with more rows: about " in judged("a.csv", *spread)


def test_a_report_says_how_often_a_counter_fell() -> None:
    (meter,) = load_target("guizhou-pue").meters
    harvest = Harvest()
    total, equipment = counters((0, 0), (12, 10), (1, 1), (13, 11))
    rows = {"at_ns": column(range(4)), "total_micro": total, "equipment_micro": equipment}
    harvest.add(Samples("energy", meter.name, "ratio", rows))
    setup = meter_record(meter, harvest, Circumstances()).metrics[0].setup
    assert setup is not None
    recorded = meter_record(replace(meter, address="a.csv"), harvest, Circumstances())
    assert "; a counter fell once, at row 3, and" in str(recorded.metrics[0].setup)
    assert setup.endswith(
        "; a counter fell once, at reading 3, and the stretches in which it did are left out"
    )


def test_the_report_of_an_exporter_names_it_without_its_password() -> None:
    (meter,) = load_target("guizhou-pue").meters
    harvest = Harvest()
    total, equipment = counters((0, 0), (12, 10))
    rows = {"at_ns": column([5, 31 * 10**9]), "total_micro": total, "equipment_micro": equipment}
    harvest.add(Samples("energy", meter.name, "ratio", rows))
    there = replace(meter, address="http://me:secret@exporter:9400/metrics?token=secret")
    setup = meter_record(there, harvest, Circumstances()).metrics[0].setup
    assert setup is not None
    assert setup.endswith("read from http://exporter:9400/metrics, over 31 s")


def test_a_reset_leaves_its_stretch_out_of_both_counters() -> None:
    # 1.2 throughout; between 20 and 5 the exporter restarted, and nobody knows what it counted before.
    found = energy_ratio(*counters((12, 10), (24, 20), (6, 5), (18, 15), (30, 25), (42, 35)))
    assert found.interval is not None
    assert found.interval.value == pytest.approx(1.2)
    assert found.interval.high == pytest.approx(1.2)
    assert (found.n, found.resets, found.gaps) == (4, 1, 0)


def test_a_gap_costs_nothing_for_counters_count_on() -> None:
    whole = energy_ratio(*counters((0, 0), (13, 10), (24, 20), (36, 30), (49, 40)))
    with_gap = energy_ratio(*counters((0, 0), (13, 10), None, (36, 30), (49, 40)))
    assert whole.interval
    assert with_gap.interval
    assert whole.interval.value == with_gap.interval.value
    assert (with_gap.n, with_gap.gaps) == (3, 1)


def test_too_little_gives_no_ends_and_no_equipment_no_ratio() -> None:
    found = energy_ratio(*counters((0, 0), (1.2, 1)))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (-math.inf, math.inf)
    assert energy_ratio(*counters((0, 0), (5, 0), (9, 0), (12, 0))).interval is None
    assert energy_ratio(*counters()).interval is None


def test_the_interval_holds_the_ratio_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    inside = 0
    for _ in range(400):
        used = random.uniform(5, 15, 40)
        facility = used * random.normal(1.18, 0.05, 40)
        total, equipment = np.cumsum(facility) * MICRO, np.cumsum(used) * MICRO
        found = energy_ratio(column(np.r_[0, total]), column(np.r_[0, equipment])).interval
        assert found is not None
        inside += found.low <= 1.18 <= found.high
    assert 0.91 <= inside / 400 <= 0.99


@pytest.mark.parametrize(("ratio", "verdict"), [(1.15, "pass"), (1.3, "fail")])
def test_the_documented_ratio_is_judged(ratio: float, verdict: str) -> None:
    (meter,) = load_target("guizhou-pue").meters
    harvest = Harvest()
    total, equipment = counters(*((ratio * n, n) for n in range(9)))
    rows = {"at_ns": column(range(9)), "total_micro": total, "equipment_micro": equipment}
    harvest.add(Samples("energy", meter.name, "ratio", rows))
    record = meter_record(meter, harvest, Circumstances())
    assert record.verdict == verdict
    assert record.verdicts[0].fact == "guizhou-2024:pue"
    assert record.verdicts[0].limit == 1.2


def test_a_meter_judges_ratios_and_a_path_does_not(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(
        'schema = 1\ntitle = "t"\n[[meter]]\nname = "m"\naddress = "m.csv"\ntotal = "a"\nequipment = "b"\n'
        '[[meter.budget]]\nmetric = "rtt"\nlimit = "1 ms"\n'
    )
    with pytest.raises(TargetError, match=r"'rtt' is what a \[\[path\]\] measures, and no meter"):
        load_target(str(file))
