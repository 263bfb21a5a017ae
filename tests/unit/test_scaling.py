"""Scaled emulation: what is divided, what is kept, what is refused, and that every report says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_records import passing

from benchkit.campaign.question import Changes, narrowed
from benchkit.campaign.scaling import check_rates
from benchkit.errors import AskedWronglyError
from benchkit.planning.window import bdp_bits
from benchkit.reports import render
from benchkit.reports.scaled import facts
from benchkit.targets import load_target


def test_rates_and_buffers_are_divided_and_round_trips_and_bdps_kept() -> None:
    target = load_target("guizhou-400g")
    found = narrowed(target, Changes(scale=400))
    assert found.name == "guizhou-400g-scaled-400"
    assert found.title.endswith(", scaled 1:400")
    assert found.scale == 400
    for before, path in zip(target.paths, found.paths, strict=True):
        assert before.model
        assert path.model
        assert path.model.rate_bps == 1_000_000_000
        assert path.model.rtt_ns == before.model.rtt_ns
        assert path.budgets == ()
        bdps = [
            8 * (model.buffer_octets or 0) / bdp_bits(model.rate_bps or 0, model.rtt_ns)
            for model in (before.model, path.model)
        ]
        assert bdps[0] == pytest.approx(bdps[1], rel=1e-4)
    assert any("scaled 1:400" in warning for warning in found.warnings)


def test_what_no_machine_carries_is_refused_unscaled() -> None:
    with pytest.raises(AskedWronglyError, match=r"400 Gbit/s cannot be emulated.*--scale 1:400"):
        check_rates(load_target("guizhou-400g"))


def test_what_would_be_too_slow_is_refused_with_the_most_that_is_not() -> None:
    with pytest.raises(AskedWronglyError, match="give at most 1:100"):
        narrowed(load_target("guizhou"), Changes(scale=1000))


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_reports_say_what_carries_over_and_what_does_not(form: str) -> None:
    record = replace(passing(), scale=1000, title="A channel, scaled 1:1000")
    text = " ".join(render(record, form, width=100, color=False).replace("\\", "").split())
    assert "Scaled 1:1000, emulated" in text
    assert "carries over" in text
    assert "slow start takes log2(1000) = 10 round trips more" in text


def test_a_run_at_its_own_rate_says_nothing_of_scales() -> None:
    assert facts(passing()) == []
    assert "caled" not in render(passing(), "text", width=100, color=False)
