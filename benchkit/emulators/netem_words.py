"""How one path's stages are spelt for tc: delay, jitter and loss in netem, rate and buffer in tbf.

Every line states everything: a netem that is changed keeps its old rate and table where the new words do not
mention them, and forgets its loss.
"""

from __future__ import annotations

from typing import NamedTuple

from benchkit.clock import NS_PER_S, NS_PER_US
from benchkit.emulators import wiring
from benchkit.emulators.spread import deviations_ns, netem_table
from benchkit.model.place import Direction, PathModel

LEAST_LIMIT = 1000
FASTEST_BPS = 100_000_000_000
MOST_BURST = 65_536
UNBOUNDED_BUFFER = 1 << 30


class Stage(NamedTuple):
    """One qdisc of one path: in which router, on which device, and its words after `root`.

    `table` is the text of the delay table that the words name, as the device is called; empty without jitter.
    """

    router: str
    device: str
    words: tuple[str, ...]
    table: str = ""

    @property
    def line(self) -> str:
        """The line for `tc -batch`, whether or not the stage is there already."""
        return f"qdisc replace dev {self.device} root {' '.join(self.words)}"


def stages(one: wiring.Wire, model: PathModel, seed: int | None) -> list[Stage]:
    """Every qdisc of a path: delay on the far router towards the far site and on the near one towards the near.

    `seed` is None where this tc knows none; each direction gets one of its own.
    """
    found = []
    for router, device, direction, odd in (
        ("/far", one.hub_far, model.forward, 0),
        ("/near", one.hub_near, model.backward, 1),
    ):
        own = None if seed is None else seed * 1000 + 2 * one.index + odd
        found.append(_delay_stage(router, device, direction, model, own))
    if model.rate_bps is not None:
        words = rate_words(model)
        found += [Stage(router, one.core, words) for router in ("/near", "/far")]
    return found


def _delay_stage(
    router: str, device: str, direction: Direction, model: PathModel, seed: int | None
) -> Stage:
    deviations = deviations_ns(direction)
    jitter_ns, table = netem_table(deviations) if deviations else (0, "")
    words = ["netem", "limit", str(packets_in_flight(direction, model))]
    words += ["delay", _microseconds(direction.delay_ns)]
    if jitter_ns:
        words += [_microseconds(jitter_ns), "distribution", device]
    # Without a rate netem sorts packets by their draw of jitter; any rate keeps them in order, and this one
    # takes no time to speak of.
    words += ["rate", f"{FASTEST_BPS}bit"]
    words += loss_words(direction)
    if direction.duplicate:
        words += ["duplicate", _percent(direction.duplicate)]
    if direction.reorder:
        words += ["reorder", _percent(direction.reorder)]
    if seed is not None:
        words += ["seed", str(seed)]
    return Stage(router, device, tuple(words), table)


def packets_in_flight(direction: Direction, model: PathModel) -> int:
    """Netem's `limit`, half as many again as can be on their way: it counts packets that merely wait out their delay."""
    longest = max(direction.delay_ns, *(direction.trace.delay_ns if direction.trace else (0,)))
    longest += max(deviations_ns(direction), default=0)
    in_flight = (model.rate_bps or FASTEST_BPS) * longest / (8 * model.mtu * NS_PER_S)
    return max(LEAST_LIMIT, round(1.5 * in_flight))


def loss_words(direction: Direction) -> list[str]:
    """Loss without netem's correlation, whose arithmetic hardly ever loses anything."""
    if direction.bursts is not None:
        bursts = direction.bursts
        shares = (bursts.enter, bursts.leave, bursts.bad_loss, bursts.good_loss)
        return ["loss", "gemodel", *map(_percent, shares)]
    return ["loss", "random", _percent(direction.loss)] if direction.loss else []


def rate_words(model: PathModel) -> tuple[str, ...]:
    """Tbf's words. The burst passes at once after a pause: small beside the buffer, yet it holds a super-packet."""
    buffer = model.buffer_octets if model.buffer_octets is not None else UNBOUNDED_BUFFER
    least = 2 * wiring.super_packet_octets(model, splits=False)
    burst = max(least, min(MOST_BURST, buffer // 4))
    rate = ("tbf", "rate", f"{model.rate_bps}bit", "overhead", str(wiring.WIRE_OVERHEAD))
    return (*rate, "burst", str(burst), "limit", str(max(buffer, burst)))


def _microseconds(nanoseconds: int) -> str:
    """Tc 6.1 rejects "ns"."""
    return f"{nanoseconds / NS_PER_US:.3f}us"


def _percent(share: float) -> str:
    return f"{share * 100:.6f}%"
