"""A path that is emulated is recorded, and its model gives the same path back."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from commands import benchkit

from benchkit.targets import load_target

pytestmark = pytest.mark.privileged

PATH = """
schema = 1
title = "Weather"

[[site]]
name = "here"

[[site]]
name = "there"

[[path]]
from = "here"
to = "there"

[path.model]
delay = "3 ms"
jitter = "200 us"
distribution = "pareto"
loss = "2 %"
"""


def recorded(folder: Path, *words: str, target: str = PATH) -> tuple[int, str, Path]:
    """Record the emulated path from inside it; the exit status, what was said, and the model's file."""
    (folder / "path.toml").write_text(target)
    model = folder / "model.toml"
    command = [sys.executable, "-m", "benchkit", "record", "there", "-o", str(model), *words]
    done = benchkit("emulate", str(folder / "path.toml"), "here-there", "--", *command)
    return done.returncode, done.stderr, model


def test_a_recorded_path_behaves_as_its_model(tmp_path: Path) -> None:
    status, said, file = recorded(tmp_path, "--duration", "3s", "--rate", "300/s")
    assert status == 0, said
    assert "ICMP: answers" in said
    assert len(re.findall(r"(?m)^benchkit: (p50|p95|p99|p99.9|loss) .* ok$", said)) == 5
    model = load_target(str(file)).paths[0].model
    assert model is not None
    assert model.rtt_ns == pytest.approx(6_000_000, abs=1_000_000)
    assert 0.01 < model.backward.loss < 0.09
    assert len(model.backward.deviations_ns) > 700


def test_a_trace_follows_a_path_that_changes(tmp_path: Path) -> None:
    steps = PATH + 'trace = { unit = "ms", every = "1 s", values = [3, 6, 3, 6, 3, 6, 3, 6] }\n'
    words = ("--trace", "--no-check", "--probe", "icmp", "--duration", "3s")
    status, said, file = recorded(tmp_path, *words, target=steps.replace('"2 %"', '"0 %"'))
    assert status == 0, said
    model = load_target(str(file)).paths[0].model
    assert model is not None
    assert model.backward.trace is not None
    delays = model.backward.trace.delay_ns
    assert max(delays) - min(delays) == pytest.approx(6_000_000, rel=0.3)


def test_a_tcp_port_that_answers_is_enough(tmp_path: Path) -> None:
    words = ("--probe", "connect", "--port", "1", "--no-check", "--duration", "1s")
    status, said, file = recorded(tmp_path, *words)
    assert status == 4
    assert "TCP port 1" in said
    assert not file.exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["no.such.host.invalid"], 4, "no.such.host.invalid"),
        (["127.0.0.1", "--probe", "stamp", "--port", "9"], 4, "benchkit agent"),
    ],
)
def test_what_cannot_be_recorded_is_told(words: list[str], status: int, said: str) -> None:
    done = benchkit("record", *words, "--duration", "1s")
    assert done.returncode == status
    assert said in done.stderr.splitlines()[-1]
    assert done.stdout == ""
