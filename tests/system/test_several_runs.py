"""`benchkit run` more than once: repeated, and two targets in turns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import benchkit, quick_target

SHORT = ("--duration", "800ms")


@pytest.fixture
def slower(tmp_path: Path) -> str:
    """The quick target with 12 ms more, as another operator's would be."""
    target = Path(quick_target(tmp_path))
    file = tmp_path / "slower.toml"
    file.write_text(target.read_text().replace('delay = "2 ms"', 'delay = "8 ms"'))
    return str(file)


@pytest.mark.privileged
def test_two_targets_are_measured_in_turns_and_compared(tmp_path: Path, slower: str) -> None:
    results = tmp_path / "results"
    words = ("--compare", quick_target(tmp_path), "--interleave", "--gate", *SHORT)
    done = benchkit("run", slower, *words, "--format", "json", "--results", str(results))
    assert done.returncode == 1, "INCONCLUSIVE: " * (done.returncode == 3) + done.stderr
    found = json.loads(done.stdout)
    assert found["word"] == "regression"
    kept = [json.loads(file.read_text()) for file in sorted(results.glob("2*/run.json"))]
    sides = ["base" if run["run"] in found["base"] else "candidate" for run in kept]
    assert sides == ["base", "candidate", "candidate", "base"]
    assert kept[1]["name"] == "candidate of a comparison, run 2 of 4"
    p50 = next(cell for cell in found["cells"] if cell["statistic"] == "p50")
    assert p50["difference"]["value"] == pytest.approx(12, abs=3)


@pytest.mark.privileged
def test_a_run_is_repeated(tmp_path: Path) -> None:
    results = tmp_path / "results"
    words = ("--repeat", "2", *SHORT, "--results", str(results))
    done = benchkit("run", quick_target(tmp_path), *words)
    # Beside other work a run of half a second may be too unsure to judge; two of them are told all the same.
    assert done.returncode in {0, 5}, done.stderr
    assert len(list(results.glob("2*"))) == 2
    assert done.stdout.count("A quick one") == 2


@pytest.mark.privileged
def test_the_doctor_measures_the_same_thing_against_itself(tmp_path: Path) -> None:
    words = ("--aa", "--target", quick_target(tmp_path), "--runs", "4", "--duration", "800ms")
    done = benchkit("doctor", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    found = {each["topic"]: each for each in json.loads(done.stdout)["findings"]}
    assert list(found) == ["aa", "p50", "p95", "p99"]
    assert found["aa"]["figures"]["comparisons"] == 6
    shown = found["p50"].get("figures", {})  # none on a machine too busy for an interval
    assert shown.get("smallest_visible_ms", 1) > 0.1
    assert not list(tmp_path.glob("2*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--compare", "guizhou"), "give both"),
        (("--interleave",), "give both"),
        (("--repeat", "2", "--format", "json"), "text or markdown"),
        (("--compare", "guizhou", "--interleave", "--format", "csv"), "text, markdown, json"),
        (("--compare", "guizhou", "--interleave"), "name a target with a path in both"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = benchkit("run", quick_target(tmp_path), *words, "--results", str(tmp_path / "results"))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line
    assert not (tmp_path / "results").exists()
