"""Columns that grow hold what was added, in order, and what was handed out stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.campaign import growing as growing_module
from benchkit.campaign import room
from benchkit.campaign.growing import Growing
from benchkit.model.samples import Samples, column
from benchkit.store.parquet import read_parquet, write_parquet

CELL = st.none() | st.sampled_from([7, 8]) | st.integers(-(2**62), 2**62)


def batch(cells: list[int | None]) -> Samples:
    values = [0 if cell is None else cell for cell in cells]
    return Samples("rtt", "a", "idle", {"x": column(values, [cell is None for cell in cells])})


@given(st.lists(st.lists(CELL, max_size=40), min_size=1, max_size=12))
def test_rows_and_holes_come_back_in_the_order_in_which_they_came(
    batches: list[list[int | None]],
) -> None:
    growing, expected = Growing(), []
    for cells in batches:
        growing.add(batch(cells))
        expected += cells
        assert growing.columns()["x"].tolist() == expected


def test_what_was_handed_out_is_not_changed_by_what_comes_later() -> None:
    growing = Growing()
    growing.add(batch([1, None]))
    before = growing.columns()["x"]
    for _ in range(3000):
        growing.add(batch([7]))
    assert before.tolist() == [1, None]
    assert len(growing.columns()["x"]) == 3002


def test_reading_copies_nothing() -> None:
    growing = Growing()
    growing.add(batch([*range(5000), None]))
    first, second = growing.columns()["x"], growing.columns()["x"]
    assert np.shares_memory(first.data, second.data)
    assert np.shares_memory(np.ma.getmaskarray(first), np.ma.getmaskarray(second))


def test_a_column_that_only_some_batches_have_has_holes_for_the_rest() -> None:
    growing = Growing()
    growing.add(batch([1]))
    growing.add(Samples("rtt", "a", "idle", {"y": column([2, 3])}))
    assert list(growing.columns()) == ["x", "y"]
    assert growing.columns()["x"].tolist() == [1, None, None]
    assert growing.columns()["y"].tolist() == [None, 2, 3]


def test_what_is_the_same_in_all_rows_takes_no_memory_until_it_is_not() -> None:
    growing = Growing()
    growing.add(batch([64, None, 64]))
    growing.add(batch([64] * 5000))
    before = growing.columns()["x"]
    assert before.data.strides == (0,)
    assert before.tolist() == [64, None, 64, *[64] * 5000]
    growing.add(batch([63, 64]))
    after = growing.columns()["x"]
    assert after.tolist() == [64, None, 64, *[64] * 5000, 63, 64]
    assert len(before) == 5003


def test_such_columns_are_kept_as_any_others(tmp_path: Path) -> None:
    growing = Growing()
    for start in (0, 4000):
        columns = {
            "n": column(np.arange(start, start + 4000)),
            "ttl": column([64] * 4000, np.arange(4000) % 7 == 0),
            "copies": column([0] * 4000),
        }
        growing.add(Samples("rtt", "a", "idle", columns))
    rows = Samples("rtt", "a", "idle", growing.columns())
    write_parquet(tmp_path, "run", [rows])
    (read,) = read_parquet(tmp_path / "rtt.parquet", "rtt")
    for name, values in rows.columns.items():
        assert read.columns[name].tolist() == values.tolist()


def test_the_first_loss_of_a_long_run_costs_no_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (growing_module, room):
        monkeypatch.setattr(module, "LARGE", 1000)
    growing = Growing()
    for start in range(0, 4000, 10):
        growing.add(batch(list(range(start, start + 10))))
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    growing.add(batch([None]))
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
    assert growing.columns()["x"].tolist() == [*range(4000), None]
