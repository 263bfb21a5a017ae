"""Who may run it: root, a user with user namespaces; and what it says to one with neither."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import quick_target

# An ordinary user who may read this checkout: another id, and no capability.
ORDINARY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
# In a user namespace of its own, root by name only: no capability, and no further user namespace.
DROP = """
echo 0 >/proc/sys/user/max_user_namespaces
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
POWERLESS = ("unshare", "--user", "--map-root-user", "sh", "-c", DROP, "sh")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may write to."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def run_as(prefix: tuple[str, ...], target: str, results: Path) -> subprocess.CompletedProcess[str]:
    words = ("run", target, "--results", str(results))
    return subprocess.run(
        [*prefix, sys.executable, "-m", "benchkit", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=results,
        env={**os.environ, "HOME": str(results)},
    )


def trial(prefix: tuple[str, ...], *words: str) -> bool:
    return subprocess.run([*prefix, *words], capture_output=True, check=False).returncode == 0


@pytest.mark.privileged
def test_an_ordinary_user_needs_no_sudo(open_folder: Path) -> None:
    prefix = ORDINARY if os.geteuid() == 0 else ()
    if not trial(prefix, "unshare", "--user", "--map-root-user", "--net", "true"):
        pytest.skip("user namespaces are not allowed here")
    assert not trial(prefix, "unshare", "--net", "true"), "this user has a privilege"
    done = run_as(prefix, quick_target(open_folder), open_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    file = next(open_folder.glob("2*/run.json"))
    assert file.stat().st_uid == os.geteuid()
    record = json.loads(file.read_text())
    assert record["verdict"] == "pass"


def test_neither_root_nor_user_namespaces_is_exit_status_5_with_both_ways_out(
    open_folder: Path,
) -> None:
    if not trial(POWERLESS, "true"):
        pytest.skip("this machine cannot make a process without the privilege")
    done = run_as(POWERLESS, quick_target(open_folder), open_folder)
    assert done.returncode == 5, done.stderr
    (line,) = done.stderr.splitlines()
    assert "sudo" in line
    assert "sysctl" in line
    assert not list(open_folder.glob("2*"))
