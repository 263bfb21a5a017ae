"""What a path's model says of delay, jitter, loss and traces: each direction its own, and what cannot be is one line."""

from __future__ import annotations

import pytest
from target_files import GOOD, PLACED, load, problems

from benchkit.model.impairment import Bursts, Trace

pytestmark = pytest.mark.usefixtures("folder")

WEATHER = """[path.model]
mtu = 1400
delay = "5 ms"
jitter = "100 us"
distribution = "pareto"
loss = "1 %"
duplicate = "0.5 %"
forward = { deviations = { unit = "us", values = [30, -10, -20] } }
backward = { bursts = { enter = "1 %", leave = "25 %" }, trace = { unit = "ms", every = "100 ms", values = [5, 6.5] } }
"""


def test_each_direction_has_its_own_weather() -> None:
    model = load(GOOD.replace("[path.model]\nmtu = 1400\n", WEATHER)).paths[0].model
    assert model is not None
    there, back = model.forward, model.backward
    assert (there.distribution, there.deviations_ns) == ("table", (-20_000, -10_000, 30_000))
    assert there.jitter_ns == pytest.approx(21_602, abs=1)
    assert (there.loss, there.bursts, there.duplicate) == (0.01, None, 0.005)
    assert (back.distribution, back.jitter_ns, back.duplicate) == ("pareto", 100_000, 0.005)
    assert (back.loss, back.bursts) == (0.0, Bursts(0.01, 0.25))
    assert back.trace == Trace((0, 100_000_000), (5_000_000, 6_500_000))


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ('loss = "1 %"\nbursts = { enter = "1 %", leave = "25 %" }', ["bursts", "loss"]),
        (
            'jitter = "1 ms"\ndeviations = { unit = "us", values = [1, 2] }',
            ["deviations", "jitter"],
        ),
        ('distribution = "uniform"', ["distribution", "uniform", "pareto"]),
        ('bursts = { enter = "0 %", leave = "25 %" }', ["enter", "0 %"]),
        ('trace = { unit = "ms", every = "1 ms", values = [1] }', ["every", "1 ms", "20 ms"]),
        ('trace = { unit = "ms", every = "1 s", values = [-1] }', ["trace", "-1"]),
        ('reorder = "101 %"', ["reorder", "101 %"]),
        ('buffer = "1 KiB"', ["buffer", "1 KiB", "1438"]),
    ],
)
def test_weather_that_cannot_be_is_one_line(says: str, words: list[str]) -> None:
    (line,) = problems(GOOD.replace("mtu = 1400", f"mtu = 1400\n{says}"))
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("unplaced", "routed", "says"),
    [
        (
            2,
            False,
            "has no delay, and 'near' and 'far' have no coordinates to make one from: write delay = \"5 ms\" (one way)",
        ),
        (
            1,
            False,
            "has no delay, and 'near' has no coordinates to make one from: write delay = \"5 ms\" (one way)",
        ),
        (
            2,
            True,
            "has no delay: 'near' and 'far' have no coordinates: give those sites latitude and longitude, or write delay = \"5 ms\" here",
        ),
    ],
)
def test_a_delay_that_is_missing_is_told_once_with_a_remedy_that_works(
    unplaced: int, routed: bool, says: str
) -> None:
    text = GOOD
    for place in (PLACED, "latitude = 23.129\nlongitude = 113.264")[:unplaced]:
        assert place in text
        text = text.replace(place + "\n", "")
    if not routed:
        text = text.replace("route_factor = 1.2\n", "")
    (line,) = problems(text)
    assert line.partition("path[1].model: ")[2] == says


@pytest.mark.parametrize("place", ["model", "model.forward"])
def test_a_trace_without_a_delay_beside_it_is_one_line_that_says_so(place: str) -> None:
    trace = f'[path.{place}]\ntrace = {{ unit = "ms", every = "1 s", values = [3, 6] }}'
    bare = GOOD.replace("route_factor = 1.2\n", "").replace(PLACED + "\n", "")
    (line,) = problems(bare.replace("[path.model]\nmtu = 1400", trace))
    assert "path[1].model: has a trace and no delay" in line
    assert 'write delay = "5 ms"' in line


def test_a_way_to_an_address_may_be_meant_as_real() -> None:
    text = GOOD.replace("route_factor = 1.2\n", "")
    (modelled,) = problems(text)
    assert "real" not in modelled
    (either,) = problems(text.replace('name = "far"\n', 'name = "far"\naddress = "192.0.2.7"\n'))
    assert either.endswith(", or write real = true into [[path]] to measure the way to its address")
