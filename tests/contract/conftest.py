"""An emulator by its name, and the emulation that most tests of the contract share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import pytest
from emulated import Emulated, emulated
from natures import NATURES, SHARED, Nature

from benchkit.linux import process


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
