"""One right that is held in turn, and whose holder says for how long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchkit.linux.lease import Lease


def test_it_is_held_by_one_and_says_for_how_long(tmp_path: Path) -> None:
    first, second = (Lease(str(tmp_path / "lease")) for _ in range(2))
    assert first.take("first", 5) is None
    held = second.take("second", 5)
    assert held is not None
    assert held.holder == "first"
    assert 4 < held.left_s <= 5
    first.renew("first", 60)
    held = second.take("second", 5)
    assert held is not None
    assert 59 < held.left_s <= 60
    first.release()
    assert second.take("second", 5) is None


def test_without_a_file_it_is_among_threads_of_one_object() -> None:
    lease = Lease()
    assert lease.take("one", 5) is None
    held = lease.take("two", 5)
    assert held is not None
    lease.release()
    assert lease.take("two", 5) is None
    lease.close()


def test_a_holder_that_is_overdue_is_told_as_nearly_done(tmp_path: Path) -> None:
    first, second = (Lease(str(tmp_path / "lease")) for _ in range(2))
    assert first.take("first", -10) is None
    held = second.take("second", 5)
    assert held is not None
    assert held.left_s == 0.1


def test_a_holder_that_dies_lets_go(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    code = "import sys; from benchkit.linux.lease import Lease; Lease(sys.argv[1]).take('dead', 99)"
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)
    assert "dead" in file.read_text()
    assert Lease(str(file)).take("living", 5) is None


def test_words_that_nobody_wrote_are_no_failure(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    lease, other = Lease(str(file)), Lease(str(file))
    assert lease.take("me", 5) is None
    file.write_text("[1]")
    held = other.take("you", 5)
    assert held is not None
    assert (held.holder, held.left_s) == ("another", 1.0)
