"""User-mode Linux: what is typed, what is told where it cannot run, and what changes for a campaign in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchkit.campaign.question import eased, tolerance_ns
from benchkit.errors import UnfitError
from benchkit.linux import uml
from benchkit.linux.uml_session import Consoles
from benchkit.targets import load_target


def test_the_kernel_is_told_where_everything_is() -> None:
    words = uml.words("/tmp/x/init", "/tmp/x", Consoles(10, 11, 12, 13))
    assert words[0] == "linux.uml"
    assert {"root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"} <= set(words)
    assert "init=/tmp/x/init" in words
    assert words[-3:] == ["con1=null,fd:10", "con2=null,fd:11", "con3=fd:13,fd:12"]
    assert not any(" " in word for word in words)


def test_a_job_keeps_its_words_its_folder_and_only_its_variables() -> None:
    text = uml.first_process(["echo", "two words", "$HOME"], "/a b", {"NAME": "it's"})
    assert "cd '/a b' || exit 126" in text
    assert "exec env -i 'NAME=it'\"'\"'s' echo 'two words' '$HOME'" in text
    assert text.startswith("#!/bin/sh\n")


def test_what_is_missing_is_told_with_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uml.shutil, "which", lambda *_, **__: None)
    assert uml.why_no_uml() == "linux.uml is not installed: apt-get install user-mode-linux kmod"


def test_no_room_for_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uml, "MEMORY_MIB", 1 << 40)
    with pytest.raises(UnfitError, match=r"needs a folder for .* MiB of memory, .*: set TMPDIR"):
        uml.memory_folder()


@pytest.mark.parametrize(
    ("folder", "hidden"), [("/dev/shm/x", True), ("/run/y", True), ("/srv", False)]
)
def test_folders_that_it_has_of_its_own_are_told(folder: str, hidden: bool) -> None:
    assert (uml.why_hidden(Path(folder)) is not None) == hidden


def test_its_own_tolerance_is_wider_unless_the_plan_has_one() -> None:
    plan = load_target("guizhou").plan
    assert tolerance_ns(plan, "host") == 150_000
    assert tolerance_ns(plan, "uml") == 500_000
    assert tolerance_ns(replace(plan, tolerance_ns=7), "uml") == 7


def test_it_is_asked_for_less_and_says_so() -> None:
    target = load_target("guizhou")
    slower = eased(target, keeps_rate=False)
    assert slower.plan.rate_per_s == 200
    assert slower.plan.http_rate_per_s == 40
    assert "200 packets/s on each path instead of 500" in slower.warnings[-1]
    assert eased(target, keeps_rate=True).plan.rate_per_s == 500
    slow = replace(target, plan=replace(target.plan, rate_per_s=10, http_rate_per_s=10))
    assert eased(slow, keeps_rate=False) is slow
