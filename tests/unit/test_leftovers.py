"""What a killed campaign leaves in the system, told from what a living one uses."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest

from benchkit.linux import leftovers
from benchkit.linux.channel import Channel

Start = Callable[[str, str], "subprocess.Popen[str]"]
LIKE_OURS = "multiprocessing."


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing here may touch the folders of real campaigns."""
    get_temp_dir()  # made once a process, and outside what a test counts
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that sleeps, with a word in its command line and a campaign in its environment."""
    started: list[subprocess.Popen[str]] = []

    def sleeper(word: str, campaign: str) -> subprocess.Popen[str]:
        code = f"import time; print({word!r}, flush=True); time.sleep(100)"
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", code],
            env={**os.environ, leftovers.MARKER: campaign},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield sleeper
    for process in started:
        process.kill()
        process.communicate()


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def pids() -> set[int]:
    return {orphan.pid for orphan in leftovers.orphans()}


# Folders.


def test_the_folder_of_a_dead_campaign_is_removed_with_what_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / f"benchkit-{dead_pid()}-abc_123"
    folder.mkdir()
    (folder / "sink").touch()
    assert leftovers.dead_folders() == [folder]
    assert leftovers.remove_dead_folders() == [folder]
    assert not folder.exists()


def test_pythons_own_folder_of_a_dead_campaign_goes_with_it(tmp_path: Path) -> None:
    folder, companion = tmp_path / f"benchkit-{dead_pid()}-abc", tmp_path / "pymp-abc"
    for each in (folder, companion):
        each.mkdir()
    (folder / leftovers.COMPANION).symlink_to(companion)
    assert leftovers.remove_dead_folders() == [companion, folder]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["mine", "deep/pymp-abc"])
def test_a_link_to_anything_else_is_not_followed(tmp_path: Path, target: str) -> None:
    folder, other = tmp_path / f"benchkit-{dead_pid()}-abc", tmp_path / target
    folder.mkdir()
    other.mkdir(parents=True)
    (folder / leftovers.COMPANION).symlink_to(other)
    assert leftovers.remove_dead_folders() == [folder]
    assert other.is_dir()


def test_the_folder_of_a_living_campaign_stays_until_it_is_closed(tmp_path: Path) -> None:
    held = leftovers.HeldFolder()
    assert leftovers.remove_dead_folders() == []
    assert Path(held.path).is_dir()
    held.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_lock_stays_while_its_process_lives(tmp_path: Path) -> None:
    (tmp_path / f"benchkit-{os.getpid()}-abc").mkdir()
    assert leftovers.dead_folders() == []


def test_a_folder_older_than_the_process_that_has_its_id_now_is_dead(tmp_path: Path) -> None:
    folder = tmp_path / f"benchkit-{os.getpid()}-abc"
    folder.mkdir()
    os.utime(folder, (0, 0))
    assert leftovers.dead_folders() == [folder]


def test_a_locked_folder_stays_though_its_process_is_not_to_be_seen(tmp_path: Path) -> None:
    folder = tmp_path / f"benchkit-{dead_pid()}-abc"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert leftovers.dead_folders() == []
    os.close(descriptor)
    assert leftovers.dead_folders() == [folder]


def test_what_is_not_ours_is_never_touched(tmp_path: Path) -> None:
    dead = dead_pid()
    (tmp_path / f"benchkit-{dead}-file").touch()
    (tmp_path / "benchkit-notes-1").mkdir()
    (tmp_path / f"other-{dead}-abc").mkdir()
    (tmp_path / f"benchkit-{dead}-link").symlink_to(tmp_path / "benchkit-notes-1")
    assert leftovers.remove_dead_folders() == []
    assert len(list(tmp_path.iterdir())) == 4


def test_a_temporary_directory_that_is_gone_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert leftovers.remove_dead_folders() == []


def test_a_campaign_begins_by_removing_dead_folders_and_ends_without_its_own(
    tmp_path: Path,
) -> None:
    (tmp_path / f"benchkit-{dead_pid()}-abc").mkdir()
    with Channel() as channel:
        (own,) = tmp_path.iterdir()
        assert Path(channel.address("token").socket).parent == own
    assert list(tmp_path.iterdir()) == []


# Processes.


def test_an_identity_is_of_one_process_and_a_dead_one_has_none() -> None:
    own, parent = leftovers.identity(os.getpid()), leftovers.identity(os.getppid())
    assert own.startswith(f"{os.getpid()}.")
    assert own != parent
    assert leftovers.identity(dead_pid()) == ""


def test_a_process_nobody_waited_for_is_dead() -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert leftovers.identity(process.pid) == ""
    process.wait()


def test_a_process_of_a_dead_campaign_is_found_and_killed(start: Start) -> None:
    process = start(LIKE_OURS, f"{dead_pid()}.77")
    (orphan,) = (each for each in leftovers.orphans() if each.pid == process.pid)
    assert leftovers.kill(orphan)
    assert process.wait(10) == -9
    assert not leftovers.kill(orphan)


def test_a_process_is_an_orphan_though_its_campaigns_id_is_in_use_again(start: Start) -> None:
    process = start(LIKE_OURS, f"{os.getpid()}.1")
    assert process.pid in pids()


def test_a_process_of_a_living_campaign_is_no_orphan(start: Start) -> None:
    process = start(LIKE_OURS, leftovers.identity(os.getpid()))
    assert process.pid not in pids()


@pytest.mark.parametrize(
    ("word", "campaign"), [("a user's own program", "1.77"), (LIKE_OURS, ""), (LIKE_OURS, "what")]
)
def test_a_process_that_is_not_a_campaigns_is_no_orphan(
    start: Start, word: str, campaign: str
) -> None:
    process = start(word, campaign)
    assert process.pid not in pids()


def test_a_process_that_has_become_another_is_not_killed(start: Start) -> None:
    process = start(LIKE_OURS, f"{dead_pid()}.77")
    other = leftovers.Orphan(process.pid, "1.1", "what had this id before")
    assert not leftovers.kill(other)
    assert process.poll() is None


def test_a_folder_is_in_use_while_a_file_below_it_is_open(tmp_path: Path) -> None:
    below = tmp_path / "run" / "samples"
    below.mkdir(parents=True)
    with (below / "rtt.parquet").open("w"):
        assert leftovers.has_open_files(tmp_path / "run")
        assert not leftovers.has_open_files(tmp_path / "ru")
    assert not leftovers.has_open_files(tmp_path / "run")
