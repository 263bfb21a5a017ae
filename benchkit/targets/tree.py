"""Looking at a file's tree as it was written: what has another shape than was due is passed over, for `schema` tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchkit.targets.positions import Location

Table = dict[str, Any]


def tables_in(within: Table, location: Location) -> Iterator[tuple[Location, Table]]:
    """The well-shaped elements of the array whose key is the location's last."""
    found = within.get(str(location[-1]))
    for index, table in enumerate(found if isinstance(found, list) else []):
        if isinstance(table, dict):
            yield (*location, index), table


def table_in(within: Table, key: str) -> Table:
    """The table of that key; an empty one where there is none."""
    found = within.get(key)
    return found if isinstance(found, dict) else {}


def text_in(within: Table, key: str) -> str | None:
    """The text of that key, or None."""
    found = within.get(key)
    return found if isinstance(found, str) else None
