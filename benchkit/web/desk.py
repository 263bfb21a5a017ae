"""What all handlers share: the catalog, pages filled in, and work that is done once and beside the loop."""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import replace
from importlib import resources
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from benchkit import __version__
from benchkit.errors import AskedWronglyError
from benchkit.model.record import RunRecord
from benchkit.reports.figures import clean, short
from benchkit.reports.html import palette
from benchkit.reports.repeating import without_places
from benchkit.store import read_run
from benchkit.web.access import Access
from benchkit.web.catalog import Catalog, Listing

MOST_PAGES, MOST_RECORDS = 32, 1000
# So many of the newest records are read before anybody asks, a few at a time.
WARM, STRIDE = 200, 10
STATICS = {
    "dashboard.css": "text/css",
    "dashboard.js": "text/javascript",
    "live.js": "text/javascript",
    "uPlot.js": "text/javascript",
    "uPlot.css": "text/css",
}


class Desk:
    """One server's work. Runs never change, so what was made of them is kept, the last ones asked for."""

    def __init__(self, catalog: Catalog, access: Access) -> None:
        """Work on this catalog, for those who have access."""
        self.catalog = catalog
        self.access = access
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._records: OrderedDict[str, RunRecord] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def listing(self) -> Listing:
        """The rows, with every run that is there by now."""
        if not self.catalog.is_current:
            await asyncio.to_thread(self.catalog.look)
        return self.catalog.listing

    async def made(self, key: Hashable, make: Callable[[], Any]) -> Any:  # noqa: ANN401  what `make` makes
        """What `make` gives, made once in a thread, one thing at a time."""
        if key not in self._made:
            async with self._one_at_a_time:
                if key not in self._made:
                    self._made[key] = await asyncio.to_thread(make)
        self._made.move_to_end(key)
        while len(self._made) > MOST_PAGES:
            self._made.popitem(last=False)
        return self._made[key]

    def record(self, run: str) -> RunRecord:
        """The record of a run, read once, its command without where files lie on this machine.

        Raises NoSuchRunError, and AskedWronglyError for a damaged one.
        """
        folder = self.catalog.folder(run)
        found = self._records.pop(run, None)  # and back at the end, as the last one asked for
        if found is None:
            found = read_run(folder)
            found = replace(found, command=without_places(found.command))
        self._records[run] = found
        while len(self._records) > MOST_RECORDS:
            self._records.popitem(last=False)
        return found

    def warm(self) -> bool:
        """Read a few more of the newest records, so that a history finds them read; False when all are."""
        rows = [row.run for row in self.catalog.listing.rows if row.state == "kept"][:WARM]
        cold = [run for run in rows if run not in self._records][:STRIDE]
        for run in cold:
            with suppress(AskedWronglyError):
                self.record(run)
        return bool(cold)

    def records(self, target: str, most: int) -> list[RunRecord]:
        """The newest runs of a target that can be read, oldest first."""
        runs = [row.run for row in self.catalog.listing.rows if row.target == target][:most]
        found = []
        for run in reversed(runs):
            try:
                found.append(self.record(run))
            except AskedWronglyError:  # the list says what is wrong with it
                continue
        return found

    def page(self, template: str, **values: Any) -> str:  # noqa: ANN401  whatever the template shows
        """A page of the dashboard."""
        text: str = (
            _templates()
            .get_template(template)
            .render(**values, version=__version__, access=self.access.words)
        )
        return text


DESK = web.AppKey("desk", Desk)


@functools.cache
def static(name: str) -> bytes:
    """One of STATICS. The dashboard's style sheet begins with the colours that reports have too."""
    found = (resources.files("benchkit.web") / "assets" / name).read_bytes()
    return _colours().encode() + found if name == "dashboard.css" else found


def _colours() -> str:
    light, dark = palette.css(palette.LIGHT), palette.css(palette.DARK)
    return (
        f":root{{{light}color-scheme:light}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}color-scheme:dark}}}}\n"
        f":root[data-theme=dark]{{{dark}color-scheme:dark}}\n"
    )


@functools.cache
def static_address(name: str) -> str:
    """Its address, which changes with what is in it."""
    return f"/static/{hashlib.sha256(static(name)).hexdigest()[:12]}/{name}"


@functools.cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("benchkit.web", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["static"] = static_address
    found.filters.update(clean=clean, short=short)
    return found
