"""Where a report is written to and as what, and the words that find it again."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from synthetic_runs import jitter, run_id, write

from benchkit import cli


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        ("report -o a.html", "<!doctype html>"),
        ("report -o a.json", "{"),
        ("report -o a.html --format csv", "path,"),
        ("report -o a.out", "PASS: "),
        ("compare latest~1 latest -o a.md", "## "),
        ("compare latest~1 latest -o a.html", "<!doctype html>"),
        ("history -o a.csv", "target,path,"),
        ("history -o a.html", "<!doctype html>"),
    ],
)
def test_a_file_is_written_as_its_name_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, begins: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        write(tmp_path / "results", seed, jitter(seed, n=200))
    assert CliRunner().invoke(cli.cli, words.split()).exit_code == 0
    (file,) = tmp_path.glob("a.*")
    assert file.read_text().lower().startswith(begins.lower()), file.read_text()[:80]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("report latest --results runs", "{run} --results runs"),
        ("report runs/{run}", "runs/{run}"),
        ("report {run} --results runs/", "{run} --results runs"),
    ],
)
def test_the_command_for_all_figures_can_be_typed_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "runs", 1, jitter(1, n=200))
    said = f"benchkit report {told.format(run=run_id(1))} --format full"
    done = CliRunner().invoke(cli.cli, words.format(run=run_id(1)).split())
    assert said in " ".join(done.output.split())
    assert CliRunner().invoke(cli.cli, said.split()[1:]).exit_code == 0


def test_the_usual_place_of_runs_need_not_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "results", 1, jitter(1, n=200))
    monkeypatch.chdir(tmp_path)
    usual = [CliRunner().invoke(cli.cli, ["report"])]
    monkeypatch.chdir("/")
    monkeypatch.setenv("BENCHKIT_RESULTS", str(tmp_path / "results"))
    usual.append(CliRunner().invoke(cli.cli, ["report"]))
    for done in usual:
        assert f"benchkit report {run_id(1)} --format full" in " ".join(done.output.split())
