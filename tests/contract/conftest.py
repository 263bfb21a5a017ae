"""An emulator by its name, and the emulation that most tests of the contract share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from emulated import Emulated, emulated
from natures import NATURES, SHARED, Nature

from benchkit.linux import process
from benchkit.linux.privilege import may_make_namespaces

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to `.ci/test-contract` what makes namespaces in this very process, where it may not."""
    ours = [item for item in items if HERE in item.path.parents]
    if ours and not may_make_namespaces():
        reason = "makes namespaces by itself: run as root, or in a user namespace as .ci/test-contract does"
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=reason))


@cache
def start_once() -> None:
    """Have what outlives every emulation, the server of processes, started before anything is counted."""
    process.warm_up(["benchkit.probes.door", "benchkit.emulators.line"])
    starter = process.start(time.sleep, 0, netns=None, name="a first one")
    starter.join(20.0)


@pytest.fixture(scope="module", params=list(NATURES))
def name(request: pytest.FixtureRequest) -> str:
    why_not = NATURES[request.param].missing()
    if why_not:
        pytest.skip(f"{request.param} cannot run here: {why_not}")
    start_once()
    return str(request.param)


@pytest.fixture(scope="module")
def nature(name: str) -> Nature:
    return NATURES[name]


@pytest.fixture(scope="module")
def shared(name: str) -> Iterator[Emulated]:
    """Three paths from one site, built once."""
    with emulated(name, SHARED) as running:
        yield running
