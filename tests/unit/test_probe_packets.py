"""A modelled path from which no round trip could come back is refused before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchkit.campaign import shortfalls
from benchkit.errors import AskedWronglyError
from benchkit.targets import load_target

SLOW = """
schema = 1
title = "A slow link"
[[site]]
name = "a"
[[site]]
name = "b"
[[path]]
from = "a"
to = "b"
[path.model]
delay = "10 ms"
rate = "64 kbit/s"
[plan]
rate = "{rate}/s"
probes = ["{probe}"]
"""


def asked(folder: Path, rate: int, probe: str = "rtt") -> str:
    (folder / "slow.toml").write_text(SLOW.format(rate=rate, probe=probe))
    return "./slow.toml"


def test_more_than_the_path_carries_is_refused(folder: Path) -> None:
    with pytest.raises(AskedWronglyError) as told:
        shortfalls.check(load_target(asked(folder, 100)))
    assert str(told.value) == (
        "target slow: a-b is filled by 100 round trips a second, of which its 64 kbit/s carry 72: ask for fewer with --rate, or "
        "`rate` of the plan"
    )


@pytest.mark.parametrize(("rate", "probe"), [(70, "rtt"), (100, "http")])
def test_what_it_carries_is_asked(folder: Path, rate: int, probe: str) -> None:
    shortfalls.check(load_target(asked(folder, rate, probe)))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'delay = "600 ms"',
            "is too long for the plan's `timeout`: it takes 1.2 s, and what is later than 1 s counts as lost: give it a longer one",
        ),
        ('delay = "1 ms"\nloss = "100 %"', "loses every packet"),
    ],
)
def test_what_never_comes_back_in_time_is_refused(folder: Path, line: str, said: str) -> None:
    (folder / "far.toml").write_text(
        SLOW.format(rate=1, probe="rtt").replace('delay = "10 ms"', line)
    )
    with pytest.raises(AskedWronglyError) as told:
        shortfalls.check(load_target("./far.toml"))
    assert said in str(told.value)


def test_a_request_wants_two_round_trips_in_time(folder: Path) -> None:
    (folder / "far.toml").write_text(
        SLOW.format(rate=1, probe="http").replace('delay = "10 ms"', 'delay = "270 ms"')
    )
    with pytest.raises(AskedWronglyError, match=r"a connection and a request take 1.08 s"):
        shortfalls.check(load_target("./far.toml"))
