"""What the machine answers the doctor, faked at the border."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchkit.campaign import health, own_error, trial
from benchkit.campaign.finding import Finding
from benchkit.emulators.choice import Choice
from benchkit.linux import command, hardware_stamps, host, leftovers, privilege, trials
from benchkit.linux.trials import StampTrial


def answers(monkeypatch: pytest.MonkeyPatch, where: Any, **values: Any) -> None:
    """Have functions of a module answer that."""
    for name, value in values.items():
        monkeypatch.setattr(where, name, lambda *_, answer=value, **__: answer)


def by_topic(found: list[Finding]) -> dict[str, Finding]:
    return {finding.topic: finding for finding in found}


def made_healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have the machine be one on which everything is as it should be; its results are in `tmp_path`."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(leftovers.MARKER, "")
    good = StampTrial(300, 300, 300, 300, (10_000,) * 300)
    answers(monkeypatch, privilege, may_make_namespaces=True, why_no_user_namespaces=None)
    answers(monkeypatch, trial, may_make_namespaces=True, why_no_netem=None, why_no_userspace=None)
    answers(monkeypatch, trial, choose=Choice("netem", "the kernel has it"))
    answers(monkeypatch, trial, _stamps_in_namespace=good)
    answers(monkeypatch, trial, _congestion_controls={"cubic": True, "bbr": True})
    answers(monkeypatch, trials, realtime_priority=True, stamps_on_loopback=good)
    answers(monkeypatch, trials, timer_lateness_ns=[1000] * 300, clock_reading_ns=40)
    answers(monkeypatch, own_error, precise_lateness_ns=[200] * 300)
    answers(monkeypatch, own_error, floor_ns=np.full(300, 900))
    answers(monkeypatch, hardware_stamps, interfaces={"lo": hardware_stamps.NONE})
    answers(monkeypatch, leftovers, orphans=[])
    answers(monkeypatch, command, run="utility, iproute2-6.1.0")
    answers(monkeypatch, host, governors=["performance"], clock_source="tsc")
    answers(monkeypatch, os, sched_getaffinity={0, 1}, getloadavg=(0.5, 0.5, 0.5))
    answers(monkeypatch, health, _uml=Finding("uml", "ok", "there"))
    return tmp_path


def examined(results: Path) -> dict[str, Finding]:
    return by_topic(health.examine(results))
