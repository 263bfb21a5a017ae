"""Names for runs: kept whole, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from sample_records import failing, passing

from benchkit.cli import cli
from benchkit.errors import AskedWronglyError
from benchkit.store import write_run
from benchkit.store.baselines import (
    Baseline,
    expanded,
    list_baselines,
    load_baseline,
    save_baseline,
)

ONE, TWO = passing().run, failing().run


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for record in (passing(), failing()):
        write_run(tmp_path, record, [])
    return tmp_path


def test_a_name_stands_for_the_whole_ids_it_was_given(results: Path) -> None:
    save_baseline(results, "main", ["latest~1", TWO[:16]])
    assert load_baseline(results, "main") == Baseline("main", (ONE, TWO))
    assert list_baselines(results) == [Baseline("main", (ONE, TWO))]


def test_a_run_elsewhere_is_kept_by_its_path(
    results: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    folder = write_run(elsewhere, passing(), [])
    assert save_baseline(results, "far", [str(folder)]).runs == (str(folder.resolve()),)


def test_saving_again_replaces(results: Path) -> None:
    assert save_baseline(results, "main", [ONE]).replaced == ()
    assert save_baseline(results, "main", [TWO]).replaced == (ONE,)
    assert load_baseline(results, "main").runs == (TWO,)
    words = ["baseline", "save", "main", ONE, "--results", str(results)]
    assert f"main: 1 run, and no more {TWO}" in CliRunner().invoke(cli, words).output


def test_names_are_expanded_where_they_are_baselines(results: Path) -> None:
    save_baseline(results, "main", [ONE, TWO])
    assert expanded(results, ["main", "latest"]) == (ONE, TWO, "latest")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nosuch", "^no baseline nosuch: .* has main; and no run nosuch: .* holds .*or latest$"),
        ("latest~9", "^no run latest~9"),
        ("../x", "^no run ../x"),
    ],
)
def test_a_name_that_is_neither_a_baseline_nor_a_run_is_told_as_both(
    results: Path, name: str, said: str
) -> None:
    save_baseline(results, "main", [ONE])
    with pytest.raises(AskedWronglyError, match=said):
        expanded(results, [name])
    with pytest.raises(AskedWronglyError, match=r"^no baseline nosuch: .* has none; and no run"):
        expanded(results / "elsewhere", ["nosuch"])


@pytest.mark.parametrize(
    "name", ["../x", "", "a b", ".hidden", "latest", "latest~3", ONE, "x" * 65]
)
def test_a_name_that_is_no_file_name_or_means_a_run_is_refused(results: Path, name: str) -> None:
    with pytest.raises(AskedWronglyError, match="name"):
        save_baseline(results, name, [ONE])


def test_a_run_named_twice_is_refused(results: Path) -> None:
    with pytest.raises(AskedWronglyError, match="named twice"):
        save_baseline(results, "main", [ONE, "latest~1"])


def test_a_run_that_is_in_it_already_is_not_added_again(results: Path) -> None:
    save_baseline(results, "main", [ONE], add=True)
    with pytest.raises(AskedWronglyError, match=f"run {ONE} is in main already"):
        save_baseline(results, "main", ["latest~1"], add=True)
    assert save_baseline(results, "main", [TWO], add=True).runs == (ONE, TWO)


def test_a_window_keeps_the_newest(results: Path) -> None:
    save_baseline(results, "main", [ONE])
    saved = save_baseline(results, "main", [TWO], add=True, keep=1)
    assert (saved.runs, saved.replaced) == ((TWO,), (ONE,))


def test_a_run_that_is_not_there_leaves_the_old_baseline(results: Path) -> None:
    save_baseline(results, "main", [ONE])
    with pytest.raises(AskedWronglyError, match="no run"):
        save_baseline(results, "main", ["nope"])
    assert load_baseline(results, "main").runs == (ONE,)


def test_a_name_that_nobody_saved_is_an_error_with_its_remedy(results: Path) -> None:
    with pytest.raises(AskedWronglyError, match="benchkit baseline save main RUN"):
        load_baseline(results, "main")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": 1, "runs": []}',
        '{"schema": 1, "runs": [1]}',
        '{"schema": 9, "runs": ["x"]}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_named(results: Path, text: str) -> None:
    save_baseline(results, "main", [ONE])
    (results / ".baselines" / "main.json").write_text(text)
    with pytest.raises(AskedWronglyError, match=r"main\.json is damaged"):
        load_baseline(results, "main")
    with pytest.raises(AskedWronglyError, match=r"main\.json is damaged"):
        save_baseline(results, "main", [TWO], add=True)
    assert save_baseline(results, "main", [TWO]).runs == (TWO,), "as that says"
