"""Figures on the way: counted right, written down, followed to the end, and never in the way of the run."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from sample_records import failing, passing
from synthetic_runs import PATH, jitter, record_of, rtt_samples, run_id, write

from benchkit.campaign.events import (
    CampaignBegan,
    Event,
    PathMoved,
    PhaseBegan,
    RateMoved,
    Said,
)
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.live import MOST_AWAITING, LiveFigures
from benchkit.campaign.telling import end_of, told
from benchkit.cli.progress import Board, progress
from benchkit.model.samples import GOODPUT_COLUMNS, Samples, column
from benchkit.reports.sentences import headline
from benchkit.stats.log_histogram import LogHistogram
from benchkit.store.live import LiveLog, first_event, is_running, live_logs
from benchkit.web.access import Access
from benchkit.web.application import application
from benchkit.web.catalog import Catalog
from benchkit.web.desk import Desk

RUN = run_id(30)
BEGAN = CampaignBegan(RUN, "guizhou", "Channels", "2026-11-23T10:30:00+00:00", "none", (PATH,))


@given(
    st.lists(st.floats(0.001, 1000.0), min_size=1, max_size=300),
    st.integers(0, 50),
    st.sampled_from([0.5, 0.95, 0.99]),
)
@settings(deadline=None)
def test_a_percentile_of_the_histogram_is_the_nearest_rank_to_a_thousandth(
    ms: list[float], lost: int, share: float
) -> None:
    values = np.array([*(each * 1e6 for each in ms), *[math.inf] * lost])
    histogram = LogHistogram()
    histogram.add(values[: len(values) // 2])
    histogram.add(values[len(values) // 2 :])
    exact = float(np.sort(values)[max(1, math.ceil(share * values.size - 1e-9)) - 1])
    found = histogram.percentile_ns(share)
    assert found == exact if math.isinf(exact) else math.isclose(found, exact, rel_tol=1.01e-3)
    assert (histogram.n, histogram.lost) == (values.size, lost)


def test_every_batch_moves_the_figures_of_its_path() -> None:
    heard: list[Event] = []
    figures = LiveFigures(heard.append)
    whole = jitter(1)
    whole[7] = math.inf
    for start in range(0, 2000, 500):
        figures.take(rtt_samples(whole[start : start + 500]))
    moved = [event for event in heard if isinstance(event, PathMoved)]
    assert [event.settled for event in moved] == [500, 1000, 1500, 2000]
    assert moved[-1].lost == 1
    exact = float(np.sort(whole)[math.ceil(0.95 * 2000) - 1])
    assert moved[-1].percentiles_ms["p95"] == pytest.approx(exact, rel=2e-3)


def test_a_batch_waits_for_the_departures_of_its_answers() -> None:
    """What the far host adds between its own stamp and its kernel's is in no figure."""
    heard: list[Event] = []
    harvest = Harvest()
    figures = LiveFigures(heard.append, harvest.departed)
    ssid = harvest.open_session(PATH, "idle")
    rows = rtt_samples(np.full(100, 8.0))
    kernels = rows.columns["t3_ns"].data + 3_000_000  # so late did the answers leave
    for first in (0, 50):
        batch = Samples(
            "rtt", PATH, "idle", {k: v[first : first + 50] for k, v in rows.columns.items()}
        )
        harvest.add(batch)
        figures.take(batch)
    assert not heard
    told = {"ssid": np.full(100, ssid), "sequence": np.arange(100), "t3_ns": kernels}
    harvest.add(Samples("departures", "", "", {name: column(each) for name, each in told.items()}))
    figures.take(batch)  # again, as one that comes later
    moved = [event for event in heard if isinstance(event, PathMoved)]
    assert [event.settled for event in moved] == [50, 100, 150]
    assert moved[-1].percentiles_ms["p95"] == pytest.approx(5.0, rel=2e-3)


def test_answers_whose_departure_is_never_told_hold_nothing_up() -> None:
    heard: list[Event] = []
    harvest = Harvest()
    harvest.open_session(PATH, "idle")
    figures = LiveFigures(heard.append, harvest.departed)
    for _ in range(MOST_AWAITING):
        figures.take(rtt_samples(np.full(10, 8.0)))
    assert not heard  # there is nothing to tell of them
    for _ in range(MOST_AWAITING + 1):  # which need no departure
        figures.take(rtt_samples(np.full(10, math.inf)))
    moved = [event for event in heard if isinstance(event, PathMoved)]
    assert moved[-1].lost == moved[-1].settled == 10 * (MOST_AWAITING + 1)


def test_a_rate_is_told_and_not_kept() -> None:
    columns = dict(
        zip(GOODPUT_COLUMNS, ([0, 10**8], [10**8, 2 * 10**8], [10**6, 10**6]), strict=True)
    )
    rate = Samples("rate", PATH, "up", {name: column(rows) for name, rows in columns.items()})
    heard: list[Event] = []
    LiveFigures(heard.append).take(rate)
    assert heard == [RateMoved(PATH, "up", 80.0)]
    harvest = Harvest()
    harvest.add(rate)
    assert harvest.everything() == []


def test_what_is_told_lies_beside_the_runs_until_the_run_is_kept(tmp_path: Path) -> None:
    with told(tmp_path) as tell:
        tell(BEGAN)
        (log,) = live_logs(tmp_path).values()
        assert first_event(log)["paths"] == [PATH]
        assert is_running(log)
        (row,) = Catalog(tmp_path).look().rows
        assert (row.state, row.run, row.target) == ("running", RUN, "guizhou")
    assert list(tmp_path.iterdir()) == []


def test_one_whose_writer_was_killed_says_so_and_goes_with_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchkit.store.live.SILENCE_NS", 0)
    dead = tmp_path / f".live-{RUN}"
    dead.write_text('{"event":"began"}\n')
    assert not is_running(dead)
    (row,) = Catalog(tmp_path).look().rows
    assert (row.state, "its process ended" in row.trouble) == ("unfinished", True)
    other = LiveLog(tmp_path, run_id(31))
    assert list(live_logs(tmp_path)) == [run_id(31)]
    other.close()


def test_a_first_line_that_is_no_event_is_none(tmp_path: Path) -> None:
    for text in ("", "x", "[]", "[" * 100_000):
        (tmp_path / "log").write_text(text + "\n")
        assert first_event(tmp_path / "log") == {}


def test_a_folder_that_refuses_ends_the_telling_and_not_the_run(tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("no folder")
    with told(file) as tell:
        tell(BEGAN)
        tell(Said("all the same"))
        tell.ended(record_of(jitter(1), RUN))
    assert file.read_text() == "no folder"


def _lines(text: str) -> list[dict[str, Any]]:
    return [
        json.loads(line.removeprefix("data: "))
        for line in text.splitlines()
        if line.startswith("data: ")
    ]


def test_a_watcher_sees_every_event_to_the_verdict_and_goes_on_where_it_was(tmp_path: Path) -> None:
    async def watch() -> tuple[str, str, str]:
        desk = Desk(Catalog(tmp_path), Access("127.0.0.1", 0))
        async with TestClient(TestServer(application(desk), host="127.0.0.1")) as client:
            address = f"/api/live/{RUN}/events"
            with told(tmp_path) as tell:
                tell(BEGAN)
                listed = await (await client.get("/api/live")).text()
                assert json.loads(listed)["live"][0]["run"] == RUN
                response = await client.get(address)
                newest = await client.get("/live")
                assert newest.url.path == f"/live/{RUN}"
                page = await newest.text()
                for number in range(50):
                    tell(Said(f"<b>{number}\n"))
                write(tmp_path, 30, jitter(30))
                tell.ended(record_of(jitter(30), RUN))
                again = await client.get(
                    address, headers={"Last-Event-ID": _behind_first(tmp_path)}
                )
            return await response.text(), await again.text(), page

    whole, resumed, page = asyncio.run(watch())
    events = _lines(whole)
    assert [event["event"] for event in events] == ["began", *["said"] * 50, "ended"]
    assert events[-1]["verdict"] == "pass"
    assert _lines(resumed) == events[1:]
    assert f'data-run="{RUN}"' in page


def _behind_first(results: Path) -> str:
    (log,) = live_logs(results).values()
    return str(len(log.read_bytes().split(b"\n")[0]) + 1)


def test_who_comes_when_the_run_is_kept_is_told_its_verdict(tmp_path: Path) -> None:
    write(tmp_path, 30, jitter(30))

    async def come() -> tuple[str, str, int]:
        desk = Desk(Catalog(tmp_path), Access("127.0.0.1", 0))
        async with TestClient(TestServer(application(desk), host="127.0.0.1")) as client:
            late = await (await client.get(f"/api/live/{RUN}/events")).text()
            page = await client.get(f"/live/{RUN}")
            unknown = await client.get(f"/api/live/{run_id(1)}/events")
            return late, page.url.path, unknown.status

    late, path, unknown = asyncio.run(come())
    assert _lines(late) == [end_of(record_of(jitter(30), RUN))]
    assert path == f"/runs/{RUN}"
    assert unknown == 404


def test_the_end_says_why_as_the_report_does() -> None:
    kept = end_of(passing())
    assert (kept["verdict"], kept["reasons"]) == ("pass", [headline(passing())[1]])
    broken = end_of(failing())
    assert broken["reasons"][0] == headline(failing())[1]
    assert any("beyond" in each for each in broken["reasons"][1:])
    busy = replace(passing(), verdict="unfit", unfit=("late: free a core", "drops: free a core"))
    assert end_of(busy)["reasons"] == [headline(busy)[1], "drops"]


def test_the_board_fits_80_columns_and_says_what_is_lost() -> None:
    board = Board()
    board.take(
        PhaseBegan("round trips, idle, of some paths with rather long words", 1, 9, 5.0, 30.0)
    )
    for number in range(20):
        name = f"a-rather-long-near-site-{number}-and-far-site"
        board.take(PathMoved(name, "rtt", "idle", 5000, 12, {"p50": 8.5, "p95": 8.7}))
    board.take(RateMoved(f"a-rather-long-near-site-{0}-and-far-site", "idle", 941.0))
    console = Console(width=80, force_terminal=False, no_color=True, record=True)
    with console.capture() as capture:
        console.print(board)
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("8.50" in line and "lost" in line for line in lines)
    assert any("8 more" in line for line in lines)


def test_without_a_terminal_each_phase_is_plain_lines_on_stderr_and_figures_come_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = {"p50": 8.5, "p95": 8.6, "p99": 8.7}
    with progress() as observe:
        observe(Said("emulator: none [here]"))
        observe(PhaseBegan("round trips, idle", 0, 3, 3.5, 9.0))
        observe(PathMoved(PATH, "rtt", "idle", 100, 0, figures))
        observe(PathMoved(PATH, "rtt", "idle", 200, 1, figures, is_final=True))
        observe(PathMoved(PATH, "http", "http", 9, 9, {}, is_final=True))
        observe(PathMoved(PATH, "rtt", "idle", 9, 5, {}, is_final=True))
        observe(PathMoved(PATH, "rtt", "up", 9, 9, {}, is_final=True))
        observe(PathMoved(PATH, "http", "up", 9, 9, {}, is_final=True))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "emulator: none [here]",
        "1/3 round trips, idle, 3.5 s",
        f"    {PATH} idle: 200 due, 1 lost, p50 8.50, p95 8.60, p99 8.70 ms",
        f"    {PATH} http: 9 due, 9 lost, no answer",
        f"    {PATH} idle: 9 due, 5 lost, p50 lost",
        f"    {PATH} up: 9 due, 9 lost, no answer",
        f"    {PATH} up, HTTP, new connection: 9 due, 9 lost, no answer",
    ]
