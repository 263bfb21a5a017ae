"""A page in a browser under test: what it complains of, what it asks for, and what must hold of every page."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Kept by CI: what a reviewer looks at.
USUAL_SCREENSHOTS = "dist/screenshots"
SCREENSHOTS = Path(os.environ.get("BENCHKIT_SCREENSHOTS", USUAL_SCREENSHOTS))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
GRAVE = ("serious", "critical")


@dataclass
class Opened:
    """A page, what its console complained of, and what it asked the network for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def shot(self, name: str) -> None:
        """Keep a picture."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def check_accessible(self) -> None:
        """Let axe-core find no serious violation."""
        found = Axe().run(self.page).response["violations"]
        grave = [
            f"{each['id']}: {node['html'][:150]} ({node.get('failureSummary', '')[:200]})"
            for each in found
            if each["impact"] in GRAVE
            for node in each["nodes"]
        ]
        assert not grave, "\n".join(grave[:10])

    def check_everywhere(self, name: str) -> None:
        """See the page light and dark, at a desk and on a phone: as wide as the window, accessible, and kept as pictures."""
        for size, (width, height) in SIZES.items():
            self.page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)
                self.check_width()
                self.shot(f"{name}-{size}-{scheme}")
                self.check_accessible()

    def check_width(self) -> None:
        """See that nothing but what scrolls by itself is wider than the window."""
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0


Open = Callable[..., Opened]


def watch(found: Opened) -> None:
    """Note what its console says and what it asks for."""

    def heard(message: Any) -> None:
        # "Infinite extent" is Vega's word for a layer whose every series is hidden.
        if message.type in {"error", "warning"} and "Infinite extent" not in message.text:
            found.complaints.append(message.text)

    found.page.on("console", heard)
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on("request", lambda request: found.asked.append(request.url))
