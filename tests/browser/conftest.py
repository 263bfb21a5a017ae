"""A real browser: the system's Chromium, driven by Playwright; skipped with a reason where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from opened_pages import SIZES, Open, Opened, watch
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")  # while Playwright runs, no other test can have an event loop
def browser() -> Iterator[Browser]:
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        reason = "no Chromium here: apt-get install chromium"
        if os.environ.get("BENCHKIT_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield found
        found.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open an address in a window of its own; at the end the console must have been silent."""
    contexts: list[tuple[Any, Opened]] = []

    def open_page(address: str, *, scheme: str = "light", size: str = "desk") -> Opened:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True
        )
        found = Opened(context.new_page())
        contexts.append((context, found))
        watch(found)
        found.page.goto(address)
        return found

    yield open_page
    for context, found in contexts:
        context.close()
        assert found.complaints == []
