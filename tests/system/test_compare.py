"""compare, gate, baseline and history as users meet them: the real command, on runs that nothing measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from commands import benchkit
from sample_records import unfit
from synthetic_runs import jitter, record_of, run_id, write, write_many

from benchkit.store import write_run

FAST, SLOW = range(1, 6), (20,)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Five runs of one path, at minutes 1 to 5, and one half a millisecond slower, at minute 20."""
    write_many(tmp_path, FAST)
    write_many(tmp_path, SLOW, more_ms=0.5)
    return tmp_path


def asked(results: Path, *arguments: str) -> tuple[int, str, str]:
    done = benchkit(*arguments, BENCHKIT_RESULTS=str(results))
    return done.returncode, done.stdout, done.stderr


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_two_like_runs_show_no_difference(results: Path) -> None:
    status, out, said = asked(results, "compare", run_id(1), run_id(2))
    assert (status, said) == (0, "")
    assert out.startswith("NO DIFFERENCE SEEN: ")
    assert "visible" in out
    assert "fewer than three runs on either side" in unwrapped(out)


def test_a_slower_run_is_a_regression_and_compare_still_exits_0(results: Path) -> None:
    status, out, _ = asked(results, "compare", run_id(1), "latest", "--format", "json")
    found = json.loads(out)
    assert (status, found["word"]) == (0, "regression")
    p95 = next(cell for cell in found["cells"] if cell["statistic"] == "p95")
    assert p95["method"] == "blocks"
    assert p95["difference"]["low"] < 0.5 < p95["difference"]["high"]


def test_groups_of_runs_are_compared_run_by_run(results: Path) -> None:
    names = [run_id(number) for number in (*FAST, *SLOW)]
    status, out, _ = asked(results, "compare", *names, "--candidates", "3", "--format", "json")
    found = json.loads(out)
    assert status == 0
    assert (len(found["base"]), len(found["candidate"])) == (3, 3)
    assert {cell["method"] for cell in found["cells"]} == {"runs"}


def test_another_kernel_is_not_comparable_unless_asked_for(results: Path) -> None:
    record = record_of(jitter(30), run_id(30))
    environment = {**record.environment, "kernel": "6.18.0"}
    write(results, 30, jitter(30), record=replace(record, environment=environment))
    status, out, _ = asked(results, "compare", run_id(1), run_id(30))
    assert status == 0
    assert out.startswith("NOT COMPARABLE: kernel: base host 6.1.0-28-amd64; candidate host 6.18.0")
    _, out, _ = asked(results, "compare", run_id(1), run_id(30), "--despite", "kernel")
    assert out.startswith("NO DIFFERENCE SEEN")
    assert "note: kernel: base" in out


def test_runs_without_samples_are_compared_by_their_records(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1), samples=False)
    write(tmp_path, 2, jitter(2) + 1, samples=False)
    _, out, _ = asked(tmp_path, "compare", run_id(1), run_id(2), "--format", "json")
    assert json.loads(out)["word"] == "regression"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compare", "latest"), "no base before the candidate"),
        (("compare", "latest", "latest"), "on both sides"),
        (("compare", "nope", "latest"), "no run nope"),
        (("gate", "latest", "--baseline", "nope"), "no run nope"),
        (("gate", "latest", "--baseline", "latest"), "is itself in --baseline latest"),
        (("baseline", "save", "../x", "latest"), "a name has letters"),
        (("baseline", "show", "main"), "no baseline main"),
        (("history", "nowhere"), "no run of target nowhere"),
        (("history", "--sql", "drop table runs"), "one SELECT is taken"),
    ],
)
def test_what_is_asked_wrongly_exits_2_in_one_line(
    results: Path, arguments: tuple[str, ...], said: str
) -> None:
    status, out, heard = asked(results, *arguments)
    assert (status, out) == (2, "")
    assert said in heard
    assert heard.count("\n") == 1


def test_a_gate_passes_a_run_like_its_baseline(results: Path) -> None:
    base = [word for number in range(1, 5) for word in ("--baseline", run_id(number))]
    status, out, _ = asked(results, "gate", run_id(5), *base)
    assert status == 0
    assert out.startswith("PASS: ")


@pytest.mark.parametrize("runs", [1, 5])
def test_a_gate_fails_a_regression_though_its_budget_is_kept(results: Path, runs: int) -> None:
    base = [word for number in range(1, runs + 1) for word in ("--baseline", run_id(number))]
    status, out, _ = asked(results, "gate", "latest", *base)
    assert status == 1
    assert out.startswith("FAIL: ")
    assert "regression" in out
    assert "was not measured again: target guizhou is not the one" in unwrapped(out)


def test_a_gate_fails_a_broken_budget_without_a_baseline(results: Path) -> None:
    write(results, 30, jitter(30), limit=8.0)
    assert asked(results, "gate")[0] == 1


def test_a_gate_says_3_where_the_baseline_is_another_target(results: Path) -> None:
    record = replace(record_of(jitter(30), run_id(30)), target_digest="0" * 64)
    write(results, 30, jitter(30), record=record)
    status, out, _ = asked(results, "gate", "latest", "--baseline", run_id(1))
    assert status == 3
    assert "target: base guizhou 9f86d081884c; candidate guizhou 000000000000" in unwrapped(out)


def test_a_gate_fails_what_is_missing(results: Path) -> None:
    write(results, 30, jitter(30), mbps=None)
    status, out, _ = asked(results, "gate", "latest", "--baseline", run_id(1))
    assert status == 1
    assert "missing: the candidate has no such figure" in unwrapped(out)


def test_a_gate_fails_goodput_and_loss_too(results: Path) -> None:
    lossy = jitter(30)
    lossy[::40] = math.inf
    write(results, 30, lossy, mbps=600.0)
    status, out, _ = asked(results, "gate", "latest", "--baseline", run_id(1), "--format", "json")
    words = {cell["statistic"]: cell["word"] for cell in json.loads(out)["comparison"]["cells"]}
    assert status == 1
    assert words["loss"] == words["mean"] == "regression"


def test_a_gate_on_an_unfit_machine_exits_5(results: Path) -> None:
    write_run(results, replace(unfit(), run=run_id(40)), [])
    assert asked(results, "gate", "latest", "--baseline", run_id(1))[0] == 5


def test_a_gate_answers_once_in_several_formats(results: Path) -> None:
    files = [("github-summary", results / "gate.md"), ("junit", results / "gate.xml")]
    options = [word for form, file in files for word in ("--format", f"{form}={file}")]
    words = ("gate", "latest", "--baseline", run_id(1), "--format", "text", *options)
    status, out, _ = asked(results, *words)
    assert (status, out[:6]) == (1, "FAIL: ")
    assert (results / "gate.md").read_text().startswith("## FAIL: ")
    assert 'type="regression"' in (results / "gate.xml").read_text()


def test_a_floor_of_ones_own_decides_what_counts(results: Path) -> None:
    options = ("--min-percent", "10", "--min-latency", "1ms")
    assert asked(results, "gate", "latest", "--baseline", run_id(1), *options)[0] == 0


def test_a_saved_baseline_is_a_window_that_slides(results: Path) -> None:
    assert asked(results, "baseline", "save", "main", *map(run_id, range(1, 5)))[0] == 0
    assert asked(results, "baseline", "save", "main", run_id(5), "--add", "--keep", "3")[0] == 0
    _, out, _ = asked(results, "baseline", "show", "main")
    assert out.split() == [run_id(3), run_id(4), run_id(5)]
    _, out, _ = asked(results, "baseline", "list")
    assert out.split() == ["main", "3", "runs", run_id(5)]
    status, out, _ = asked(results, "gate", "latest", "--baseline", "main", "--format", "markdown")
    assert status == 1
    assert "a baseline of 3 runs" in out


def test_a_history_shows_every_run_and_answers_sql(results: Path) -> None:
    status, out, said = asked(results, "history")
    assert (status, said) == (0, "")
    assert "6 runs, no change of level" in out
    assert "unconfirmed: outside of what the 5 runs before" in out
    query = "select count(*) as runs from runs where verdict = 'pass'"
    _, out, _ = asked(results, "history", "--sql", query, "--format", "json")
    assert json.loads(out) == [{"runs": 6}]
