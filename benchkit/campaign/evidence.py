"""What both ends' kernels counted while a bulk stream was on its plateau, put together from goodput and TCP_INFO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S, NS_PER_US
from benchkit.model.samples import Samples

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """Sums over all streams of a direction, from the end of the ramp to the end of the test.

    Times are shares of what they are of: `*_cpu` of the time in which each thread that moved data ran or waited for
    a processor, windows of the time with data under way, `application` of the rows. `window_octets` is what was under
    way by RTT and goodput, `offered_octets` the largest window that the receivers offered.
    Without a figure: what no kernel told is None.
    """

    sender_cpu: float | None
    receiver_cpu: float | None
    busy: float
    receive_window: float
    send_buffer: float
    application: float | None
    lost: int
    rtt_us: float | None
    least_rtt_us: float | None
    sent_octets: int
    resent_octets: int
    window_octets: float | None
    offered_octets: int | None


def evidence(goodput: Samples, info: Samples | None, ramp_s: float) -> Evidence | None:
    """None where no kernel told anything of the sender."""
    if info is None or len(info) == 0:
        return None
    begin = int(goodput.columns["start_ns"].data[0]) + round(ramp_s * NS_PER_S)
    streams = _streams(info, begin)
    wall_ns = sum(float(rows["at_ns"][-1] - rows["at_ns"][0]) for rows in streams)
    busy_ns = sum(_grown(rows, "busy_us") for rows in streams) * NS_PER_US
    rtt = _mean([rows.get("rtt_us") for rows in streams])
    rate = _rate(goodput, begin)
    return Evidence(
        sender_cpu=_most_cpu(streams),
        receiver_cpu=_receiver_cpu(goodput, begin, len(streams)),
        busy=busy_ns / wall_ns if wall_ns else 0.0,
        receive_window=_share(streams, "receive_window_limited_us", busy_ns),
        send_buffer=_share(streams, "send_buffer_limited_us", busy_ns),
        application=_mean([rows.get("application_limited") for rows in streams]),
        lost=round(sum(_grown(rows, "retransmits") for rows in streams)),
        rtt_us=rtt,
        least_rtt_us=_least([rows.get("min_rtt_us") for rows in streams]),
        sent_octets=round(sum(_grown(rows, "sent_octets") for rows in streams)),
        resent_octets=round(sum(_grown(rows, "resent_octets") for rows in streams)),
        window_octets=rate / 8 * rtt / 1e6 if rtt is not None else None,
        offered_octets=_sum_of_largest(streams, "offered_window"),
    )


def _streams(info: Samples, begin: int) -> list[dict[str, Numbers]]:
    """The rows of each stream from a time on; at least its last two."""
    columns = {name: np.ma.getdata(values) for name, values in info.columns.items()}
    numbers = columns.get("stream", np.zeros(len(info), dtype=np.int64))
    at = columns.get("at_ns", np.arange(len(info), dtype=np.int64))
    found = []
    for number in np.unique(numbers):
        own = np.flatnonzero(numbers == number)
        kept = own[at[own] >= begin] if "at_ns" in columns else own
        if kept.size < 2:  # noqa: PLR2004  a difference needs two
            kept = own[-2:]
        found.append({"at_ns": at[kept], **{name: each[kept] for name, each in columns.items()}})
    return found


def _grown(rows: dict[str, Numbers], name: str) -> float:
    """How much a sum has grown; all of it where there is one row only."""
    if name not in rows:
        return 0.0
    values = rows[name]
    return float(values[-1] - values[0]) if values.size > 1 else float(values[-1])


def _share(streams: list[dict[str, Numbers]], name: str, busy_ns: float) -> float:
    grown = sum(_grown(rows, name) for rows in streams) * NS_PER_US
    return grown / busy_ns if busy_ns else 0.0


def _most_cpu(streams: list[dict[str, Numbers]]) -> float | None:
    """Of the sending threads, the one that was on a processor for the largest share of its time."""
    shares = [
        _grown(rows, "cpu_ns") / float(rows["at_ns"][-1] - rows["at_ns"][0])
        for rows in streams
        if "cpu_ns" in rows and rows["at_ns"][-1] > rows["at_ns"][0]
    ]
    return max(shares, default=None)


def _receiver_cpu(goodput: Samples, begin: int, threads: int) -> float | None:
    if "cpu_ns" not in goodput.columns:
        return None
    start, end, cpu = (goodput.columns[name].data for name in ("start_ns", "end_ns", "cpu_ns"))
    kept = start >= begin
    lasted = float((end - start)[kept].sum())
    return float(cpu[kept].sum()) / lasted / threads if lasted else None


def _rate(goodput: Samples, begin: int) -> float:
    """Bits per second from a time on."""
    start, end, octets = (goodput.columns[name].data for name in ("start_ns", "end_ns", "octets"))
    kept = start >= begin
    lasted = float((end - start)[kept].sum())
    return float(octets[kept].sum()) * 8 * NS_PER_S / lasted if lasted else 0.0


def _mean(columns: list[Numbers | None]) -> float | None:
    known = [each for each in columns if each is not None]
    return float(np.concatenate(known).mean()) if known else None


def _least(columns: list[Numbers | None]) -> float | None:
    known = [int(each.min()) for each in columns if each is not None]
    return float(min(known)) if known else None


def _sum_of_largest(streams: list[dict[str, Numbers]], name: str) -> int | None:
    known = [int(rows[name].max()) for rows in streams if name in rows]
    return sum(known) if known else None
