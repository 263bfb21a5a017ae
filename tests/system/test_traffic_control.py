"""A tc that is kept running does what it is told, and says what it could not do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchkit.errors import CommandError, UnfitError
from benchkit.linux import command
from benchkit.linux.netns import Namespace
from benchkit.linux.traffic_control import TrafficControl

pytestmark = [pytest.mark.privileged, pytest.mark.own_namespaces]


@pytest.fixture
def pair() -> Iterator[Namespace]:
    """A namespace with a veth pair."""
    with Namespace("a pair") as netns:
        words = ("ip", "link", "add", "name", "v0", "type", "veth", "peer", "name", "v1")
        command.run(words, netns=netns.path)
        yield netns


def shaped(rate: str, device: str = "v0") -> str:
    return f"qdisc replace dev {device} root tbf rate {rate} burst 10000 limit 20000"


def found(netns: Namespace) -> str:
    return command.run(("tc", "qdisc", "show", "dev", "v0"), netns=netns.path)


def test_what_is_told_is_done_when_it_returns(pair: Namespace) -> None:
    with TrafficControl(pair.path, {}) as control:
        for rate in ("1Mbit", "2Mbit"):
            control.run([shaped(rate)])
            assert f"rate {rate}" in found(pair)
    assert "rate 2Mbit" in found(pair)


def test_a_line_that_fails_is_told_and_the_next_still_works(pair: Namespace) -> None:
    with TrafficControl(pair.path, {}) as control:
        with pytest.raises(CommandError, match='Cannot find device "absent"'):
            control.run([shaped("1Mbit", "absent")])
        control.run([shaped("3Mbit")])
    assert "rate 3Mbit" in found(pair)


def test_one_that_has_ended_says_so(pair: Namespace) -> None:
    with TrafficControl(pair.path, {}) as control:
        control._process.kill()
        control._process.wait()
        with pytest.raises(UnfitError, match="has ended"):
            control.check()
        with pytest.raises(CommandError, match="status -9"):
            control.run([shaped("1Mbit")])
