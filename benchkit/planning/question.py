"""What a plan is computed from: one path's numbers, wherever they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchkit.errors import AskedWronglyError
from benchkit.model.place import Path
from benchkit.planning.framing import Framing
from benchkit.planning.window import SocketLimits, bdp_bits

CONGESTION = ("reno", "cubic", "bbr")
NS_PER_S = 1e9
NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says instead of the target; None leaves the target's."""

    rate_bps: int | None = None
    rtt_ns: int | None = None
    loss: float | None = None
    mtu: int | None = None
    streams: int | None = None
    congestion: str | None = None


@dataclass(frozen=True, slots=True)
class PathQuestion:
    """One path: rate on the wire, unloaded round trip, share of segments lost, and what its ends allow.

    `rtt_limits` are the budgets of the path as (ns, citation). `streams` None lets the plan choose.
    """

    path: str
    rate_bps: int
    rtt_ns: int
    loss: float
    framing: Framing
    limits: SocketLimits
    rtt_origin: str
    streams: int | None = None
    congestion: str = "cubic"
    great_circle_km: float | None = None
    rtt_limits: tuple[tuple[float, str], ...] = ()

    @property
    def rtt_s(self) -> float:
        """The round trip in seconds."""
        return self.rtt_ns / NS_PER_S

    @property
    def goodput_bps(self) -> float:
        """The most data per second that the line carries."""
        return self.framing.goodput_bps(self.rate_bps)

    @property
    def window_octets(self) -> float:
        """The data under way when the line is full: the share of the BDP that is no header."""
        return bdp_bits(self.rate_bps, self.rtt_ns) / 8 * self.framing.share

    @property
    def window_segments(self) -> float:
        """The same in segments."""
        return self.window_octets / self.framing.segment_octets

    @property
    def least_streams(self) -> int:
        """How many streams the buffers of the ends make necessary."""
        return self.limits.streams_for(self.window_octets)

    @property
    def chosen_streams(self) -> int:
        """The streams that were asked for, or those that the buffers make necessary."""
        return self.streams or self.least_streams

    def at_mtu(self, mtu: int) -> PathQuestion:
        """The same path with packets of another size."""
        return replace(self, framing=replace(self.framing, mtu=mtu))


def question_of(
    path: Path, limits: SocketLimits, congestion: str, asked: Overrides
) -> PathQuestion:
    """Put a path's model, what was asked instead, and the ends' limits together.

    Raises:
        AskedWronglyError: the path has no rate or no round trip, and none was given.
    """
    model = path.model
    rate = asked.rate_bps or (model.rate_bps if model else None)
    if rate is None:
        raise AskedWronglyError(
            f"path {path.name} has no rate to plan with: give --rate, like --rate '10 Gbit/s'"
        )
    rtt_ns, origin = _round_trip(path, asked)
    modelled = model.forward.mean_loss if model else 0.0
    control = asked.congestion or congestion
    if control not in CONGESTION:
        raise AskedWronglyError(
            f"no formula for congestion control {control!r}: give --congestion {', '.join(CONGESTION)}"
        )
    return PathQuestion(
        path=path.name,
        rate_bps=rate,
        rtt_ns=rtt_ns,
        loss=modelled if asked.loss is None else asked.loss,
        framing=Framing(mtu=asked.mtu or (model.mtu if model else 1500)),
        limits=limits,
        rtt_origin=origin,
        streams=asked.streams,
        congestion=control,
        great_circle_km=path.great_circle_km,
        rtt_limits=tuple(
            (budget.limit * NS_PER_MS, budget.fact or "set in the target")
            for budget in path.budgets
            if budget.metric == "rtt"
        ),
    )


def _round_trip(path: Path, asked: Overrides) -> tuple[int, str]:
    if asked.rtt_ns:
        return asked.rtt_ns, "given"
    if path.model is not None and path.model.rtt_ns:
        return path.model.rtt_ns, f"the model's: {path.model.origin}"
    if path.floor_ns:
        return path.floor_ns, "the physical floor, as the path has no model: a real path is longer"
    raise AskedWronglyError(
        f"path {path.name} has no round trip to plan with: give --rtt, like --rtt '10 ms'"
    )
