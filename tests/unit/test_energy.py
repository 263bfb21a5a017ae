"""Energy counters: read from an exporter that restarts and falls silent, or from a file, and their ratio judged."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.metering import check_recordings, meter_record
from benchkit.cli import cli
from benchkit.errors import AskedWronglyError, MeasureError, TargetError
from benchkit.model.meter import MICRO
from benchkit.model.samples import Samples, column, concatenate
from benchkit.model.spec import EnergySpec
from benchkit.probes.energy import energy, selected
from benchkit.reports.provenance import counted
from benchkit.stats.energy_ratio import energy_ratio
from benchkit.targets import load_target

MS = 1_000_000


@contextmanager
def exporter(*answers: tuple[float, float] | None) -> Iterator[str]:
    """Answers each scrape in turn with these counters; None is an error."""
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = waiting.pop(0)
            if found is None:
                self.send_error(503)
                return
            total, equipment = found
            text = (
                f"# TYPE facility_joules counter\nfacility_joules_total {total}\n"
                f'# TYPE it_joules counter\nit_joules_total{{rack="a"}} {equipment / 4}\n'
                f'it_joules_total{{rack="b"}} {equipment * 3 / 4}\n'
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()


def spec_of(address: str, count: int = 1, **other: Any) -> EnergySpec:
    words = {"total": "facility_joules_total", "equipment": "it_joules_total"} | other
    return EnergySpec(
        "hall", "ratio", address, words["total"], words["equipment"],
        not address.startswith("http"), count, 5 * MS, 1000 * MS,
    )  # fmt: skip


def read(spec: EnergySpec) -> Samples:
    async def work() -> Samples:
        return concatenate([batch async for batch in energy(spec)])

    return asyncio.run(work())


def counters(*readings: tuple[float, float] | None) -> tuple[Any, Any]:
    absent = [each is None for each in readings]
    pairs = [each or (0, 0) for each in readings]
    return tuple(column([round(pair[at] * MICRO) for pair in pairs], absent) for at in (0, 1))  # type: ignore[return-value]


def test_a_scrape_that_fails_is_a_gap_and_series_that_match_are_summed() -> None:
    with exporter((12.0, 10.0), None, (36.0, 30.0)) as address:
        rows = read(spec_of(address, 3))
    assert rows.columns["equipment_micro"].tolist() == [10 * MICRO, None, 30 * MICRO]
    assert rows.columns["total_micro"].tolist() == [12 * MICRO, None, 36 * MICRO]


def test_labels_choose_among_series() -> None:
    assert selected('it_joules_total{rack="b"}') == ("it_joules_total", {"rack": "b"})
    with pytest.raises(ValueError, match="is no series"):
        selected("# nothing")
    with exporter((12.0, 10.0)) as address:
        rows = read(spec_of(address, equipment='it_joules_total{rack="b"}'))
    assert rows.columns["equipment_micro"].tolist() == [7.5 * MICRO]


def test_what_cannot_be_read_at_all_is_told_with_what_is_there(tmp_path: Path) -> None:
    with (
        exporter((1.0, 1.0)) as address,
        pytest.raises(MeasureError, match="it has facility_joules_total, it_joules_total"),
    ):
        read(spec_of(address, total="kwh"))
    with pytest.raises(MeasureError, match="is the exporter running"):
        read(spec_of("http://127.0.0.1:9/metrics"))
    with pytest.raises(MeasureError, match="cannot be read as a recording"):
        read(spec_of(str(tmp_path / "none.csv")))


def test_a_recording_is_read_as_a_whole_with_its_gaps(tmp_path: Path) -> None:
    file = tmp_path / "meters.csv"
    file.write_text("time,facility,it\n0,0,0\n1,1.5,1\n2,,\n3,4.5,3\n")
    rows = read(spec_of(str(file), total="facility", equipment="it"))
    found = energy_ratio(rows.columns["total_micro"], rows.columns["equipment_micro"])
    assert found.interval is not None
    assert found.interval.value == pytest.approx(1.5)
    assert (found.n, found.gaps, found.resets) == (2, 1, 0)
    with pytest.raises(MeasureError, match="has no column kwh; it has time, facility, it"):
        read(spec_of(str(file), total="kwh", equipment="it"))


def test_a_recording_without_the_columns_is_refused_before_anything_is_kept(
    tmp_path: Path,
) -> None:
    file, results = tmp_path / "mine.csv", tmp_path / "results"
    asked = ["run", "guizhou-pue", "--meter", str(file), "--results", str(results)]
    file.write_text("time,it,total\n0,0,0\n1,1,1\n")
    refused = CliRunner().invoke(cli, asked)
    assert isinstance(refused.exception, AskedWronglyError)
    assert refused.exception.exit_code == 2
    assert "it has time, it, total: rename its columns" in str(refused.exception)
    assert not results.exists()
    named = replace(
        load_target("guizhou-pue").meters[0], address=str(file), total="total", equipment="it"
    )
    check_recordings(replace(load_target("guizhou-pue"), meters=(named,)))


def test_a_recordings_times_give_the_report_its_period(tmp_path: Path) -> None:
    (meter,) = load_target("guizhou-pue").meters
    file = tmp_path / "meters.csv"

    def setup_of(first: str, second: str) -> str | None:
        head = f"time,{meter.total},{meter.equipment}\n"
        file.write_text(f"{head}{first},0,0\n{second},12,10\n")
        harvest = Harvest()
        words = {"total": meter.total, "equipment": meter.equipment}
        rows = read(spec_of(str(file), **words))
        harvest.add(Samples("energy", meter.name, "ratio", rows.columns))
        here = replace(meter, address=str(file))
        return meter_record(here, harvest, Circumstances()).metrics[0].setup

    counted = f"{meter.total} over {meter.equipment}, read from {file}"
    dated = f"{counted}, over 1 h 0 min, from 2026-01-01 00:00:00 to 2026-01-01 01:00:00 UTC"
    assert setup_of("2026-01-01T00:00:00Z", "2026-01-01T01:00:00") == dated
    assert setup_of("1767225600", "1767229200") == dated
    assert setup_of("0", "30") == f"{counted}, over 30 s"
    assert setup_of("", "") == f"{counted}, which has no column time: over which time is not known"


def test_a_cell_that_is_none_is_told_with_its_line_its_column_and_what_to_write(
    tmp_path: Path,
) -> None:
    file = tmp_path / "meters.csv"

    def said(*rows: str) -> str:
        file.write_text("\n".join(["time,facility,it", "0,0,0", *rows]))
        with pytest.raises(MeasureError) as told:
            read(spec_of(str(file), total="facility", equipment="it"))
        return str(told.value).removeprefix(f"hall: {file} ")

    assert said("1,2,1", "01/02/2026,4,2") == (
        "line 4, column time: '01/02/2026' is no time: write ISO 8601, such as 2026-01-02T03:04:05Z, or seconds"
    )
    assert said("1,2,abc") == (
        "line 3, column it: 'abc' is no number: write what the counter stood at, or leave the cell empty where it was not read"
    )
    assert said("1,inf,1").startswith("line 3, column facility: 'inf' is no number")
    assert said("5,2,1", ",3,2", "4,4,3") == (
        "line 5: 4 is earlier than the row before: sort the rows by time"
    )


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
