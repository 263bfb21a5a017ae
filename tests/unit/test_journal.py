"""What had arrived of a killed run is all there, up to where its last frame was torn off."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from round_trip_rows import answers
from sample_records import passing

from benchkit.campaign import tidying
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.kept_harvest import KILLED, NOT_KEPT, KeptHarvest, recovered
from benchkit.clock import NS_PER_S as S
from benchkit.errors import AskedWronglyError
from benchkit.model.record import RunRecord
from benchkit.model.samples import Samples
from benchkit.store import journal as journals
from benchkit.store import read_run, read_samples, write_run
from benchkit.store.journal import Journal, dead_journals


def record() -> RunRecord:
    """A run as it is before anything is measured."""
    made = passing()
    bare = tuple(
        replace(
            path,
            metrics=(),
            verdict="inconclusive",
            verdicts=tuple(
                replace(each, verdict="inconclusive", measured=None) for each in path.verdicts
            ),
        )
        for path in made.paths
    )
    return replace(made, paths=bare, verdict="inconclusive")


def told(results: Path, *, batches: int = 4) -> Journal:
    """A journal of a run that was killed after so many batches of 100 packets."""
    made = record()
    journal = Journal(results, made)
    harvest = KeptHarvest(journal)
    path = made.paths[0].path
    harvest.open_session(path, "floor", ours=False)
    harvest.add(answers(path, 5))
    harvest.forget("idle")
    harvest.open_session(path, "idle", ours=False)
    for number in range(batches):
        harvest.add(answers(path, 100, 100 * number))
    return journal


def same(one: list[Samples], other: list[Samples]) -> bool:
    return all(
        (mine.kind, mine.path, mine.phase) == (its.kind, its.path, its.phase)
        and all(np.ma.allequal(mine.columns[name], its.columns[name]) for name in its.columns)
        and all(mine.columns[name].count() == its.columns[name].count() for name in its.columns)
        for mine, its in zip(one, other, strict=True)
    )


def test_a_killed_run_is_made_of_what_had_arrived_and_judged_by_nobody(tmp_path: Path) -> None:
    journal = told(tmp_path)
    assert dead_journals(tmp_path) == []  # its writer lives
    journal.close()
    os.utime(journal.file, (0, 0))
    assert dead_journals(tmp_path) == [journal.file]
    (found,) = [each for each in tidying.clean(tmp_path) if each.topic == "run"]
    assert "400 samples had arrived" in found.said
    made = read_run(tmp_path / record().run)
    assert (made.interrupted, made.verdict) == (True, "inconclusive")
    (metric,) = made.paths[0].metrics
    assert (metric.metric, metric.n, metric.lost) == ("rtt", 400, 40)
    assert {each.verdict for path in made.paths for each in path.verdicts} == {"inconclusive"}
    (rows,) = read_samples(tmp_path / made.run, "rtt")
    assert len(rows) == 400
    assert not journal.file.exists()


def test_a_run_that_was_made_of_a_killed_one_lasted_until_it_was_told_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [5 * S]
    monkeypatch.setattr(journals, "monotonic_ns", lambda: now[0])
    journal = Journal(tmp_path, replace(record(), duration_s=0.0))
    harvest = KeptHarvest(journal)
    for _ in range(3):
        now[0] += 3 * S
        harvest.add(answers(record().paths[0].path, 5))
    journal.close()
    made, _ = recovered(journal.file)
    assert (made.duration_s, made.notes[-1]) == (9.0, KILLED)
    assert {each.reason for path in made.paths for each in path.verdicts} == {KILLED}


def test_a_run_that_found_no_room_was_not_killed(tmp_path: Path) -> None:
    journal = told(tmp_path)
    journal.leave()
    os.utime(journal.file, (0, 0))
    (found,) = [each for each in tidying.clean(tmp_path) if each.topic == "run"]
    assert "of a run that could not be kept: 400 samples had arrived" in found.said
    made = read_run(tmp_path / record().run)
    assert made.notes[-1] == NOT_KEPT
    assert {each.reason for path in made.paths for each in path.verdicts} == {NOT_KEPT}


@pytest.mark.parametrize("torn", [1, 7, 20, 500, 5000])
def test_a_torn_frame_costs_itself_alone(tmp_path: Path, torn: int) -> None:
    journal = told(tmp_path)
    journal.close()
    with journal.file.open("r+b") as opened:
        opened.truncate(journal.file.stat().st_size - torn)
    _, samples = recovered(journal.file)
    (rows,) = samples
    assert len(rows) == 300
    whole = Harvest()
    path = record().paths[0].path
    whole.open_session(path, "idle", ours=False)
    for number in range(3):
        whole.add(answers(path, 100, 100 * number))
    assert same(samples, whole.everything())


def test_a_disk_that_is_full_ends_the_writing_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = told(tmp_path, batches=1)
    size = journal.file.stat().st_size

    def append(descriptor: int, frame: bytes) -> None:
        os.write(descriptor, frame[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journals, "_append", append)
    harvest = KeptHarvest(journal)
    harvest.add(answers("a-b", 100))
    harvest.add(answers("a-b", 100, 100))
    assert journal.trouble == "No space left on device"
    assert journal.file.stat().st_size == size
    assert sum(len(batch) for batch in harvest.everything()) == 200


def test_samples_that_the_disk_refused_are_put_into_their_run_later(tmp_path: Path) -> None:
    journal = told(tmp_path)
    journal.close()
    os.utime(journal.file, (0, 0))
    kept = replace(passing(), notes=("samples are missing: No space left on device",))
    write_run(tmp_path, kept, [])
    tidying.clean(tmp_path)
    made = read_run(tmp_path / kept.run)
    assert made.verdict == "pass"
    assert made.notes == ("its samples were added later, as they had arrived",)
    (rows,) = read_samples(tmp_path / kept.run, "rtt")
    assert len(rows) == 400
    assert not journal.file.exists()


def test_a_locked_journal_is_nobody_elses(tmp_path: Path) -> None:
    journal = told(tmp_path)
    os.utime(journal.file, (0, 0))
    with journal.file.open("rb") as opened, pytest.raises(OSError, match="temporarily"):
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    assert dead_journals(tmp_path) == []


def test_a_journal_under_another_name_is_not_kept_under_the_one_that_it_says(
    tmp_path: Path,
) -> None:
    journal = told(tmp_path)
    journal.close()
    other = journal.file.with_name(journals.ARRIVED_PREFIX + "20261126T000000Z-other-0000")
    journal.file.rename(other)
    with pytest.raises(AskedWronglyError, match="is that of another run"):
        recovered(other)


@pytest.mark.parametrize("kind", ["../../escaped", "a/b", "", "x" * 33])
def test_no_kind_of_samples_names_a_file_elsewhere(tmp_path: Path, kind: str) -> None:
    journal = told(tmp_path, batches=1)
    rows = answers(record().paths[0].path, 5)
    journal.write({"add": True}, replace(rows, kind=kind))
    journal.close()
    _, samples = recovered(journal.file)
    assert {each.kind for each in samples} == {"rtt"}


def test_a_frame_that_says_it_is_longer_than_the_file_is_its_end(tmp_path: Path) -> None:
    journal = told(tmp_path, batches=1)
    journal.close()
    with journal.file.open("ab") as opened:
        opened.write(journals.HEAD.pack(2, 2**63, 0) + b"{}")
    _, samples = recovered(journal.file)
    assert sum(map(len, samples)) == 100
