"""Energy counters: read from an exporter that restarts and falls silent, or from a file."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.metering import check_recordings, meter_record
from benchkit.cli import cli
from benchkit.errors import AskedWronglyError, MeasureError
from benchkit.model.meter import MICRO
from benchkit.model.samples import Samples, concatenate
from benchkit.model.spec import EnergySpec
from benchkit.probes.energy import energy, selected
from benchkit.stats.energy_ratio import energy_ratio
from benchkit.targets import load_target
from benchkit.testbeds.certificates import make_certificates

MS = 1_000_000


@contextmanager
def exporter(
    *answers: tuple[float, float] | None, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
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
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
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


def test_what_tls_complains_of_is_told_as_that(tmp_path: Path) -> None:
    (folder,) = make_certificates(tmp_path, ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    for tls, said in (
        (None, "it does not speak TLS; if it has no certificate, write http://"),
        (
            context,
            r"its certificate is not trusted \(unable to get local issuer certificate\); add",
        ),
    ):
        with exporter(tls=tls) as address, pytest.raises(MeasureError, match=said):
            read(spec_of(address.replace("http:", "https:")))


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
