"""Buffer delay and responsiveness, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchkit.stats.under_load import buffer_delay_percent, foreign_rpm, trimmed_mean


def test_buffer_delay_is_the_excess_of_the_average_over_the_baseline() -> None:
    # RFC 6349 section 5.3's own example: 25 ms of baseline, 32 ms during the test.
    assert buffer_delay_percent(np.full(9, 25.0), np.full(9, 32.0)) == pytest.approx(28)
    assert buffer_delay_percent(np.array([25.0, np.inf]), np.array([50.0])) == pytest.approx(100)
    assert buffer_delay_percent(np.array([np.inf]), np.array([50.0])) is None


def test_the_highest_of_twenty_is_trimmed() -> None:
    assert trimmed_mean(np.append(np.full(19, 10.0), 1000.0)) == pytest.approx(10)
    assert trimmed_mean(np.full(4, 10.0)) is None


def test_responsiveness_is_round_trips_a_minute() -> None:
    # 20 ms for a handshake and 40 ms for a request: 30 ms on average, 2000 of them in a minute.
    assert foreign_rpm(np.full(10, 20.0), np.full(10, 40.0)) == pytest.approx(2000)
    assert foreign_rpm(np.full(10, 20.0), np.full(3, 40.0)) is None
