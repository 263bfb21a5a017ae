"""Runs that live at a URL: uploaded whole with the record last, fetched when missing, and never lost here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from synthetic_runs import jitter, run_id, write

from benchkit.cli.baseline import baseline
from benchkit.cli.options import ResultsPlace
from benchkit.cli.upload import upload
from benchkit.errors import AskedWronglyError, UnfitError
from benchkit.store import find_run, list_runs, mirror, mirror_folder, read_run, read_samples
from benchkit.store.baselines import load_baseline
from benchkit.store.mirror import UPLOADED, fetch_everything, pending, pull, push
from benchkit.store.mirror_folder import mirror_of
from benchkit.store.remote import TRIAL, Remote


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"file://{tmp_path}/archive/runs"
        return
    from fsspec.implementations.memory import MemoryFileSystem  # noqa: PLC0415  for this alone

    MemoryFileSystem.store.clear()
    yield "memory://archive/runs"
    MemoryFileSystem.store.clear()


def another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))


def test_a_run_is_read_on_another_machine_with_its_samples(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = mirror_of(url)
    write(here, 1, jitter(1))
    assert push(here, find_run(here, run_id(1))) == f"{url}/{run_id(1)}"
    another_machine(tmp_path, monkeypatch)
    there = mirror_of(url)
    assert there != here
    assert (pull(there), pull(there)) == (1, 0)
    (run,) = list_runs(there)
    assert read_run(run) == read_run(find_run(here, run_id(1)))
    assert not (run / "samples").exists()
    (rows,) = read_samples(run, "rtt")
    assert len(rows) == 2000
    assert (run / "samples" / "rtt.parquet").exists()
    assert read_samples(run, "http") == []


def test_a_run_without_its_record_is_not_there_yet(url: str) -> None:
    here = mirror_of(url)
    write(here, 1, jitter(1))
    remote = Remote(url)
    run = find_run(here, run_id(1))
    files = remote._files
    put = remote._put

    def until_the_record(file: Path, there: str) -> None:
        if file.name == "run.json":
            raise OSError(5, "the line is cut")
        put(file, there)

    remote._put = until_the_record  # type: ignore[method-assign]
    with pytest.raises(UnfitError, match="the line is cut"):
        remote.upload(run)
    assert files.glob(f"{remote._root}/*/samples/*.parquet")
    assert Remote(url).runs() == set()


def test_what_could_not_be_uploaded_waits_here_and_is_uploaded_later(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = mirror_of(url)
    write(here, 1, jitter(1))
    write(here, 2, jitter(2))
    push(here, find_run(here, run_id(2)))

    def refuse(*_: Any) -> None:
        raise OSError(28, "no room there")

    with monkeypatch.context() as patched:
        patched.setattr(Remote, "_put", refuse)
        with pytest.raises(UnfitError, match="no room there"):
            push(here, find_run(here, run_id(1)))
    assert [run.name for run in pending(here)] == [run_id(1)]
    pull(here)  # forgets nothing that is here alone
    assert len(list_runs(here)) == 2
    done = CliRunner().invoke(upload, ["--results", url])
    assert done.exit_code == 0, done.output
    assert f"uploaded to {url}/{run_id(1)}" in done.output
    assert pending(here) == []
    assert Remote(url).runs() == {run_id(1), run_id(2)}


def test_a_run_that_is_gone_there_is_forgotten_here(url: str) -> None:
    here = mirror_of(url)
    for number in (1, 2):
        write(here, number, jitter(number))
        push(here, find_run(here, run_id(number)))
    remote = Remote(url)
    remote._files.rm(f"{remote._root}/{run_id(1)}", recursive=True)
    pull(here)
    assert [run.name for run in list_runs(here)] == [run_id(2)]


def test_samples_go_there_too_when_they_are_rotated(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = mirror_of(url)
    write(here, 1, jitter(1))
    run = find_run(here, run_id(1))
    push(here, run)
    mirror.drop_samples(run)
    another_machine(tmp_path, monkeypatch)
    there = mirror_of(url)
    pull(there)
    (fetched,) = list_runs(there)
    assert read_run(fetched).run == run_id(1)
    assert read_samples(fetched, "rtt") == []


def test_a_baseline_is_known_on_another_machine(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = mirror_of(url)
    write(here, 1, jitter(1))
    push(here, find_run(here, run_id(1)))
    done = CliRunner().invoke(baseline, ["save", "main", "latest", "--results", url])
    assert done.exit_code == 0, done.output
    another_machine(tmp_path, monkeypatch)
    there = mirror_of(url)
    pull(there)
    assert load_baseline(there, "main").runs == (run_id(1),)


def test_everything_is_fetched_for_a_query(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = mirror_of(url)
    for number in (1, 2):
        write(here, number, jitter(number))
        push(here, find_run(here, run_id(number)))
    another_machine(tmp_path, monkeypatch)
    there = mirror_of(url)
    pull(there)
    fetch_everything(there)
    assert len(list(there.glob("*/samples/rtt.parquet"))) == 2


def test_an_option_takes_a_folder_or_a_url(url: str, tmp_path: Path) -> None:
    place = ResultsPlace(reads=True)
    assert place.convert(str(tmp_path), None, None) == tmp_path
    assert place.convert(url, None, None) == mirror_of(url) == mirror_of(f"{url}/")
    assert not mirror_of(url).exists()
    mirror_folder.make(mirror_of(url))
    assert (mirror_of(url) / ".remote").read_text().strip() == url


def test_a_folder_is_no_mirror(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1))
    run = find_run(tmp_path, run_id(1))
    assert push(tmp_path, run) is None
    assert (pull(tmp_path), pending(tmp_path)) == (0, [])
    assert not (run / UPLOADED).exists()
    done = CliRunner().invoke(upload, ["--results", str(tmp_path)])
    assert isinstance(done.exception, AskedWronglyError)


def test_an_unknown_scheme_is_told() -> None:
    with pytest.raises(AskedWronglyError, match="nowhere"):
        Remote("nowhere://runs")


def test_a_place_that_can_be_written_is_left_as_it_was(url: str) -> None:
    here = mirror_of(url)
    assert mirror.why_cut_off(here) is None
    remote = Remote(url)
    assert not remote._files.exists(f"{remote._root}/{TRIAL}")


def test_a_folder_is_cut_off_from_nothing(tmp_path: Path) -> None:
    assert mirror.why_cut_off(tmp_path) is None


class RefusedError(Exception):
    """As a web server's library raises it."""

    status = 401


@pytest.mark.parametrize(
    "error",
    [PermissionError("denied"), FileNotFoundError("no such bucket"), RefusedError("401, no key")],
)
def test_what_lasts_is_an_error_before_anything_is_measured(
    url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: Any) -> None:
        raise error

    here = mirror_of(url)
    monkeypatch.setattr(type(Remote(url)._files), "pipe_file", refuse)
    with pytest.raises(AskedWronglyError, match=f"cannot be written: {error}: look at the URL"):
        mirror.why_cut_off(here)
    assert not here.exists()


def test_what_may_pass_is_a_reason_and_silence_is_one_too(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def refuse(*_: Any) -> None:
        raise ConnectionError("the line is cut")

    here = mirror_of(url)
    with monkeypatch.context() as patched:
        patched.setattr(type(Remote(url)._files), "pipe_file", refuse)
        assert "the line is cut" in (mirror.why_cut_off(here) or "")
    with monkeypatch.context() as patched:
        patched.setattr(Remote, "try_writing", lambda _: ended.wait())
        assert mirror.why_cut_off(here, 0.05) == f"{url} has not answered for 0.05 s"
        ended.set()


def test_a_folder_that_one_may_not_look_into_is_told_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")  # root may look anywhere

    monkeypatch.setattr(Path, "read_text", forbidden)
    said = rf"^{tmp_path} cannot be looked into: Permission denied: name a folder of yours with --results$"
    with pytest.raises(AskedWronglyError, match=said):
        mirror.remote_of(tmp_path)


def test_a_url_where_nothing_is_is_told_by_its_own_name(url: str) -> None:
    here = ResultsPlace(reads=True).convert(url, None, None)
    with pytest.raises(AskedWronglyError, match=f"no run latest: there is none at {url}: "):
        find_run(here, "latest")
    assert not here.exists()
