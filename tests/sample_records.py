"""Runs as a campaign leaves them: whole, broken, interrupted, unfit. Plain values, nothing measured."""

from __future__ import annotations

from dataclasses import replace

from benchkit.model.record import (
    Calibration,
    Estimate,
    Instrument,
    Metric,
    PathRecord,
    RunRecord,
    Verdict,
)

STATISTICS = ("p50", "p90", "p95", "p99", "p99.9", "max")
CONTEXT = (
    (
        "guizhou-2024:link-rate",
        "400G",
        "the backbone between the hubs; never emulated or measured on one machine: `benchkit plan` says what it needs",
    ),
)
ENVIRONMENT = {
    "host": "probe-7",
    "cpu": "AMD EPYC 7B13, 2 cores",
    "linux": "6.1.0-28-amd64",
    "python": "3.11.7",
    "benchkit": "0.1.0",
    "clock": "tsc",
    "governor": "performance",
}


def spread(model: float, jitter: float, *, open_from: str = "none") -> dict[str, Estimate]:
    """Percentiles around a model; from `open_from` on no upper end."""
    found, is_open = {}, False
    for step, name in enumerate(STATISTICS):
        is_open = is_open or name == open_from
        value = model + jitter * step
        high = None if is_open else value + jitter / 4 * step + 0.003
        found[name] = Estimate(value=value, low=value - jitter / 6 * step - 0.002, high=high)
    return found


def rtt(floor: float, model: float, jitter: float = 0.09) -> Metric:
    """An unloaded round trip."""
    return Metric(
        metric="rtt",
        phase="idle",
        unit="ms",
        n=5000,
        effective_n=4821,
        floor=floor,
        model=model,
        percentiles=spread(model + 0.012, jitter, open_from="max"),
    )


def held(metric: Metric, limit: float, verdict: str, reason: str, fact: str) -> Verdict:
    """The p95 of a metric against a limit."""
    measured = metric.percentiles["p95"]
    headroom = None if measured.value is None else limit - measured.value
    said = (verdict, reason, fact, measured, headroom)
    return Verdict("rtt", "p95", limit, "ms", *said, phase="idle", reading="round trip")


RATES = (
    Metric(
        "goodput",
        "up",
        "Mbit/s",
        n=50,
        configured=1000.0,
        estimate=Estimate(941.2, 940.8, 941.5),
        limited_by="rate",
        details={"ramp_s": 0.4, "window_KiB": 2090.0},
    ),
    Metric(
        "goodput",
        "down",
        "Mbit/s",
        n=50,
        configured=1000.0,
        estimate=Estimate(702.4, 655.0, 748.9),
        limited_by="congestion",
    ),
)


def loaded(model: float) -> tuple[Metric, ...]:
    """What is shown beside the judged metric: latency under load, HTTP, goodput."""
    up = Metric(
        "rtt",
        "up",
        "ms",
        n=1000,
        lost=3,
        percentiles=spread(model + 31, 4.2, open_from="p99.9"),
        lost_forward=2,
        lost_backward=0,
        duplicated=2,
        reordered=7,
        remarks=("it does not tell the TTL it saw",),
    )
    down = Metric(
        "rtt", "down", "ms", n=1000, percentiles=spread(model + 28, 3.9, open_from="p99.9")
    )
    http = Metric(
        "http", "http", "ms", n=200, percentiles=spread(model + 0.6, 0.31, open_from="p99")
    )
    return (up, down, http, *RATES)


def path(name: str, limit: float, floor: float, model: float, km: float) -> PathRecord:
    """A path that keeps its promise, with everything measured."""
    near, far = name.split("-")
    judged = rtt(floor, model)
    within = judged.percentiles["p95"]
    reason = f"the p95 round trip is at most {within.high:.3f} ms, within {limit:g} ms"
    verdict = held(judged, limit, "pass", reason, f"guizhou-2024:{name}")
    described = {
        "origin": f"a route of {km * 1.106:.0f} km, and equipment",
        "mtu": 1500,
        "forward": {"delay_ms": model / 2, "jitter_ms": 0.05, "loss": 0.0},
        "backward": {"delay_ms": model / 2, "jitter_ms": 0.05, "loss": 0.0},
        "rate_bps": 1_000_000_000,
    }
    return PathRecord(name, near, far, "pass", (judged, *loaded(model)), (verdict,), km, described)


def calibration(name: str, asked: float, *, off: float = 0.007) -> tuple[Calibration, ...]:
    """Both directions of a path."""
    return tuple(
        Calibration(
            path=name,
            direction=direction,
            quantity="delay",
            unit="ms",
            asked=asked / 2,
            got=asked / 2 + off,
            tolerance=0.1,
            n=500,
            within=abs(off) < 0.1,
            floor=0.021,
        )
        for direction in ("forward", "backward")
    )


INSTRUMENT = Instrument(
    stamps="kernel",
    floor_p50_us=2.9,
    floor_p99_us=4.1,
    lateness_p50_us=58.0,
    lateness_p99_us=210.0,
    host_p50_us=31.2,
    host_p99_us=88.0,
    line_lateness_p50_us=3.4,
    line_lateness_p99_us=17.9,
    line_realtime=True,
    cpu_steal_percent=0.1,
    cpu_busy_percent=43.0,
)


def passing() -> RunRecord:
    """Three paths, all within their budgets."""
    return RunRecord(
        run="20261123T101500Z-guizhou-4f2a",
        target="guizhou",
        title="Guizhou computing channels",
        question="Do Guiyang's channels to Guangzhou, Shenzhen and Hangzhou keep 10, 10 and 16 ms?",
        started="2026-11-23T10:15:00Z",
        duration_s=62.4,
        emulator="userspace",
        emulator_reason="this kernel has no netem",
        kernel="host",
        verdict="pass",
        paths=(
            path("guiyang-guangzhou", 10.0, 7.59, 8.49, 775.0),
            path("guiyang-shenzhen", 10.0, 8.6, 9.31, 878.0),
            path("guiyang-hangzhou", 16.0, 13.53, 15.05, 1381.0),
        ),
        instrument=INSTRUMENT,
        seed=1,
        command="benchkit run guizhou --emulator userspace --seed 1",
        target_digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        context=CONTEXT,
        calibration=(
            *calibration("guiyang-guangzhou", 8.49),
            *calibration("guiyang-shenzhen", 9.31),
            *calibration("guiyang-hangzhou", 15.05),
        ),
        environment=ENVIRONMENT,
    )


def failing() -> RunRecord:
    """One path beyond its budget, one whose tail was lost, one kept."""
    whole = passing()
    kept, *_ = whole.paths
    late = rtt(8.6, 9.61, 0.31)
    fails = held(
        late,
        10.0,
        "fail",
        "the p95 round trip is at least 10.135 ms, beyond 10 ms",
        "guizhou-2024:guiyang-shenzhen",
    )
    tail = {
        **spread(15.05, 0.12, open_from="p95"),
        "p99": Estimate(low=15.41),
        "p99.9": Estimate(low=15.6),
        "max": Estimate(),
    }
    lossy = replace(rtt(13.53, 15.05), lost=89, unstamped=4, effective_n=212, percentiles=tail)
    left_open = held(
        lossy,
        16.0,
        "inconclusive",
        "the interval of p95 has no upper end: 89 of 5000 packets were lost",
        "guizhou-2024:guiyang-hangzhou",
    )
    return replace(
        whole,
        run="20261123T111500Z-guizhou-77aa",
        name="after the fibre cut",
        verdict="fail",
        paths=(
            kept,
            replace(whole.paths[1], verdict="fail", metrics=(late,), verdicts=(fails,)),
            replace(
                whole.paths[2], verdict="inconclusive", metrics=(lossy,), verdicts=(left_open,)
            ),
        ),
        notes=("the machine was busy: 43 % of the processor during calibration",),
    )


def interrupted() -> RunRecord:
    """Stopped after the first path's first seconds: no verdict, no calibration, hardly an instrument."""
    few = Metric(
        "rtt", "idle", "ms", n=3, percentiles={"p50": Estimate(8.5), "max": Estimate(8.61)}
    )
    return RunRecord(
        run="20261123T121500Z-guizhou-0001",
        target="guizhou",
        title="Guizhou computing channels",
        started="2026-11-23T12:15:00Z",
        duration_s=1.25,
        emulator="none",
        emulator_reason="",
        kernel="host",
        verdict="inconclusive",
        paths=(
            PathRecord("guiyang-guangzhou", "guiyang", "guangzhou", "inconclusive", (few,), ()),
            PathRecord("guiyang-shenzhen", "guiyang", "shenzhen", "inconclusive", (), ()),
        ),
        instrument=Instrument(stamps="user"),
        interrupted=True,
    )


def unfit() -> RunRecord:
    """A machine that could not hold the delay it was asked for."""
    whole = passing()
    only = whole.paths[0]
    verdict = replace(
        only.verdicts[0], verdict="unfit", reason="the emulator missed the delay by 1.3 ms"
    )
    missed = calibration("guiyang-guangzhou", 8.49, off=1.3)
    return replace(
        whole,
        run="20261123T131500Z-guizhou-beef",
        verdict="unfit",
        paths=(replace(only, verdict="unfit", verdicts=(verdict,)),),
        unfit=(
            *(
                f"{each.miss}: userspace does not hold this path here; free a core and run again"
                for each in missed
            ),
            "12 % of the processor was stolen by the hypervisor",
        ),
        calibration=missed,
    )


SAMPLE_RECORDS = {
    "passing": passing,
    "failing": failing,
    "interrupted": interrupted,
    "unfit": unfit,
}
