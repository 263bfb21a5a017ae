"""On which line of a TOML text each key stands: no TOML reader tells.

Only for texts that `tomllib` has read, and only to word an error: where the scan loses its way it keeps
what it has, and the reader gets the line of the table around the key.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections import Counter
from contextlib import suppress

Location = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t]|#[^\n]*)*")
_BLANK_LINES = re.compile(r"(?:\s|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})|"(?:\\.|[^"\\\n])*"|'[^'\n]*\'''',
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}#\n]+")


def key_lines(text: str) -> dict[Location, int]:
    r"""The line of every key, table and array element, by its path; array elements count from 0.

    >>> key_lines("[[site]]\nname = 'a'\n")["site", 0, "name"]
    2
    """
    scan = _Scan(text)
    # Lines are a courtesy: a part of them is better than an error about an error.
    with suppress(LookupError, RecursionError):
        scan.document()
    return scan.lines


def line_of(lines: dict[Location, int], location: Location) -> int:
    """The line of a key, or of the nearest table around it that was written."""
    while location and location not in lines:
        location = location[:-1]
    return lines.get(location, 1)


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Location, int] = {}
        self.sizes: Counter[Location] = Counter()  # elements so far of each [[array of tables]]
        self.ends = [match.start() for match in re.finditer("\n", text)]

    def document(self) -> None:
        table: Location = ()
        self.take(_BLANK_LINES)
        while self.at < len(self.text):
            if self.skipped("[["):
                table = self.next_element(self.dotted_key())
                self.at += 2
            elif self.skipped("["):
                table = self.within_arrays(self.dotted_key())
                self.note(table)
                self.at += 1
            else:
                self.pair(table)
            self.take(_BLANK_LINES)

    def next_element(self, key: Location) -> Location:
        array = (*self.within_arrays(key[:-1]), key[-1])
        self.note(array)
        self.sizes[array] += 1
        element = (*array, self.sizes[array] - 1)
        self.note(element)
        return element

    def within_arrays(self, key: Location) -> Location:
        """A header speaks of the last element of each array on its way."""
        path: Location = ()
        for part in key:
            path = (*path, part)
            if path in self.sizes:
                path = (*path, self.sizes[path] - 1)
        return path

    def pair(self, table: Location) -> None:
        start = self.at
        path = table
        for part in self.dotted_key():
            path = (*path, part)
            self.note(path, start)
        if not self.skipped("="):
            raise LookupError
        self.take(_BLANK)
        self.value(path)

    def dotted_key(self) -> Location:
        parts: list[str] = []
        while True:
            self.take(_BLANK)
            word = self.take(_KEY)
            if not word:
                raise LookupError
            parts.append(next(iter(tomllib.loads(f"{word}=0"))) if word[0] in "\"'" else word)
            self.take(_BLANK)
            if not self.skipped("."):
                return tuple(parts)

    def value(self, path: Location) -> None:
        if self.skipped("["):
            self.members(path, "]")
        elif self.skipped("{"):
            self.members(path, "}")
        elif not (self.take(_STRING) or self.take(_BARE)):
            raise LookupError

    def members(self, path: Location, end: str) -> None:
        index = 0
        self.take(_BLANK_LINES)
        while not self.skipped(end):
            if end == "]":
                self.note((*path, index))
                self.value((*path, index))
            else:
                self.pair(path)
            index += 1
            self.take(_BLANK_LINES)
            self.skipped(",")
            self.take(_BLANK_LINES)

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found.group()

    def skipped(self, mark: str) -> bool:
        here = self.text.startswith(mark, self.at)
        self.at += len(mark) if here else 0
        return here

    def note(self, path: Location, at: int | None = None) -> None:
        self.lines.setdefault(path, bisect_left(self.ends, self.at if at is None else at) + 1)
