"""The tutorial, run: each section in order, in one folder, by a plain shell."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import why_no_namespaces

CHECKOUT = Path(__file__).parents[2]
TUTORIAL = CHECKOUT / "docs" / "tutorial.md"
SECTIONS = re.split(r"^## ", TUTORIAL.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


def blocks(section: str) -> str:
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


@pytest.mark.privileged
@pytest.mark.skipif(why_no_namespaces() is not None, reason=str(why_no_namespaces()))
@pytest.mark.timeout(240)
def test_every_block_does_what_it_says(tmp_path: Path) -> None:
    bin_folder = Path(sys.executable).parent
    script = "\n".join(["set -eu", *(blocks(each) for each in SECTIONS)])
    heard = tmp_path / "heard.txt"
    with (
        heard.open("w") as said,
        subprocess.Popen(
            ["bash", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as shell,
    ):
        try:
            status = shell.wait(timeout=200)
        finally:  # what a section left in the background, a shell's children ignore SIGINT
            os.killpg(shell.pid, signal.SIGTERM)
    text = heard.read_text()
    assert status == 0, text[-3000:]
    assert "Traceback" not in text
    for name in ("report.html", "comparison.html", "gate.xml"):
        assert (tmp_path / name).stat().st_size > 0, name
    assert list((tmp_path / "charts").glob("*.svg"))
