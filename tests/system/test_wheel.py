"""The wheel: whole without the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from benchkit.cli import COMMANDS

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
    top = {each.name for each in unpacked.iterdir() if each.suffix not in {".data", ".dist-info"}}
    assert top == {"benchkit"}
    assert (unpacked / "benchkit" / "py.typed").exists()
    assert list(unpacked.glob("*.dist-info/licenses/LICENSE"))


def test_it_brings_a_manual_page_for_every_command(unpacked: Path) -> None:
    (folder,) = unpacked.glob("*.data/data/share/man/man1")
    pages = {each.stem for each in folder.glob("*.1")}
    assert {f"benchkit-{name}" for name in COMMANDS} | {"benchkit"} <= pages
    assert "benchkit-baseline-save" in pages
    for page in folder.glob("*.1"):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(".TH"), page.name
        assert "\x08" not in text, page.name
        assert ".SH OPTIONS" in text or ".SH SYNOPSIS" in text, page.name
    assert "Listen at this address" in (folder / "benchkit-agent.1").read_text(encoding="utf-8")


def test_its_bill_of_materials_names_all_that_it_needs(tmp_path: Path) -> None:
    found = tmp_path / "benchkit.cdx.json"
    subprocess.run(["sh", ".ci/sbom", str(found)], cwd=CHECKOUT, check=True, capture_output=True)
    bill = json.loads(found.read_text(encoding="utf-8"))
    named = {each["name"]: each["version"] for each in bill["components"]}
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[<>=]", each)[0] for each in project["dependencies"]}
    assert needed <= named.keys()
    assert bill["metadata"]["component"]["name"] == "benchkit"
    assert "pytest" not in named
