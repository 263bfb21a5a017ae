"""The README's commands, run: shorter, in one folder, and to addresses that are there.

What needs a machine of its own is run by the test that is named for it. A command that no table has fails here.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from commands import QUICK_TARGET, benchkit

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
SHORT = "--duration 500ms"
ONE_PATH = "--path guiyang-hangzhou --probe rtt"
# Each command as typed there, and as it is run here, in this order: what reads runs comes after three of one target.
RUN_HERE = {
    "benchkit run guizhou-workloads": f"run guizhou-workloads {SHORT}",
    "benchkit run guizhou-400g --scale 1:1000": f"run guizhou-400g --scale 1:1000 {ONE_PATH} {SHORT}",
    "benchkit run guizhou-pue --meter http://exporter:9400/metrics": "run guizhou-pue --meter http://127.86.9.1:9400/metrics --duration 2s",
    "benchkit run --dry-run --emulator netem": "run --dry-run --emulator netem",
    "benchkit run --probe tcp --streams 4": "run ./mine.toml --probe tcp --streams 4",
    "benchkit run --probe udp --udp-rate '100 Mbit/s'": "run ./mine.toml --probe udp --udp-rate '100 Mbit/s'",
    "benchkit run --probe udp --udp-rate max": "run ./mine.toml --probe udp --udp-rate max",
    "benchkit run --path guiyang-hangzhou --probe rtt --rate 1000/s": f"run ./mine.toml {ONE_PATH} --rate 1000/s",
    "benchkit run --gate --format markdown": "run ./mine.toml --gate --format markdown",
    "benchkit run ./mine.toml --duration 60s": f"run ./mine.toml {SHORT}",
    "benchkit run --repeat 5": f"run ./mine.toml --repeat 2 {SHORT}",
    "benchkit report latest --format html -o r.html": "report latest --format html -o r.html",
    "benchkit report latest --charts charts/": "report latest --charts charts/",
    "benchkit report latest --format full": "report latest --format full",
    "benchkit report latest --format json": "report latest --format json",
    "benchkit compare latest~1 latest": "compare latest~1 latest",
    "benchkit compare BASE A B --each --format html -o c.html": "compare latest~2 latest~1 latest --each --format html -o c.html",
    "benchkit baseline save main RUN RUN RUN": "baseline save main latest~3 latest~2 latest~1",
    "benchkit gate latest --baseline main": "gate latest --baseline main --min-percent 100 --min-latency 20ms",
    "benchkit history --statistic p99": "history --statistic p99",
    "benchkit run b.toml --compare a.toml --interleave": "run ./b.toml --compare ./a.toml --interleave",
    "benchkit plan --rate '400 Gbit/s' --simulate 100": "plan --rate '400 Gbit/s' --simulate 100",
    "benchkit targets list | show | check FILE": "targets check ./mine.toml",
    "benchkit doctor": "doctor",
    "benchkit doctor --clean": "doctor --clean",
    "benchkit emulate guiyang-hangzhou -- ping hangzhou": "emulate guiyang-hangzhou -- ping -c 1 hangzhou",
    'benchkit emulate guiyang-hangzhou --serve "iperf3 -s" -- iperf3 -c hangzhou': 'emulate guiyang-hangzhou --serve "iperf3 -s" -- iperf3 -c hangzhou -t 1',
    "benchkit agent --make-certs certs --site guiyang": "agent --make-certs certs --site guiyang",
}
# What is run before a command that judges what is there, so that another attempt judges another measurement.
MEASURED_BEFORE = {"benchkit gate latest --baseline main": "run ./mine.toml"}
CLUSTER = "system/test_cluster.py::test_paths_are_measured_from_the_agents_at_their_ends"
RECORDED = "system/test_record.py::test_a_recorded_path_behaves_as_its_model"
RUN_ELSEWHERE = {
    "benchkit run": "system/test_tutorial.py::test_every_block_does_what_it_says",
    "benchkit run --kernel uml": "system/test_uml.py::test_a_campaign_inside_has_netem_and_keeps_its_run_outside",
    "benchkit run --live": "browser/test_dashboard.py::test_a_real_run_is_watched_from_its_first_phase_to_its_verdict",
    "benchkit plan guizhou --measure": "system/test_job_times.py::test_a_plan_measures_jobs_beside_what_it_computes",
    "benchkit run --every 10m --for 24h --keep-raw 20": "system/test_series.py::test_rounds_run_at_aligned_times_and_old_samples_go",
    "benchkit run guizhou-47": "system/test_series.py::test_a_small_mesh_is_measured_on_one_wire_a_site",
    "benchkit run --results s3://bucket/runs": "system/test_bucket.py::test_a_run_goes_to_a_bucket_and_is_read_from_another_machine",
    "benchkit serve": "system/test_api_document.py::test_every_answer_is_one_that_the_document_names",
    "benchkit doctor --aa": "system/test_several_runs.py::test_the_doctor_measures_the_same_thing_against_itself",
    "benchkit record 203.0.113.7 -o there.toml": RECORDED,
    "benchkit run ./there.toml": RECORDED,
    "benchkit scheduler": CLUSTER,
    "benchkit agent --site guiyang": CLUSTER,
    "benchkit run ./mine.toml --cluster": CLUSTER,
    "benchkit agent --bind 203.0.113.7 --allow": "system/test_agent.py::test_an_agent_with_a_key_is_measured_over_ipv6_by_who_has_it_and_by_nobody_else",
}


def shown() -> Iterator[str]:
    """Every command of the README as it is typed, without its comment."""
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("benchkit "):
                yield line.split(" #")[0].strip()


def test_every_command_of_the_readme_is_run_here_or_by_a_test_that_is_there() -> None:
    longest_first = sorted(RUN_ELSEWHERE, key=len, reverse=True)
    for command in shown():
        if command not in RUN_HERE:
            of = next((each for each in longest_first if command.startswith(each)), "")
            assert of == command or of not in {"", "benchkit run"}, f"nothing runs {command}"
            file, test = RUN_ELSEWHERE[of].split("::")
            assert f"\ndef {test}(" in (CHECKOUT / "tests" / file).read_text("utf-8"), command
    assert set(RUN_HERE) <= set(shown())
    assert set(MEASURED_BEFORE) <= set(RUN_HERE)


@pytest.mark.skipif(not (CHECKOUT / ".venv" / "bin").is_dir(), reason="no .venv was set up here")
def test_make_sets_up_with_its_own_command_on_the_path() -> None:
    """Then `python3` is that of .venv, which uv makes without pip, and which makes no other."""
    path = f"{CHECKOUT / '.venv' / 'bin'}:{os.environ['PATH']}"
    words = ("make", "--silent", "--eval=shown:;@echo $$PATH", "shown")
    done = subprocess.run(
        words,
        cwd=CHECKOUT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(CHECKOUT / ".venv" / "bin") not in done.stdout


@contextmanager
def exporter(address: str) -> Iterator[None]:
    """An exporter of two energy counters, in the words of Prometheus, at a PUE of 1.1."""
    begun = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            joules = 1000.0 * (1.0 + time.monotonic() - begun)
            page = f"facility_energy_joules_total {1.1 * joules}\nit_energy_joules_total {joules}\n"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer((address, 9400), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with targets of one's own, between the sites that the README names."""
    found = tmp_path_factory.mktemp("readme")
    target = QUICK_TARGET.format(percentile="p50", limit="50 ms", duration="1 s", tolerance="20 ms")
    target = target.replace('"here"', '"guiyang"').replace('"there"', '"hangzhou"')
    for name in ("mine", "a", "b"):
        (found / f"{name}.toml").write_text(target)
    return found


def succeeding(words: str) -> CompletedProcess[str]:
    done = benchkit(*shlex.split(words), timeout=110)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stdout[:500] + done.stderr
    return done


@pytest.mark.privileged
@pytest.mark.timeout(120)
@pytest.mark.parametrize("command", RUN_HERE)
def test_a_command_of_the_readme_does_what_it_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(folder)
    words = shlex.split(RUN_HERE[command])
    for program in {"ping", "iperf3"}.intersection(words):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if command in MEASURED_BEFORE:
        succeeding(MEASURED_BEFORE[command])
    with exporter("127.86.9.1"):
        done = succeeding(RUN_HERE[command])
    if "-o" in words:
        assert (folder / words[words.index("-o") + 1]).stat().st_size > 0
    else:  # what writes files without being told where says so on stderr
        assert done.stdout.strip() or done.stderr.strip()
