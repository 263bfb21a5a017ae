"""Models from measured round trips."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from benchkit.model.impairment import Bursts
from benchkit.stats.path_fit import fit_loss, fit_table, fit_trace
from benchkit.targets.build import read_target
from benchkit.targets.writing import target_text

MS = 1e6


def latencies(n: int = 5000) -> np.ndarray:
    generator = np.random.default_rng(1)
    return 8 * MS + generator.exponential(0.3 * MS, n)


def test_the_table_has_the_percentiles_of_what_was_measured() -> None:
    measured = latencies()
    model = fit_table(measured)
    again = (
        model.forward.delay_ns + model.backward.delay_ns + np.array(model.backward.deviations_ns)
    )
    for share in (0.5, 0.95, 0.99, 0.999, 1.0):
        assert np.quantile(again, share) == pytest.approx(np.quantile(measured, share), rel=0.002)
    assert model.forward.delay_ns == int(measured.min() // 2)


def test_of_packets_in_order_the_model_gives_them_back_in_order() -> None:
    generator, sent = np.random.default_rng(3), np.arange(20_000) * 10 * MS
    measured = (
        np.maximum.accumulate(sent + 60 * MS + generator.normal(0, 11 * MS, sent.size)) - sent
    )
    model = fit_table(measured, 10 * MS)
    assert np.median(measured) > 62 * MS
    deviations = np.array(model.backward.deviations_ns)
    assert np.median(deviations + model.rtt_ns) == pytest.approx(60 * MS, abs=0.5 * MS)
    drawn = sent + model.rtt_ns + generator.choice(deviations, sent.size)
    again = np.maximum.accumulate(drawn) - sent
    for share in (0.5, 0.95, 0.99):
        assert np.quantile(again, share) == pytest.approx(np.quantile(measured, share), abs=MS)


def test_losses_one_by_one_are_a_ratio_and_in_bursts_a_gilbert_model() -> None:
    generator = np.random.default_rng(2)
    share, bursts = fit_loss(generator.random(20_000) < 0.02)
    assert bursts is None
    assert share == pytest.approx(0.02, rel=0.2)
    lost, bad = np.zeros(20_000, dtype=bool), False
    for at in range(lost.size):
        lost[at] = bad
        bad = generator.random() < (0.75 if bad else 0.01)
    share, bursts = fit_loss(lost)
    assert share == 0
    assert bursts is not None
    assert bursts.mean_loss == pytest.approx(lost.mean(), rel=0.05)
    assert bursts.leave == pytest.approx(0.25, rel=0.2)


def test_a_trace_follows_the_steps() -> None:
    due = np.arange(3000) * 1_000_000
    measured = latencies(3000) + np.where(due < 1_500_000_000, 0, 4 * MS)
    model = fit_trace(measured, due, 100_000_000)
    trace = model.backward.trace
    assert trace is not None
    assert len(trace.delay_ns) == 30
    assert trace.at(2_000_000_000) - trace.at(500_000_000) == pytest.approx(4 * MS, rel=0.05)
    assert max(model.backward.deviations_ns) < 4 * MS


def test_too_little_makes_no_model() -> None:
    with pytest.raises(ValueError, match="99 answers"):
        fit_table(np.r_[latencies(99), np.full(500, np.inf)])


def test_a_written_model_is_read_as_it_was(tmp_path: Path) -> None:
    measured = latencies(300)
    measured[10:14] = np.inf
    measured[100:112] = np.inf
    model = fit_trace(measured, np.arange(300) * 10_000_000)
    assert isinstance(model.backward.bursts, Bursts)
    file = tmp_path / "x.toml"
    file.write_text(target_text('a "quoted" name', model, 100))
    tomllib.loads(file.read_text())
    assert "# Round trips do not tell the two directions apart." in file.read_text()
    read = read_target(file).paths[0].model
    assert read is not None
    assert read.forward == model.forward
    assert read.backward.trace == model.backward.trace
    assert read.backward.deviations_ns == tuple(sorted(model.backward.deviations_ns))
    assert read.backward.bursts is not None
    assert read.backward.bursts.enter == pytest.approx(model.backward.bursts.enter, rel=1e-4)
