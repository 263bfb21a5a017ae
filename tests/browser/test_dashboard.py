"""The dashboard as a person uses it: filter, open, tick and compare, look back, and watch a run to its verdict."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from commands import quick_target
from opened_pages import Open
from playwright.sync_api import expect
from synthetic_runs import jitter, record_of, run_id, write, write_many

from benchkit.campaign.comparing import StoredRun, compare_runs
from benchkit.campaign.events import CampaignBegan, PathMoved, PhaseBegan, RateMoved, Said
from benchkit.campaign.telling import told
from benchkit.model.record import RunRecord
from benchkit.reports.html import render_comparisons

HOSTILE = "<img src=x onerror=alert(1)>"
PATH = "guiyang-guangzhou"
SITES = ("guiyang", "guangzhou", "shenzhen", "hangzhou", "beijing")


@contextmanager
def serving(results: Path, *options: str) -> Iterator[str]:
    """The real command on any free port; its address."""
    words = ["serve", "--results", str(results), "--bind", ":0", *options]
    with subprocess.Popen(
        [sys.executable, "-m", "benchkit", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("serving on "), line
        yield line.removeprefix("serving on ").strip()
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve runs, of which the newest are slower, and one of every kind that is broken."""
    folder = tmp_path_factory.mktemp("results")
    write_many(folder, range(1, 9))
    write_many(folder, range(9, 18), more_ms=1.2)
    write(folder, 18, jitter(18) + 3.0)
    named = replace(record_of(jitter(19), run_id(19)), name=HOSTILE)
    write(folder, 19, jitter(19), record=named)
    whole = (folder / run_id(1) / "run.json").read_text()
    (folder / run_id(20)).mkdir()
    (folder / run_id(20) / "run.json").write_text("{")
    (folder / run_id(21)).mkdir()
    (folder / run_id(21) / "run.json").write_text(whole.replace('"schema": 1', '"schema": 9', 1))
    (folder / f".partial-{run_id(22)}").mkdir()
    return folder


@pytest.fixture(scope="module")
def address(results: Path) -> Iterator[str]:
    with serving(results) as found:
        yield found


def test_the_list_says_of_each_run_what_it_came_to(opened: Open, address: str) -> None:
    found = opened(address)
    rows = found.page.locator("tbody tr")
    expect(rows).to_have_count(22)
    expect(rows.filter(has_text="newer benchkit")).to_have_count(1)
    expect(rows.filter(has_text="not JSON")).to_have_count(1)
    expect(rows.filter(has_text="unfinished")).to_have_count(1)
    expect(rows.filter(has_text=HOSTILE)).to_have_count(1)
    found.check_everywhere("list")


def test_typing_filters_and_the_address_keeps_it(opened: Open, address: str) -> None:
    page = opened(address).page
    page.get_by_label("verdict").select_option("fail")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("verdict=fail"))
    page.get_by_label("verdict").select_option("")
    page.get_by_label("search").fill("onerror")
    expect(page).to_have_url(re.compile("q=onerror"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.reload()
    expect(page.get_by_label("search")).to_have_value("onerror")
    page.get_by_label("search").fill("nothing of the kind")
    expect(page.get_by_text("No run matches")).to_be_visible()


def test_two_ticked_runs_are_compared(opened: Open, address: str) -> None:
    found = opened(address)
    page = found.page
    expect(page.get_by_role("button", name="compare the ticked runs")).to_be_disabled()
    page.get_by_label("Compare " + run_id(17)).check()
    page.get_by_label("search").fill(run_id(2))  # a tick outlives the filter
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Compare " + run_id(2)).check()
    page.get_by_role("button", name="compare the ticked runs").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("REGRESSION")
    page.wait_for_selector("html[data-drawn]")
    assert page.locator(".plot svg").count() >= 1
    found.check_everywhere("comparison")
    page.get_by_role("link", name="all runs").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()


def test_a_report_and_a_history_open_from_the_list(opened: Open, address: str) -> None:
    found = opened(address, size="phone")
    page = found.page
    page.get_by_role("link", name=run_id(3)).click()
    page.wait_for_selector("html[data-drawn]")
    found.check_width()
    page.go_back()
    page.get_by_role("link", name="history", exact=True).click()
    page.wait_for_selector("html[data-drawn]")
    expect(page.locator("#verdict")).to_contain_text("changed with " + run_id(9))
    found.check_everywhere("history")
    page.get_by_role("link", name="p50", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("p50")


def test_meshes_are_compared_as_a_matrix(opened: Open, tmp_path: Path) -> None:
    base, other = (
        [StoredRun(mesh(run_id(number), more_ms), tmp_path / run_id(number)) for number in numbers]
        for numbers, more_ms in ((range(1, 6), 0.0), (range(6, 11), 0.4))
    )
    comparison = compare_runs(base, other)
    file = tmp_path / "comparison.html"
    file.write_text(render_comparisons([comparison]), encoding="utf-8")
    found = opened(file.as_uri())
    found.page.wait_for_selector("html[data-drawn]")
    squares = found.page.locator("path[aria-roledescription='rect mark']")
    assert squares.count() == len(SITES) * (len(SITES) - 1)
    found.check_everywhere("comparison-mesh")


def mesh(run: str, more_ms: float) -> RunRecord:
    """Every directed path between SITES; the further one's number, the more it is slower."""
    measured = [
        record_of(
            jitter(place + int(run[12:14])) + more_ms * (place % 5), run, path=f"{near}-{far}"
        ).paths[0]
        for place, (near, far) in enumerate(permutations(SITES, 2))
    ]
    return replace(record_of(jitter(1), run), paths=tuple(measured))


def test_what_is_wrong_is_a_page(opened: Open, address: str) -> None:
    found = opened(address)
    for where in (f"runs/{run_id(21)}", "runs/nothing", "compare"):
        response = found.page.goto(address + where)
        assert response is not None
        assert response.status in {400, 404}
        found.check_accessible()
        expect(found.page.get_by_role("link", name="All runs")).to_be_visible()
    found.complaints[:] = [
        each for each in found.complaints if "Failed to load resource" not in each
    ]


def test_a_run_in_progress_is_watched_to_its_verdict(
    opened: Open, address: str, results: Path
) -> None:
    run = run_id(40)
    budgets = ((PATH, "rtt", "p95", 10.0, "ms"),)
    began = CampaignBegan(
        run, "guizhou", "Channels", "2026-11-23T10:40:00+00:00", "none", (PATH,), budgets
    )
    with told(results) as tell:
        tell(began)
        tell(PhaseBegan("round trips, idle", 0, 2, 5.0, 9.0))
        found = opened(address, scheme="dark")
        page = found.page
        page.get_by_role("link", name=run).click()
        expect(page.locator("#state")).to_have_text("running")
        expect(page.locator("#phase")).to_contain_text("1 of 2: round trips, idle")
        for number in range(1, 40):
            figures = {"p50": 8.5, "p95": 8.6 + number / 100, "p99": 9.0}
            tell(PathMoved(PATH, "rtt", "idle", 100 * number, number // 20, figures))
        tell(RateMoved(PATH, "up", 941.0))
        tell(PathMoved(PATH, "http", "up", 20, 0, {"p50": 29.5, "p95": 33.8, "p99": 33.9}))
        tell(Said("<b>a word</b>"))
        row = page.locator("#figures tr").filter(has_text="RTT, idle")
        expect(row).to_contain_text("3900")
        expect(row).to_contain_text("p95 10 ms")
        beside = page.locator("#figures tr").filter(has_text="HTTP, new connection, loaded up")
        expect(beside).to_contain_text("33.8")
        expect(page.locator("#charts canvas").first).to_be_visible()
        expect(page.locator("#said")).to_contain_text("<b>a word</b>")
        found.check_everywhere("live")
        write(results, 40, jitter(40))
        tell.ended(record_of(jitter(40), run))
    expect(page.locator("#state")).to_have_text("PASS")
    page.get_by_role("link", name="open the report").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("PASS")


def test_a_page_whose_server_ends_with_the_run_says_why_and_what_to_do(
    opened: Open, tmp_path: Path
) -> None:
    run = run_id(1)
    began = CampaignBegan(run, "guizhou", "Channels", "2026-11-23T10:01:00+00:00", "none", (PATH,))
    with serving(tmp_path) as address:
        with told(tmp_path) as tell:
            tell(began)
            found = opened(f"{address}live/{run}")
            page = found.page
            record = replace(record_of(jitter(1), run), verdict="unfit", unfit=("it is too busy",))
            write(tmp_path, 1, jitter(1), record=record)
            tell.ended(record)
        expect(page.locator("#why")).to_contain_text("could not be trusted to measure: it is too")
        expect(page.get_by_role("link", name="open the report")).to_be_visible()
        expect(page.locator("#gone")).to_be_hidden()
    expect(page.locator("#gone")).to_contain_text(f"benchkit report {run}")
    expect(page.get_by_role("link", name="history")).to_have_count(0)
    found.check_everywhere("live-gone")
    found.complaints.clear()  # the browser tells of each refused connection


def test_an_address_that_others_reach_needs_the_token_and_says_so(
    opened: Open, results: Path
) -> None:
    with serving(results, "--token", "secret") as address:
        assert address.endswith("?token=secret")
        page = opened(address).page
        expect(page.locator("footer")).to_contain_text("needs the token")
        page.goto(address.split("?")[0])  # the cookie
        expect(page.get_by_role("heading", name="Runs")).to_be_visible()
        stranger = opened(address.split("?")[0])
        expect(stranger.page.get_by_role("heading", level=1)).to_contain_text("401")
        stranger.complaints.clear()  # the browser tells of the 401


@pytest.mark.privileged
def test_a_real_run_is_watched_from_its_first_phase_to_its_verdict(
    opened: Open, tmp_path: Path
) -> None:
    target = quick_target(tmp_path, duration="4 s")
    words = [
        sys.executable,
        "-m",
        "benchkit",
        "run",
        target,
        "--live",
        "--results",
        str(tmp_path / "r"),
    ]
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        watch_run(opened, process)


def watch_run(opened: Open, process: subprocess.Popen[str]) -> None:
    """From its first phase to its verdict, and on when its server has ended with it."""
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    address = next(line for line in lines if line.startswith("live view: ")).split()[-1]
    next(line for line in lines if line.startswith("1/"))
    found = opened(address)
    page = found.page
    expect(page.locator("#figures tr").filter(has_text="RTT, idle")).to_be_visible(timeout=30_000)
    expect(page.locator("#state")).to_have_text("PASS", timeout=30_000)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.startswith("PASS")
    expect(page.locator("#gone")).to_contain_text("benchkit report ")
    expect(page.locator("#why")).to_contain_text("keeps its promise")
    found.complaints.clear()  # the browser tells of each refused connection
