"""One TOML file, read once: its tree, its digest, and the lines to complain about."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchkit.errors import TargetError
from benchkit.targets.folders import shown_path
from benchkit.targets.positions import Location, key_lines, line_of
from benchkit.targets.problems import Complaint, key_text

# Far beyond any question a person would write; who names a disk image by mistake is told so at once.
_MOST_OCTETS = 1 << 20
_MOST_PARTS = 64
_AROUND_KEYS = re.compile(r"[,=\[\]{}]")
# What tomllib says of a key or a table that is there already, and of a quote that is not closed.
_TWICE, _AGAIN = re.compile(r"Cannot declare \((.+?),?\) twice"), "Cannot overwrite a value"
_ARRAY = re.compile(r"\s*\[\[\s*([^\[\]]+?)\s*\]\]")
_OPEN_QUOTE = "Illegal character '\\n'"
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class TomlFile:
    """A file that is good TOML, whatever it says."""

    path: Path
    text: str = field(repr=False)
    tree: dict[str, Any] = field(repr=False)
    digest: str

    def worded(self, complaints: Iterable[Complaint]) -> list[str]:
        """One line for each complaint, with file, line and key, in the order of the file."""
        lines = key_lines(self.text)
        placed = {(line_of(lines, location), location, text): None for location, text in complaints}
        name = shown_path(self.path)
        return [
            f"{name}:{line}: {_prefixed(location, text)}"
            for line, location, text in sorted(placed, key=lambda one: one[0])
        ]


def read_toml(path: Path) -> TomlFile:
    """Read a file. Raises TargetError where it cannot be read or is no TOML."""
    data = _read(path)
    name = shown_path(path)
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TargetError(
            f"{name}:{line}: not UTF-8: octet 0x{data[error.start]:02x}; save the file as UTF-8"
        ) from error
    if (deep := _deep_line(text)) is not None:
        raise TargetError(
            f"{name}:{deep}: a key of more than {_MOST_PARTS} parts: no target has one; name another file"
        )
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{name}:{_syntax(str(error), text)}") from error
    except RecursionError as error:
        raise TargetError(f"{name}:1: arrays too deep in each other: no target has such") from error
    except ValueError as error:
        raise TargetError(
            f"{name}:1: a number of thousands of digits: no target has one"
        ) from error
    return TomlFile(path, text, tree, hashlib.sha256(data).hexdigest())


def _deep_line(text: str) -> int | None:
    """The first line with a dotted key so deep that tomllib, whose time grows with its square, would not come to an end."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(".") > _MOST_PARTS:
            plain = line.partition("#")[0].replace(" ", "").replace("\t", "")
            if any(part.count(".") > _MOST_PARTS for part in _AROUND_KEYS.split(plain)):
                return number
    return None


def _read(path: Path) -> bytes:
    name = shown_path(path)
    try:
        if path.is_dir():
            raise TargetError(f"{name} is a directory; name the .toml file in it")
        if not path.is_file():  # a pipe or a device might never end
            raise TargetError(f"{name} is no regular file; name a .toml file")
        size = path.stat().st_size
        if size > _MOST_OCTETS:
            raise TargetError(
                f"{name} has {size} octets, a target at most {_MOST_OCTETS}; name another file, or write less into it"
            )
        return path.read_bytes()
    except OSError as error:
        raise TargetError(
            f"{name}:1: cannot be read: {error.strerror}; copy it to a file of yours, or have it opened to you (chmod +r)"
        ) from error


def _syntax(said: str, text: str) -> str:
    """Put the line that tomllib puts last first: `12: not TOML: expected '=' (column 5)`."""
    found = _PLACE.search(said)
    what = said[: found.start()] if found else said
    what = what if what.isprintable() else repr(what)
    if found and found.group(1):
        number = int(found.group(1))
        remedy = _remedy(what, text.split("\n")[number - 1])
        return f"{number}: not TOML: {what} (column {found.group(2)}){remedy}"
    return f"{max(1, len(text.splitlines()))}: not TOML: {what} (end of the file)"


def _remedy(what: str, line: str) -> str:
    """What to do about the commonest that tomllib complains of, as the end of a sentence; else nothing."""
    if (twice := _TWICE.fullmatch(what)) is not None:
        table = twice.group(1).replace("'", "").replace(", ", ".")
        return f": put the keys into one [{table}], or where there are several write each as [[{table}]]"
    if what == _AGAIN and (array := _ARRAY.match(line)) is not None:
        return f": there is one [{array.group(1)}] before it: write that with two brackets too"
    if what == _AGAIN:
        return ": that key is there already: leave one of the two"
    return ": close the quote in that line" if what == _OPEN_QUOTE else ""


def _prefixed(location: Location, text: str) -> str:
    return f"{key_text(location)}: {text}" if location else text
