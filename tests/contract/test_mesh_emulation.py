"""A mesh on one wire a site: each way between two sites has its own delay and losses, and no packet goes astray."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from emulated import Emulated, ms, until
from flows import Flow

from benchkit.clock import NS_PER_MS
from benchkit.emulators import choice
from benchkit.emulators.star import is_star
from benchkit.emulators.switch import PAUSE_NS
from benchkit.errors import UnfitError
from benchkit.model.place import Direction, Path, PathModel

pytestmark = pytest.mark.privileged

SITES = ("a", "b", "c", "d")
# How much later than asked the median may come on a machine that has other work too.
MEDIAN_NS = ms(0.3)


def model(near: str, far: str) -> PathModel:
    """Alike for the two paths of a pair, mirrored, and unlike any other pair's."""
    one, other = SITES.index(near), SITES.index(far)
    delays = [Direction(ms(2 + 4 * start + end)) for start, end in ((one, other), (other, one))]
    return PathModel(*delays, rate_bps=100_000_000, buffer_octets=1 << 17)


def mesh() -> list[Path]:
    return [
        Path(f"{near}-{far}", near, far, model(near, far), in_mesh=True)
        for near in SITES
        for far in SITES
        if near != far
    ]


@pytest.fixture(scope="module")
def meshed() -> Iterator[Emulated]:
    reason = choice.why_no_userspace()
    if reason:
        pytest.skip(reason)
    paths = mesh()
    assert is_star(paths)
    with choice.EMULATORS["userspace"](paths, seed=1) as emulation:
        yield Emulated(emulation, paths)


def models_of(meshed: Emulated) -> list[PathModel]:
    return [path.model for path in meshed.paths if path.model is not None]


def test_every_way_has_its_own_delay(meshed: Emulated) -> None:
    meshed.apply(*models_of(meshed))
    forward = [(at, False) for at in range(len(meshed.paths))]

    def check(flows: list[Flow]) -> None:
        for path, flow in zip(meshed.paths, flows, strict=True):
            assert path.model is not None
            assert flow.lost == []
            found = flow.delays_ns()
            assert found.min() >= path.model.forward.delay_ns
            assert np.median(found) <= path.model.forward.delay_ns + MEDIAN_NS

    until(lambda: meshed.send(forward, count=30, every_ns=8 * NS_PER_MS), check)


def test_dense_frames_are_early_or_late_by_half_a_pause_and_keep_their_order(
    meshed: Emulated,
) -> None:
    meshed.apply(*models_of(meshed))
    forward = [(at, False) for at in range(len(meshed.paths))]

    def check(flows: list[Flow]) -> None:
        early = []
        for path, flow in zip(meshed.paths, flows, strict=True):
            assert path.model is not None
            assert flow.lost == []
            assert flow.order == sorted(flow.order)
            off = flow.delays_ns() - path.model.forward.delay_ns
            early.append(-off.min())
            assert abs(np.median(off)) <= MEDIAN_NS
        assert 0 < max(early) <= PAUSE_NS  # the switch goes by the clock

    until(lambda: meshed.send(forward, count=400, every_ns=NS_PER_MS), check)


def test_the_way_back_of_one_path_is_the_way_there_of_its_twin(meshed: Emulated) -> None:
    meshed.apply(*models_of(meshed))
    names = [path.name for path in meshed.paths]
    ways = [(names.index("a-b"), True), (names.index("b-a"), False)]

    def check(flows: list[Flow]) -> None:
        asked = model("b", "a").forward.delay_ns
        for flow in flows:
            assert asked <= np.median(flow.delays_ns()) <= asked + MEDIAN_NS

    until(lambda: meshed.send(ways, count=30, every_ns=4 * NS_PER_MS), check)


def test_losses_are_those_of_their_way_alone(meshed: Emulated) -> None:
    lossy = []
    for path, each in zip(meshed.paths, models_of(meshed), strict=True):
        forward, backward = (
            replace(way, loss=0.5 if path.name == name else 0.0)
            for way, name in ((each.forward, "a-c"), (each.backward, "c-a"))
        )
        lossy.append(replace(each, forward=forward, backward=backward))
    meshed.apply(*lossy)
    names = [path.name for path in meshed.paths]
    ways = [(names.index(name), False) for name in ("a-c", "c-a", "a-b")]
    flows = meshed.send(ways, count=200, every_ns=NS_PER_MS)
    assert 60 < len(flows[0].lost) < 140
    assert flows[1].lost == flows[2].lost == []


def test_the_report_counts_what_passed_and_no_drop_of_its_own(meshed: Emulated) -> None:
    meshed.apply(*models_of(meshed))
    meshed.emulation.report()
    flows = meshed.send([(at, False) for at in range(12)], count=20, every_ns=4 * NS_PER_MS)
    assert not any(flow.lost for flow in flows)
    report = meshed.emulation.report()
    assert report is not None
    assert (report.packets, report.dropped, report.lost) == (240, 0, 0)
    assert sum(report.lateness) == 240


def test_a_large_mesh_gets_our_own_line_whatever_the_kernel_has() -> None:
    names = [f"s{at}" for at in range(18)]
    large = [
        Path(
            f"{near}-{far}", near, far, PathModel(Direction(ms(1)), Direction(ms(1))), in_mesh=True
        )
        for near in names
        for far in names
        if near != far
    ]
    found = choice.choose("auto", large)
    assert (found.name, "306 paths" in found.reason) == ("userspace", True)
    with pytest.raises(UnfitError, match="--sites"):
        choice.choose("netem", large)
