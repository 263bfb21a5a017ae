"""What a dry run prints: lines that a person can type."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from real_targets import real_target

from benchkit.cli import cli
from benchkit.errors import AskedWronglyError


@pytest.mark.parametrize("emulator", ["netem", "userspace"])
def test_every_line_is_a_command_once_in_namespaces_that_were_made(emulator: str) -> None:
    done = CliRunner().invoke(cli, ["run", "--dry-run", "--emulator", emulator])
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert len(set(lines)) == len(lines)
    made = {line.removeprefix("ip netns add ") for line in lines if " netns add " in line}
    assert {"guiyang", "hangzhou"} < made
    for line in lines:
        used = re.findall(r"^(?:ip|tc) (?:-n|netns add|netns exec) (\S+)| netns (\S+)$", line)
        assert used, line
        assert {name for names in used for name in names if name} <= made
    assert ("$TC_LIB_DIR/NAME.dist" in done.stdout) == (emulator == "netem")


def test_of_a_real_path_there_is_nothing_to_print(tmp_path: Path) -> None:
    file = tmp_path / "real.toml"
    sites = {"me": "", "far": 'address = "127.0.0.1"'}
    file.write_text(real_target("Real", sites, [("me", "far")], limit="1 ms", probes=["rtt"]))
    done = CliRunner().invoke(cli, ["run", "--dry-run", str(file)])
    assert isinstance(done.exception, AskedWronglyError)
    assert (done.stdout, "no model to emulate" in str(done.exception)) == ("", True)
