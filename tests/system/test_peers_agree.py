"""Other programs on the same emulated path say what ours says: the delay is inside the kernel-stamped round trip."""

from __future__ import annotations

import shutil
import statistics

import pytest
from emulated import Emulated, delays, emulated, until
from emulated_probes import probed
from peers import PEERS, Pair

from benchkit.clock import NS_PER_S, NS_PER_US
from benchkit.emulators import choice
from benchkit.linux import process
from benchkit.model.place import Path
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.spec import StampSpec
from benchkit.stats.round_trip import network_ns

pytestmark = pytest.mark.privileged
FAR = "198.18.0.2"
RATE, SECONDS = 50, 1
TOLERANCE_US = 1000
DELAY_US = 10_000


def ours_us(running: Emulated) -> float:
    def spec(path: Path, address: str, port: int, ssid: int) -> StampSpec:
        shape = (RATE * SECONDS, NS_PER_S // RATE, NS_PER_S)
        return StampSpec(path.name, "idle", address, port, ssid, *shape)

    (rows,) = probed(running, [0], ReflectorSpec, spec, "rtt")
    return statistics.median(network_ns(rows).compressed().tolist()) / NS_PER_US


@pytest.mark.parametrize(("there_ms", "back_ms"), [(10, 0), (0, 10)])
def test_all_find_the_delay_whichever_way_it_is_on(there_ms: float, back_ms: float) -> None:
    process.warm_up(["benchkit.probes.door", "benchkit.emulators.line"])
    here = {name: measure for name, measure in PEERS.items() if shutil.which(name)}
    if not here:
        pytest.skip(f"none of {', '.join(PEERS)} is installed")
    model = delays(there_ms, back_ms)
    with emulated(choice.choose("auto").name, [model]) as running:
        running.apply(model)
        near, far = running.emulation.namespaces.values()

        def measured() -> dict[str, float]:
            found = {"ours": ours_us(running)}
            for name, measure in here.items():
                found[name] = statistics.median(measure(Pair(near, far, FAR, RATE, SECONDS)))
            return found

        until(measured, _agree)


def _agree(found: dict[str, float]) -> None:
    for name, value in found.items():
        assert abs(value - DELAY_US) < TOLERANCE_US, (name, found)
        assert abs(value - found["ours"]) < TOLERANCE_US, (name, found)
