"""User-mode Linux and a signal in the moment in which it starts."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchkit.linux.uml_session import GuestKernel


def test_a_signal_while_the_kernel_is_started_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own start of a process is interrupted once the process is there, and its caller has not got it."""
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def interrupted(words: list[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(start(words, **options))
        signal.raise_signal(signal.SIGTERM)
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt), GuestKernel(str(tmp_path), (1, 2)) as guest:
            guest.boot(["sleep", "5"], str(tmp_path))
        assert started[0].returncode == -signal.SIGKILL
    finally:
        started[0].kill()
        started[0].wait()
