"""Bulk TCP and UDP made into metrics: what arrived after the ramp, what limited it, what became of the datagrams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchkit.campaign.congestion import in_force, is_another
from benchkit.campaign.evidence import evidence
from benchkit.campaign.latencies import Found
from benchkit.campaign.limits import limited_by
from benchkit.campaign.rfc6349 import rfc6349
from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.model.place import Path
from benchkit.model.record import Metric
from benchkit.model.samples import Samples, column
from benchkit.model.target import Plan
from benchkit.stats.rates import loss_interval, plateau
from benchkit.units import show_count

# A sender that offers less than this share of what it was asked to was held up at its own host, and a receiver that takes
# less than this share of what came to it.
OFFERED = 0.97


@dataclass(frozen=True)
class Setting:
    """What a stream ran in: its path, the plan, what the emulator dropped, the idle round trip (None: unknown).

    `resent` is what an iperf3 server says of what it sent again, in words; None where none was asked. `overflowed` is how
    many packets found the modelled buffer full, where an emulator knows.
    """

    path: Path
    plan: Plan | None
    drops: int
    baseline_ns: float | None
    resent: str | None = None
    overflowed: int | None = None


def goodput(within: Setting, phase: str, rows: Samples, info: Samples | None) -> Found:
    """Goodput of one direction, with what limited it and the figures of RFC 6349."""
    path, plan = within.path, within.plan
    columns = rows.columns
    level = plateau(columns["octets"].data, columns["start_ns"].data, columns["end_ns"].data)
    rate = path.model.rate_bps if path.model else None
    found = evidence(rows, info, level.ramp_s)
    limit = limited_by(level.goodput.value, path.model, found, drops=within.drops)
    if found is None and within.resent is not None:
        limit = f"what an iperf3 server does not tell; it says {within.resent}"
    told = rfc6349(rows, found, path.model, within.baseline_ns) if found else {}
    metric = Metric(
        metric="goodput",
        phase=phase,
        unit="Mbit/s",
        n=len(rows),
        configured=rate / 1e6 if rate else None,
        estimate=level.goodput.estimate(),
        limited_by=limit,
        setup=_setup(plan, in_force(info), ours="cpu_ns" in columns) if plan else None,
        details={"ramp_s": level.ramp_s, **told},
    )
    return metric, {"goodput": level.goodput}


def resent(told: Samples, *, up: bool) -> str:
    """How much an iperf3 test says was sent again in one direction: a hint at loss, for it tells nothing else of a sender."""
    counts = told.columns["retransmits"][told.columns["up"] == int(up)].compressed()
    if not counts.size:
        return "not even what it sent again"
    return f"that it sent {show_count(int(counts.sum()), 'segment')} again"


def _setup(plan: Plan, named: str, *, ours: bool) -> str:
    """How bulk was moved, by the congestion control that the sender named. An iperf3 server does so in its own way, and does not tell what its processor had to do."""
    streams = show_count(plan.streams, "stream")
    way = plan.stream_mode if ours else f"{plan.stream_mode} here, iperf3 at the far end"
    window = f", windows of {plan.window_octets} octets" if plan.window_octets else ""
    control = plan.congestion if ours or plan.congestion_asked else ""
    if is_another(named, control):
        control = f"{named} for want of {control}"
    control = control or named or "the server's own congestion control"
    return f"{streams}, {way}, {control}{window}"


def account_of_iperf3(told: Samples) -> Samples:
    """What an iperf3 test says of its datagrams, as far as it says it, in the shape of our own account."""
    sums = {name: int(values.filled(0).sum()) for name, values in told.columns.items()}
    row = {
        "sent": sums["packets"],
        "lost": sums["lost"],
        "dropped_here": 0,
        "jitter_ns": sums["jitter_ns"] // len(told),
    }
    return Samples(
        "datagrams", told.path, told.phase, {name: column([value]) for name, value in row.items()}
    )


def datagrams(within: Setting, phase: str, rows: Samples, account: Samples) -> Found:
    """What UDP came to, against the rate it was paced at, or unpaced against that of the path.

    Datagrams that the receiving host dropped are not the path's loss; what an emulator dropped is told beside it.
    """
    plan, model = within.plan, within.path.model
    row = {name: int(values[-1]) for name, values in account.columns.items()}
    columns = rows.columns
    level = plateau(columns["octets"].data, columns["start_ns"].data, columns["end_ns"].data)
    lost = row["lost"] - row["dropped_here"]
    sent = max(1, row["sent"] - row["dropped_here"])
    rate = (plan.udp_rate_bps or (model and model.rate_bps)) if plan else None
    metric = Metric(
        metric="udp",
        phase=phase.removeprefix("udp "),
        unit="Mbit/s",
        n=row["sent"],
        lost=lost,
        configured=rate / 1e6 if rate else None,
        estimate=level.goodput.estimate(),
        limited_by=_what_limited(within, row, rows),
        setup=_datagram_setup(plan, ours="received" in row) if plan else None,
        details=_details(within, row, lost, sent),
    )
    return metric, {}


def _what_limited(within: Setting, row: Mapping[str, int], rows: Samples) -> str | None:
    """What the emulator dropped, the path's rate, a sender short of its own, a receiver of what came; None for none of them."""
    plan, said = within.plan, []
    if within.drops > (1 - OFFERED) * row["sent"]:
        said.append("emulator")
    elif (within.overflowed or 0) > (1 - OFFERED) * row["sent"]:
        said.append("rate")  # whoever sends beyond it is not short of anything
    elif plan and plan.udp_rate_bps:
        lasted_ns = rows.columns["end_ns"].data[-1] - rows.columns["start_ns"].data[0]
        offered_bps = row["sent"] * plan.udp_payload_octets * 8 * NS_PER_S / float(lasted_ns)
        if offered_bps < OFFERED * plan.udp_rate_bps:
            why = "whose kernel had no room" if row.get("refused") else "which was too busy"
            said.append(
                f"sending host, {why}: it offered {offered_bps / 1e6:.4g} Mbit/s on average, ramp and pauses included"
            )
    if row["dropped_here"] > (1 - OFFERED) * row["sent"]:
        said.append(
            f"receiving host, which dropped {100 * row['dropped_here'] / row['sent']:.3g} %"
        )
    return ", and ".join(said) or None


def _datagram_setup(plan: Plan, *, ours: bool) -> str:
    """How datagrams were sent. An iperf3 server does not say what it has room for."""
    said = f"{plan.udp_payload_octets} octets each"
    if plan.udp_rate_bps:
        return said
    return f"{said}, as fast as {'both ends can' if ours else 'they leave'}"


def _details(within: Setting, row: Mapping[str, int], lost: int, sent: int) -> dict[str, float]:
    """What else was counted, as far as it was."""
    told: dict[str, float] = {"loss_percent": loss_interval(lost, sent).value}
    if within.overflowed is not None:
        told["dropped_by_the_modelled_buffer"] = within.overflowed
        told["dropped_by_the_emulator"] = within.drops
    told["dropped_by_the_receiving_host"] = row["dropped_here"]
    told |= {name: row[name] for name in ("duplicates", "reordered") if name in row}
    for name in ("jitter", "pdv_p50", "pdv_p99", "pdv_p99_9"):
        if f"{name}_ns" in row:
            told[f"{name}_ms"] = row[f"{name}_ns"] / NS_PER_MS
    return told
