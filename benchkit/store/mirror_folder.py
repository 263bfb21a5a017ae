"""Which folder here stands for runs at a URL: made once it has something to hold, and known by name before."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from benchkit.errors import AskedWronglyError

MARK = ".remote"
# What this process was asked for, by the folder that stands for it.
_asked: dict[Path, str] = {}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


def is_url(text: str) -> bool:
    """Whether results are asked to live elsewhere than in a folder.

    >>> is_url("s3://bucket/runs"), is_url("results")
    (True, False)
    """
    return _SCHEME.match(text) is not None


def mirror_of(url: str) -> Path:
    """The folder here that stands for a URL, whether it is there yet or not."""
    url = url.rstrip("/")
    slug = re.sub(r"[^a-z0-9]+", "-", url.lower()).strip("-")[:60]
    token = hashlib.sha256(url.encode()).hexdigest()[:8]
    folder = _state() / "benchkit" / "results" / f"{slug}-{token}"
    _asked[folder] = url
    return folder


def make(results: Path) -> None:
    """Make the folder that stands for a URL, for it is going to hold something; any other is left as it is."""
    url, mark = _asked.get(results), results / MARK
    if url is not None and not mark.exists():
        results.mkdir(parents=True, exist_ok=True)
        mark.write_text(f"{url}\n", encoding="utf-8")


def is_mirror(results: Path) -> bool:
    """Whether the runs of a folder live at a URL."""
    return results in _asked or (results / MARK).exists()


def url_of(results: Path) -> str:
    """Where the runs of a folder live, "" where that is here. Raises AskedWronglyError for a folder that may not be looked into."""
    try:
        return (results / MARK).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return _asked.get(results, "")
    except PermissionError as error:
        raise AskedWronglyError(
            f"{results} cannot be looked into: {error.strerror}: name a folder of yours with --results"
        ) from error


def _state() -> Path:
    given = os.environ.get("XDG_STATE_HOME", "")
    return Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
