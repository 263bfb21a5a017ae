"""The wall clock is set forward and back while packets fly: on a kernel of its own, where that is really done.

Kernel stamps are CLOCK_REALTIME: what was on its way at a step has no round trip by them, and all the rest has its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import quick_target

from benchkit.linux.uml import why_no_uml

pytestmark = pytest.mark.skipif(why_no_uml() is not None, reason=str(why_no_uml()))
# $1 is what follows `benchkit run`. The clock goes an hour on, then two back.
STEPS = """
exec 3>&2
"$@" 2>said &
until grep -q 'round trips, idle' said; do kill -0 $! || exit 99; sleep 0.05; done
sleep 1; date -s '+1 hour' >/dev/null
sleep 1; date -s '-2 hours' >/dev/null
wait $!; status=$?
cat said >&3
exit $status
"""


def test_steps_of_the_clock_are_in_no_round_trip(tmp_path: Path) -> None:
    results = tmp_path / "results"
    target = quick_target(tmp_path, duration="4 s")
    benchkit = (sys.executable, "-m", "benchkit")
    words = ("run", target, "--results", str(results))
    done = subprocess.run(
        [*benchkit[:2], "benchkit.linux.uml", "--", "sh", "-c", STEPS, "sh", *benchkit, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        cwd=tmp_path,
        env=dict(os.environ),
    )
    assert "Traceback" not in done.stderr, done.stderr
    # On a machine that others use netem may be late, and nothing is judged; what must not be is a wrong word.
    assert done.returncode in {0, 5}, done.stderr
    (file,) = results.glob("2*/run.json")
    record = json.loads(file.read_text())
    (path,) = record["paths"]
    (idle,) = [each for each in path["metrics"] if each["metric"] == "rtt"]
    assert idle["n"] == 2000
    assert idle["lost"] < 20
    # Two steps cost the packets that were on their way, one or two each.
    assert idle["unstamped"] < 20
    figures = idle["percentiles"]
    assert 3.5 < figures["p50"]["value"] < 6
    assert figures["max"]["value"] < 1000
    assert 0 < idle["details"]["min"] <= figures["p50"]["value"]
    assert path["verdict"] != "fail"
    assert 0 < record["duration_s"] < 60
