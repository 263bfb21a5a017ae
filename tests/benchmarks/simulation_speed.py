"""How long the simulator takes for what no machine can emulate: `python tests/benchmarks/simulation_speed.py`.

1000 flows at 400 Gbit/s over 16 ms, with 800 MB of queue, for 60 s of path time; it must take less than 30 s on one core.
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import argparse
import time

from benchkit.planning.simulation import Scenario, simulate

MUST_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of path time")
    parser.add_argument("--congestion", nargs="+", default=["cubic", "reno", "bbr"])
    words = parser.parse_args()
    print(
        f"{'control':>8}  {'path s':>7}  {'wall s':>7}  {'path s/s':>8}  {'used':>6}  {'fairness':>8}"
    )
    for control in words.congestion:
        scenario = Scenario(
            rate_bps=400e9,
            rtt_ns=16e6,
            buffer_octets=800e6,
            flows=words.flows,
            congestion=control,
            duration_ns=round(words.seconds * 1e9),
        )
        began = time.perf_counter()
        found = simulate(scenario)
        took = time.perf_counter() - began
        print(
            f"{control:>8}  {found.path_s:>7.1f}  {took:>7.1f}  {found.path_s / took:>8.2f}  "
            f"{100 * found.utilisation:>5.1f}%  {found.fairness:>8.4f}",
            flush=True,
        )
    print(f"must be below {MUST_S:g} s of wall time for {words.seconds:g} s")


if __name__ == "__main__":
    main()
