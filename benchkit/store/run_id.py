"""What a run is called: when, what, and a token that keeps two of one second apart."""

from __future__ import annotations

import re
from datetime import UTC, datetime

PARTIAL_PREFIX = ".partial-"
STAMP_LENGTH = len("20261123T101500Z")
_ID = re.compile(r"\d{8}T\d{6}Z-[^/\0]+")
_TARGET_LENGTH = 40


def new_run_id(target: str, when: datetime, token: str) -> str:
    """An id such as 20261123T101500Z-guizhou-4f2a: safe as a file name, and in the order of time.

    >>> new_run_id("Guizhou", datetime(2026, 11, 23, 10, 15, tzinfo=UTC), "4f2a")
    '20261123T101500Z-guizhou-4f2a'
    """
    return f"{when.astimezone(UTC):%Y%m%dT%H%M%SZ}-{_slug(target)}-{token}"


def is_of_target(name: str, target: str) -> bool:
    """Whether a run of that id measured a target of that name.

    >>> is_of_target("20261123T101500Z-guizhou-4f2a", "guizhou")
    True
    """
    return is_run_id(name) and name[STAMP_LENGTH + 1 :].rpartition("-")[0] == _slug(target)


def _slug(target: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", target.lower())[:_TARGET_LENGTH].strip("-") or "run"


def is_run_id(name: str) -> bool:
    """Whether the name of a directory is that of a run.

    >>> is_run_id("20261123T101500Z-guizhou-4f2a"), is_run_id("20261123T101500Z-../../etc")
    (True, False)
    """
    return _ID.fullmatch(name) is not None
