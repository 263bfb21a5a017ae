"""Small emulations, and what passes along them, seen from outside."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pytest
from flows import Flow, Way, await_rest, send_all

from benchkit.clock import NS_PER_MS
from benchkit.emulators.choice import EMULATORS
from benchkit.emulators.link import Emulation
from benchkit.linux import command
from benchkit.linux.trials import timer_lateness_ns
from benchkit.model.place import Direction, Path, PathModel

Result = TypeVar("Result")

TRIES = 5
FIRST_REST_S = 0.2  # after the first try; twice as long after each further one
BUSY_NS = NS_PER_MS // 2
TRIAL_NS = 300 * NS_PER_MS


def ms(milliseconds: float) -> int:
    return round(milliseconds * NS_PER_MS)


def both_ways(there: Direction, back: Direction | None = None, **rest: Any) -> PathModel:
    """A model; without `back` the way back takes no time and does nothing."""
    return PathModel(there, back or Direction(0), **rest)


def delays(there_ms: float, back_ms: float, **rest: Any) -> PathModel:
    return PathModel(Direction(ms(there_ms)), Direction(ms(back_ms)), **rest)


def star(models: Sequence[PathModel]) -> list[Path]:
    """A path from the site `here` to a site of its own for each model."""
    return [
        Path(f"here-there{index}", "here", f"there{index}", model)
        for index, model in enumerate(models)
    ]


@dataclass
class Emulated:
    """A running emulation of some paths."""

    emulation: Emulation
    paths: Sequence[Path]

    def apply(self, *models: PathModel) -> None:
        """Take these for the first paths; the rest get no delay, and keep their rate, buffer and MTU."""
        bare = [path.model.bare for path in self.paths[len(models) :] if path.model is not None]
        self.emulation.apply([*models, *bare])

    def way(self, index: int, *, back: bool = False) -> Way:
        """One direction of the path of that index; a context that closes its sockets."""
        return Way(self.emulation, self.paths[index], back=back)

    def ways(self, *indices: int) -> list[tuple[int, bool]]:
        """Both directions of the paths of these indices, for `send`."""
        return [(index, back) for index in indices for back in (False, True)]

    def send(
        self,
        ways: Sequence[tuple[int, bool]],
        *,
        count: int,
        every_ns: int,
        octets: int = 64,
        halfway: Callable[[], None] | None = None,
    ) -> list[Flow]:
        """Send `count` packets each way, all at once, and see what comes.

        A way is the index of a path, and whether back from its far end. `halfway` is called in the middle.
        """
        with ExitStack() as stack:
            opened = [stack.enter_context(self.way(at, back=back)) for at, back in ways]
            flows = [Flow(count) for _ in opened]
            pairs = list(zip(opened, flows, strict=True))
            send_all(pairs, range(count // 2), every_ns, octets)
            if halfway is not None:
                halfway()
            send_all(pairs, range(count // 2, count), every_ns, octets)
            await_rest(pairs)
            assert not sum(one.overflowed() for one in opened), "the test was too slow to receive"
        return flows


@contextmanager
def emulated(emulator: str, models: Sequence[PathModel], *, seed: int = 1) -> Iterator[Emulated]:
    """A star of these models, through the emulator of that name."""
    paths = star(models)
    with EMULATORS[emulator](paths, seed=seed) as emulation:
        yield Emulated(emulation, paths)


def until(measure: Callable[[], Result], check: Callable[[Result], None]) -> Result:
    """Measure and check; a few times over some seconds, for a stall of the machine is not the emulator's.

    Skips where the check never holds on a machine that cannot even wake a process in time.
    """
    for attempt in range(TRIES - 1):
        found = measure()
        with suppress(AssertionError):
            check(found)
            return found
        time.sleep(FIRST_REST_S * 2**attempt)
    found = measure()
    try:
        check(found)
    except AssertionError:
        late_ns = np.percentile(timer_lateness_ns(TRIAL_NS), 95)
        if late_ns > BUSY_NS:
            pytest.skip(
                f"one timer in twenty is {late_ns / NS_PER_MS:.1f} ms late: too busy to tell"
            )
        raise
    return found


def host_links() -> set[str]:
    """The network devices of the namespace that this process is in."""
    return {each["ifname"] for each in json.loads(command.run(("ip", "-j", "link")))}


def host_addresses() -> set[str]:
    """The IPv4 addresses of the namespace that this process is in, but for the loopback's."""
    told = json.loads(command.run(("ip", "-j", "-4", "addr")))
    found = {info["local"] for each in told for info in each.get("addr_info", ())}
    return {address for address in found if not address.startswith("127.")}
