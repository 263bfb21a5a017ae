"""What is not on an emulated path, and what is left when an emulation ends: nothing."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import pytest
from emulated import (
    Emulated,
    both_ways,
    delays,
    emulated,
    host_addresses,
    host_links,
    ms,
    star,
    until,
)
from flows import Flow, inside
from natures import NATURES, RATE_BPS, Nature, assert_delayed
from processes import descendants, gone_from, networks

from benchkit.clock import NS_PER_MS
from benchkit.emulators import choice
from benchkit.errors import AskedWronglyError, CommandError, UnfitError
from benchkit.model.impairment import Trace
from benchkit.model.place import Direction

pytestmark = pytest.mark.privileged


def test_every_emulator_is_held_to_this_contract() -> None:
    assert NATURES.keys() == choice.EMULATORS.keys() - {"none"}  # which promises nothing


def test_a_site_reaches_nothing_but_its_own_paths(shared: Emulated) -> None:
    ends = shared.emulation.ends
    names = [path.name for path in shared.paths]
    for at, path in enumerate(shared.paths):
        others = {
            end for name in names if name != names[at] for end in (ends[name].near, ends[name].far)
        }
        for address in {*others, *host_addresses(), "192.0.2.1"}:
            with pytest.raises(OSError, match=os.strerror(errno.ENETUNREACH)):
                inside(shared.emulation.namespaces[path.far], connect, address)
    for address in {*host_addresses(), "192.0.2.1"}:
        with pytest.raises(OSError, match=os.strerror(errno.ENETUNREACH)):
            inside(shared.emulation.namespaces["here"], connect, address)


def connect(address: str) -> None:
    """Ask the kernel for a route; nothing is sent."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.connect((address, 9))


def test_a_sites_own_loopback_works(shared: Emulated) -> None:
    def round_trip() -> bytes:
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.settimeout(5.0)
            udp.bind(("127.0.0.1", 0))
            udp.sendto(b"hello", udp.getsockname())
            return udp.recv(16)

    assert inside(shared.emulation.namespaces["here"], round_trip) == b"hello"


def test_a_killed_emulation_says_so_and_a_living_one_does_not(name: str) -> None:
    before = descendants()
    with emulated(name, [delays(1, 1)]) as running:
        running.emulation.check()
        own = descendants() - before
        if not own:
            pytest.skip(f"{name} has no process that could be killed")
        for pid in own:
            os.kill(pid, signal.SIGKILL)
        assert gone_from(descendants, before, within_s=2.0) == set()
        time.sleep(0.2)  # the fork server says so after it has seen it
        with pytest.raises(UnfitError, match="ended"):
            running.emulation.check()
        with pytest.raises(UnfitError, match="ended"):
            running.emulation.report()


def test_two_emulations_at_once_do_not_see_each_other(name: str, nature: Nature) -> None:
    with emulated(name, [delays(4, 0)]) as one, emulated(name, [delays(12, 0)]) as other:
        assert (
            one.emulation.ends == other.emulation.ends
        )  # told apart by nothing but their namespaces
        for each, delay_ms in ((one, 4), (other, 12), (one, 4)):

            def check(flows: list[Flow], asked_ns: int = ms(delay_ms)) -> None:
                assert_delayed(flows[0], asked_ns, nature)

            until(partial(each.send, [(0, False)], count=40, every_ns=ms(3)), check)


# Ways for an emulation to end, each with what is raised.


def it_ends(name: str) -> None:
    with emulated(name, [delays(1, 1, rate_bps=RATE_BPS), delays(1, 1)]) as running:
        running.send([(0, False)], count=3, every_ns=NS_PER_MS)


def its_body_fails(name: str) -> None:
    with emulated(name, [delays(1, 1)]) as running:
        running.emulation.apply([both_ways(Direction(ms(1), trace=Trace((0, ms(60_000)), (0, 0))))])
        raise KeyError("the campaign failed")


def a_device_is_refused(name: str) -> None:
    with emulated(name, [delays(1, 1), delays(1, 1, mtu=20)]):
        pytest.fail("no device has an MTU of 20")


def a_path_has_no_model(name: str) -> None:
    real = replace(star([delays(1, 1)])[0], model=None)
    with choice.EMULATORS[name]([real], seed=1):
        pytest.fail("there is nothing to emulate")


ENDS: dict[Callable[[str], None], type[Exception] | None] = {
    it_ends: None,
    its_body_fails: KeyError,
    a_device_is_refused: CommandError,
    a_path_has_no_model: AskedWronglyError,
}


@pytest.mark.parametrize("ending", ENDS, ids=lambda ending: ending.__name__)
def test_nothing_is_left_however_it_ends(name: str, ending: Callable[[str], None]) -> None:
    links, spaces, processes = host_links(), networks(), descendants()
    threads = set(threading.enumerate())
    error = ENDS[ending]
    with nullcontext() if error is None else pytest.raises(error):
        ending(name)
    assert host_links() == links
    assert gone_from(descendants, processes, within_s=0.5) == set()
    assert gone_from(networks, spaces, within_s=0.5) == set()
    assert gone_from(lambda: set(threading.enumerate()), threads, within_s=0.5) == set()


def test_a_running_emulation_is_all_inside_namespaces_of_its_own(name: str) -> None:
    links, spaces = host_links(), networks()
    with emulated(name, [delays(1, 1)]):
        assert host_links() == links
        assert len(networks() - spaces) >= 3  # two sites, and what is between them
