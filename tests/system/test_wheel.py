"""The wheel: whole without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs, built as `pip wheel` does but without its isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_there(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "benchkit", *words],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_runs_outside_the_checkout_with_its_own_targets_and_seeds(unpacked: Path) -> None:
    where = "import benchkit; print(benchkit.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    told = subprocess.run(
        [sys.executable, "-P", "-c", where],
        cwd=unpacked.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith(str(unpacked))
    shown = run_there(unpacked, "targets", "show", "guizhou")
    assert shown.returncode == 0, shown.stderr
    assert "guizhou-2024:guiyang-hangzhou" in shown.stdout


def test_it_holds_nothing_of_tests_or_results(unpacked: Path) -> None:
    top = {each.name for each in unpacked.iterdir() if not each.name.endswith(".dist-info")}
    assert top == {"benchkit"}
    assert (unpacked / "benchkit" / "py.typed").exists()
    assert list(unpacked.glob("*.dist-info/licenses/LICENSE"))
