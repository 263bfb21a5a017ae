"""The report as a file, as a reader has it: from disk, without a network, by mouse and by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from opened_pages import Open
from playwright.sync_api import expect

from benchkit.campaign.publishing import html_of
from benchkit.store import read_run

PUBLISHED = Path(__file__).parents[2] / "results" / "published" / "guizhou"
PERCENTILES = "#path-1-percentiles"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(html_of(PUBLISHED, read_run(PUBLISHED)), encoding="utf-8")
    return file.as_uri()


def test_it_is_drawn_accessible_and_asks_for_nothing(opened: Open, report: str) -> None:
    found = opened(report)
    found.page.wait_for_selector("html[data-drawn]")
    figures = found.page.locator("[data-chart]").count()
    assert found.page.locator(".plot svg").count() == figures > 8
    found.check_everywhere("report")
    assert found.asked == [report]


def test_charts_tell_when_hovered_hide_a_series_and_zoom(opened: Open, report: str) -> None:
    found = opened(report)
    page = found.page
    page.wait_for_selector("html[data-drawn]")
    chart = page.locator(PERCENTILES)
    chart.scroll_into_view_if_needed()
    chart.locator(".plot path[aria-roledescription=point]").first.hover(force=True)
    expect(page.locator("#vg-tooltip-element")).to_contain_text("percentile")
    lines = chart.locator("path[aria-roledescription='line mark']")
    before = lines.count()
    button = chart.locator("[data-series]").first
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(lines).to_have_count(before - 1)
    button.click()
    expect(lines).to_have_count(before)
    shape = lines.first.get_attribute("d")
    chart.locator("[data-zoom=in]").click()
    expect(lines.first).not_to_have_attribute("d", shape or "")
    chart.locator("[data-zoom=all]").click()
    expect(lines.first).to_have_attribute("d", shape or "")


def test_a_chart_is_zoomed_by_dragging_and_saved_as_a_picture(opened: Open, report: str) -> None:
    page = opened(report).page
    page.wait_for_selector("html[data-drawn]")
    chart = page.locator("#path-1-time")
    chart.scroll_into_view_if_needed()
    line = chart.locator("path[aria-roledescription='line mark']").first
    shape = line.get_attribute("d") or ""
    box = chart.locator(".plot svg").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=5)
    page.mouse.up()
    expect(line).not_to_have_attribute("d", shape)
    for kind, signature in (("svg", b"<svg"), ("png", b"\x89PNG")):
        with page.expect_download() as saving:
            chart.locator(f"[data-save={kind}]").click()
        assert Path(saving.value.path()).read_bytes().startswith(signature)


def test_charts_along_one_axis_are_zoomed_together(opened: Open, report: str) -> None:
    page = opened(report).page
    page.wait_for_selector("html[data-drawn]")
    marks = "path[aria-roledescription='rect mark']"

    def places() -> list[str | None]:
        """Where the loads are shaded, in both charts."""
        keys = ("#path-1-time", "#path-1-goodput", "#path-1-tcp-window")
        charts = [page.locator(key) for key in keys]
        lefts = [(chart.locator(marks).first.bounding_box() or {"x": 0})["x"] for chart in charts]
        assert max(lefts) - min(lefts) < 1  # one above the other
        return [chart.locator(marks).last.get_attribute("d") for chart in charts]

    before = places()
    assert len(before) == 3
    page.locator("#path-1-goodput [data-zoom=in]").click()
    expect(page.locator("#path-1-time").locator(marks).last).not_to_have_attribute(
        "d", before[0] or ""
    )
    assert all(now != then for now, then in zip(places(), before, strict=True))
    page.locator("#path-1-time [data-zoom=all]").click()
    expect(page.locator("#path-1-goodput").locator(marks).last).to_have_attribute(
        "d", before[1] or ""
    )


def test_tables_sort_and_copy(opened: Open, report: str) -> None:
    found = opened(report)
    page = found.page
    page.wait_for_selector("html[data-drawn]")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    table = page.locator("#figures")
    column = table.locator("thead th").nth(5)

    def values() -> list[float]:
        cells = table.locator("tbody tr td:nth-child(6)").all_inner_texts()
        return [float(cell) for cell in cells if cell]

    column.locator("button").click()
    assert values() == sorted(values())
    column.locator("button").click()
    assert values() == sorted(values(), reverse=True)
    page.locator("[data-copy=figures]").click()
    expect(page.locator("[data-copy=figures]")).to_have_text("copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines()[0].split("\t")[:2] == ["path", "metric"]
    assert len(copied.splitlines()) == table.locator("tr").count()


def test_the_keyboard_reaches_everything(opened: Open, report: str) -> None:
    page = opened(report).page
    page.wait_for_selector("html[data-drawn]")
    wanted = page.locator("button:visible, a:visible, [tabindex='0']:visible").count()
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(() => { const all = [...document.querySelectorAll('*')];"
                " return all.indexOf(document.activeElement); })()"
            )
        )
    assert len(reached) >= wanted
    page.locator("#theme").focus()
    before = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    page.keyboard.press("Enter")
    after = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert {before, after} == {"light", "dark"}


def test_it_prints_light_and_without_buttons(opened: Open, report: str) -> None:
    found = opened(report, scheme="dark")
    found.page.wait_for_selector("html[data-drawn]")
    found.page.emulate_media(media="print")
    assert found.page.locator("[data-zoom]:visible").count() == 0
    ground = found.page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert ground == "light"
    found.shot("report-print")
