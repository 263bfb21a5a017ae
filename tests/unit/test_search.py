"""Runs are listed and found, by age, id, prefix or place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kept_runs import FIRST, SECOND, THIRD, keep, one_line

from benchkit.errors import AskedWronglyError
from benchkit.store import find_run, leftovers, list_runs


def test_runs_are_listed_oldest_first_without_partial_ones(tmp_path: Path) -> None:
    keep(tmp_path, SECOND, THIRD, FIRST)
    (tmp_path / f".partial-{THIRD}x").mkdir()
    (tmp_path / "published").mkdir()
    assert [run.name for run in list_runs(tmp_path)] == [FIRST, SECOND, THIRD]
    assert [entry.name for entry in leftovers(tmp_path)] == [f".partial-{THIRD}x"]


def test_two_runs_of_one_second_are_in_the_order_of_their_writing(tmp_path: Path) -> None:
    first, second = keep(tmp_path, FIRST[:-4] + "ffff", FIRST[:-4] + "0000")
    os.utime(second, (second.stat().st_atime, first.stat().st_mtime + 1))
    assert list_runs(tmp_path) == [first, second]


def test_no_results_are_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == []
    assert leftovers(tmp_path / "none") == []


def test_results_that_is_a_file_is_no_place_to_look(tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("")
    with pytest.raises(AskedWronglyError, match="give --results a directory"):
        list_runs(file)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("latest", THIRD),
        ("latest~0", THIRD),
        ("latest~2", FIRST),
        (SECOND, SECOND),
        ("20261124", THIRD),
        ("20261123T10", FIRST),
    ],
)
def test_a_run_is_found_by_age_by_id_and_by_prefix(tmp_path: Path, text: str, wanted: str) -> None:
    keep(tmp_path, FIRST, SECOND, THIRD)
    assert find_run(tmp_path, text) == tmp_path / wanted


def test_a_run_is_found_by_its_directory_its_file_and_below_results(tmp_path: Path) -> None:
    (run,) = keep(tmp_path / "results" / "published", FIRST)
    assert find_run(tmp_path / "other", str(run)) == run
    assert find_run(tmp_path / "other", str(run / "run.json")) == run
    assert find_run(tmp_path / "results", f"published/{FIRST}") == run


def test_a_whole_id_is_found_though_another_begins_with_it(tmp_path: Path) -> None:
    keep(tmp_path, FIRST, f"{FIRST}0")
    assert find_run(tmp_path, FIRST).name == FIRST


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("20261123", f"2 runs begin with 20261123: {FIRST}, {SECOND}: type more"),
        ("nonsense", f"holds {THIRD}, {SECOND}, {FIRST}: type one of these"),
        ("", "no run (empty)"),
        ("latest~3", f"holds 3, the oldest is {FIRST}: ask for latest~2"),
    ],
)
def test_a_run_that_is_not_found_names_what_is_there(tmp_path: Path, text: str, said: str) -> None:
    keep(tmp_path, FIRST, SECOND, THIRD)
    with pytest.raises(AskedWronglyError) as caught:
        find_run(tmp_path, text)
    assert said in one_line(caught)


def test_where_there_is_one_run_alone_the_error_says_so_and_how_to_make_another(
    tmp_path: Path,
) -> None:
    keep(tmp_path, FIRST)
    with pytest.raises(AskedWronglyError) as caught:
        find_run(tmp_path, "latest~1")
    assert one_line(caught) == (
        f"no run latest~1: {tmp_path} holds one run alone, {FIRST}, which is `latest`: `benchkit run` makes another"
    )


@pytest.mark.parametrize("text", ["latest", "2026"])
def test_where_there_is_no_run_the_error_says_how_to_make_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(AskedWronglyError, match="holds no run yet: `benchkit run` makes one"):
        find_run(tmp_path, text)
    nowhere = tmp_path / "nowhere"
    with pytest.raises(
        AskedWronglyError, match=rf"no run {text}: there is no folder {nowhere}: .* --results"
    ):
        find_run(nowhere, text)


def test_latest_does_not_pass_over_a_damaged_run(tmp_path: Path) -> None:
    keep(tmp_path, FIRST)
    (tmp_path / THIRD).mkdir()
    with pytest.raises(AskedWronglyError, match="damaged") as caught:
        find_run(tmp_path, "latest")
    assert THIRD in one_line(caught)


def test_a_long_list_of_candidates_is_cut(tmp_path: Path) -> None:
    keep(tmp_path, *(f"2026112{day}T101500Z-lab-0001" for day in range(8)))
    with pytest.raises(AskedWronglyError, match="and 4 more"):
        find_run(tmp_path, "2026")
