"""A PathQuestion to a PathPlan: every figure that a path needs on paper, section by section."""

from __future__ import annotations

from collections.abc import Mapping

from benchkit.planning import ceilings, fibre, link_buffer, ramp, window
from benchkit.planning.figure import MEASURED, Cell, Figure, Heading, PathPlan, Section, Table
from benchkit.planning.forecast import loss_section, transfer_section
from benchkit.planning.question import PathQuestion
from benchkit.planning.round_trips import JOBS
from benchkit.units import show_bit_rate, show_count, show_duration, show_share

JUMBO = 9000


def plan_path(
    question: PathQuestion, measured: Mapping[str, float] | None = None, by: str = ""
) -> PathPlan:
    """Compute everything for one path.

    `measured` are jobs that were timed over it, in seconds by name, emulated `by` what.
    """
    return PathPlan(
        question.path,
        _assumptions(question),
        (
            _window(question),
            _streams(question),
            loss_section(question),
            _ramp(question),
            _packets(question),
            transfer_section(question),
            *_geography(question),
            _round_trips(question, measured or {}, by),
        ),
    )


def _assumptions(question: PathQuestion) -> tuple[str, ...]:
    limits = question.limits
    rate, loss = show_bit_rate(question.rate_bps), show_share(question.loss)
    buffers = f"tcp_rmem {limits.receive_octets} and tcp_wmem {limits.send_octets} octets"
    why = "as asked" if question.streams else "as many as the socket buffers make necessary"
    return (
        f"rate {rate} on the wire, MTU {question.framing.mtu}, loss {loss}",
        f"round trip {show_duration(question.rtt_ns)}: {question.rtt_origin}",
        f"largest {buffers}, tcp_adv_win_scale {limits.window_scale}: {limits.origin}",
        f"{question.congestion} over {show_count(question.chosen_streams, 'stream')}, {why}",
    )


def _window(question: PathQuestion) -> Section:
    rate, rtt = question.rate_bps, question.rtt_ns
    bdp = window.bdp_bits(rate, rtt)
    least = window.least_window_octets(rate, rtt)
    return Section(
        "window",
        "Bandwidth-delay product",
        (
            Figure("bdp", "bandwidth-delay product", bdp, "bit", "rfc6349-window"),
            Figure("least_window", "window that fills the path", least, "octets", "rfc6349-window"),
            Figure(
                "window_segments", "the same, in segments under way",
                question.window_segments, "segments", "rfc6349-rate",
            ),
            Figure(
                "goodput", "most data per second", question.framing.goodput_bps(rate), "bit/s",
                "rfc6349-rate", f"{100 * question.framing.share:.1f} % of the wire, with timestamps [rfc7323]",
            ),
            Figure(
                "reno_buffer", "bottleneck buffer, one Reno stream",
                link_buffer.reno_buffer(least), "octets", "villamizar",
            ),
            Figure(
                "cubic_buffer", "bottleneck buffer, one CUBIC stream",
                link_buffer.cubic_buffer(least), "octets", "cubic-buffer",
            ),
            Figure(
                "shared_buffer", f"bottleneck buffer, {show_count(question.chosen_streams, 'stream')}",
                link_buffer.shared_buffer(least, question.chosen_streams), "octets", "appenzeller",
            ),
        ),
    )  # fmt: skip


def _streams(question: PathQuestion) -> Section:
    limits, streams = question.limits, question.chosen_streams
    receive, send = limits.buffers_for(question.window_octets)
    return Section(
        "streams",
        "Socket buffers and streams",
        (
            Figure(
                "stream_window", "largest window of one stream", limits.window_octets, "octets",
                "ip-sysctl", "the lesser of what both buffers allow [sndbuf]",
            ),
            Figure(
                "stream_rate", "so one stream reaches at most",
                min(
                    window.window_rate_bps(limits.window_octets, question.rtt_ns),
                    question.goodput_bps,
                ),
                "bit/s", "rfc6349-window",
            ),
            Figure(
                "streams", "streams that fill the path", question.least_streams, "streams", "ip-sysctl"
            ),
            Figure("rmem", "tcp_rmem for one stream to fill it", receive, "octets", "ip-sysctl"),
            Figure("wmem", "tcp_wmem for one stream to fill it", send, "octets", "sndbuf"),
            Figure(
                "share_window", f"window of each of {show_count(streams, 'stream')}",
                question.window_octets / streams, "octets", "rfc6349-window",
            ),
        ),
    )  # fmt: skip


def _ramp(question: PathQuestion) -> Section:
    streams = question.chosen_streams
    each = question.window_segments / streams
    rounds = ramp.slow_start_rounds(each)
    return Section(
        "ramp",
        "Filling the path, and coming back after a loss",
        (
            Figure(
                "slow_start", f"slow start, {show_count(streams, 'stream')}", rounds * question.rtt_s, "s",
                "rfc5681", f"{show_count(rounds, 'round trip')} from 10 segments [rfc6928]",
            ),
            Figure(
                "slow_start_one", "slow start, one stream",
                ramp.slow_start_rounds(question.window_segments) * question.rtt_s, "s", "rfc5681",
            ),
            Figure(
                "reno_recovery", "Reno back from one loss, one stream",
                ramp.reno_recovery_s(question.window_segments, question.rtt_s), "s", "rfc5681",
            ),
            Figure(
                "cubic_recovery", "CUBIC back from one loss, one stream",
                ramp.cubic_recovery_s(question.window_segments), "s", "rfc9438-k",
            ),
        ),
    )  # fmt: skip


def _packets(question: PathQuestion) -> Section:
    columns = (
        Heading("mtu", "MTU"),
        Heading("serialization", "onto the wire", "s"),
        Heading("packets", "packets/s", "segments"),
        Heading("goodput", "most data/s", "bit/s"),
        Heading("under_way", "under way", "segments"),
        Heading("allowed_loss", "loss for Reno", "share"),
    )
    rows = []
    for mtu in dict.fromkeys((question.framing.mtu, 1500, JUMBO)):
        other = question.at_mtu(mtu)
        rows.append(
            (
                str(mtu),
                other.framing.serialization_s(question.rate_bps),
                other.framing.frames_per_second(question.rate_bps),
                other.goodput_bps,
                other.window_segments,
                ceilings.mathis_loss(other.window_segments),
            )
        )
    note = "loss for Reno: at which one stream still fills the path; larger packets allow more of it, per packet"
    sources = ("rfc6349-rate", "rfc7323", "mathis")
    return Section(
        "packets", "What the MTU changes", table=Table("mtu", columns, tuple(rows), sources, note)
    )


def _geography(question: PathQuestion) -> tuple[Section, ...]:
    circle = question.great_circle_km
    figures = []
    if circle is not None:
        floor = fibre.fibre_rtt_ns(circle) / 1e9
        figures += [
            Figure("great_circle", "great circle", circle, "km", "fibre"),
            Figure("floor", "round trip that no fibre beats", floor, "s", "fibre"),
        ]
    for limit, citation in question.rtt_limits:
        longest = fibre.longest_fibre_km(limit)
        said = f"budget {limit / 1e6:g} ms as a round trip [{citation}]"
        figures.append(
            Figure("longest_fibre", "longest fibre for the budget", longest, "km", "fibre", said)
        )
        if circle:
            room = "detours and equipment together"
            figures.append(
                Figure(
                    "room", "room over the great circle", longest / circle, "times", "fibre", room
                )
            )
    notes = () if question.rtt_limits else ("no budget documented: no longest fibre",)
    return (Section("fibre", "Fibre", tuple(figures), notes=notes),)


def _round_trips(question: PathQuestion, measured: Mapping[str, float], by: str) -> Section:
    columns = [
        Heading("job", "job"),
        Heading("trips", "round trips", "trips"),
        Heading("time", "computed" if measured else "time", "s"),
    ]
    rows: list[tuple[Cell, ...]] = [
        (job.name, float(job.trips), job.trips * question.rtt_s) for job in JOBS
    ]
    sources = tuple(dict.fromkeys(job.source for job in JOBS))
    notes: tuple[str, ...] = ()
    if measured:
        columns += [Heading(MEASURED, MEASURED, "s"), Heading("ratio", "ratio", "times")]
        rows = [(*row, *_beside(measured.get(str(row[0])), row[2])) for row in rows]
        said = f"measured: the median over the modelled path, emulated by {by}"
        notes = (f"{said}; what is more than computed is the ends' own time, cryptography for one",)
    note = "until the last octet of a small answer; the ends' own time is not counted"
    table = Table("jobs", tuple(columns), tuple(rows), sources, note)
    return Section("round_trips", "Round trips of a job", table=table, notes=notes)


def _beside(seconds: float | None, computed: Cell) -> tuple[Cell, Cell]:
    """What was measured, and how many times what was computed; nothing for a job that was not."""
    if seconds is None or not isinstance(computed, float):
        return None, None
    return seconds, seconds / computed
