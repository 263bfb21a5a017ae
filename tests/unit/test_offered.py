"""Whether a UDP sender offered what it was asked to, and its receiver took what came."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchkit.campaign.throughput import Setting, datagrams
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.samples import Samples, column
from benchkit.model.target import Plan
from benchkit.reports.rows import Series
from benchkit.reports.sentences import rate

S = 1_000_000_000
PLAN = Plan(S, 500, S, 50, S, 100, S, S, None, udp_rate_bps=50_000_000, udp_payload_octets=1250)
SETTING = Setting(Path("a-b", "a", "b", None), PLAN, 0, None)


@pytest.mark.parametrize(
    ("sent", "dropped", "said"),
    [
        (10_000, 0, None),
        (9800, 290, None),
        (
            8000,
            0,
            "sending host, which was too busy: it offered 40 Mbit/s on average, ramp and pauses included",
        ),
        (10_000, 400, "receiving host, which dropped 4 %"),
        (
            8000,
            1000,
            "sending host, which was too busy: it offered 40 Mbit/s on average, ramp and pauses included, and receiving host, which dropped 12.5 %",
        ),
    ],
)
def test_a_host_that_fell_short_is_what_limited_the_figure(
    sent: int, dropped: int, said: str | None
) -> None:
    edges = [at * S // 10 for at in range(21)]
    octets = [sent * 1250 // 20] * 20
    columns = {"start_ns": edges[:-1], "end_ns": edges[1:], "octets": octets}
    rows = Samples("goodput", "a-b", "udp up", {n: column(v) for n, v in columns.items()})
    row = {"sent": sent, "lost": dropped, "dropped_here": dropped}
    account = Samples("datagrams", "a-b", "udp up", {n: column([v]) for n, v in row.items()})
    metric, _ = datagrams(SETTING, "udp up", rows, account)
    assert metric.limited_by == said
    assert metric.lost == 0
    if said and "too busy" in said:
        crowded = Samples("datagrams", "a-b", "udp up", {**account.columns, "refused": column([3])})
        metric, _ = datagrams(SETTING, "udp up", rows, crowded)
        assert metric.limited_by == said.replace("which was too busy", "whose kernel had no room")
    assert metric.estimate is not None
    assert metric.estimate.value == pytest.approx(sent * 1250 * 8 / 2e6)


@pytest.mark.parametrize(
    ("asked_bps", "path_bps", "configured"),
    [(0, 1_000_000_000, 1000.0), (0, None, None), (50_000_000, 1_000_000_000, 50.0)],
)
def test_what_is_sent_as_fast_as_can_be_is_held_against_the_rate_of_the_path(
    asked_bps: int, path_bps: int | None, configured: float | None
) -> None:
    edges = [at * S // 10 for at in range(21)]
    columns = {"start_ns": edges[:-1], "end_ns": edges[1:], "octets": [10_602_500] * 20}
    rows = Samples("goodput", "a-b", "udp up", {n: column(v) for n, v in columns.items()})
    row = {"sent": 1000, "lost": 400, "dropped_here": 0}
    account = Samples("datagrams", "a-b", "udp up", {n: column([v]) for n, v in row.items()})
    plan = replace(PLAN, udp_rate_bps=asked_bps)
    model, told = (
        PathModel(Direction(0), Direction(0), rate_bps=path_bps),
        ("udp up", rows, account),
    )
    metric, _ = datagrams(Setting(Path("a-b", "a", "b", model), plan, 0, None), *told)
    assert metric.configured == configured
    if configured == 1000:
        said = rate(Series(metric, (), ()))
        assert said.endswith("84.8 % of 1000 configured")


@pytest.mark.parametrize(
    ("drops", "overflowed", "said"),
    [
        (3000, 40, "emulator"),
        (200, 40, None),  # told beside the loss, and no more
        (0, 3000, "rate"),
    ],
)
def test_what_was_dropped_on_the_way_is_told_and_limits_where_it_is_much(
    drops: int, overflowed: int, said: str | None
) -> None:
    edges = [at * S // 10 for at in range(21)]
    columns = {"start_ns": edges[:-1], "end_ns": edges[1:], "octets": [500_000] * 20}
    rows = Samples("goodput", "a-b", "udp up", {n: column(v) for n, v in columns.items()})
    row = {"sent": 10_000, "lost": drops + overflowed, "dropped_here": 0}
    account = Samples("datagrams", "a-b", "udp up", {n: column([v]) for n, v in row.items()})
    within = replace(SETTING, drops=drops, overflowed=overflowed)
    metric, _ = datagrams(within, "udp up", rows, account)
    assert (metric.limited_by, metric.lost) == (said, drops + overflowed)
    assert metric.details["dropped_by_the_modelled_buffer"] == overflowed
    assert metric.details["dropped_by_the_emulator"] == drops
