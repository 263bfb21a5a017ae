"""What is asked wrongly is told in one line, with exit status 2, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import benchkit, quick_target

WRONG = {
    # change of the target: (what is replaced, by what, words that the line must hold)
    "an unknown key": ('rate = "500/s"', 'rat = "500/s"', ["rat", "rate"]),
    "a wrong unit": ('delay = "2 ms"', 'delay = "2 mss"', ["delay", "2 mss", "ms"]),
    "an unknown site": ('to = "there"', 'to = "ther"', ["to", "ther", "there"]),
    "a missing fact": ('limit = "50 ms"', 'fact = "guizhou-2024:no-such"', ["fact", "no-such"]),
    "a negative delay": ('delay = "2 ms"', 'delay = "-2 ms"', ["delay", "-2 ms"]),
    "a duplicate name": ('name = "there"', 'name = "here"', ["name", "here"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_target_is_one_line(tmp_path: Path, case: str) -> None:
    old, new, words = WRONG[case]
    target = Path(quick_target(tmp_path))
    text = target.read_text()
    assert old in text
    target.write_text(text.replace(old, new))
    done = benchkit("run", str(target), "--results", str(tmp_path / "results"))
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert target.name in line
    for word in words:
        assert word in line
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["./nowhere.toml"], ["nowhere.toml"]),
        (["guizhuo"], ["guizhuo", "guizhou"]),
        (["--path", "guiyang-beijing"], ["guiyang-beijing", "guiyang-hangzhou"]),
        (["--emulator", "none"], ["none", "userspace"]),
    ],
)
def test_a_wrong_word_is_one_line(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    done = benchkit("run", *arguments, "--results", str(tmp_path / "results"))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    for word in words:
        assert word in line
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--duration", "5"],
        ["run", "--rate", "fast"],
        ["run", "--rate", "0/s"],
        ["run", "--emulator", "magic"],
        ["run", "--no-such-option"],
        ["report", "latest~x"],
        ["report", "--format", "docx"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_exit_status_2_without_a_traceback(arguments: list[str]) -> None:
    done = benchkit(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_delay_below_physics_is_a_warning_with_both_numbers(tmp_path: Path) -> None:
    target = Path(quick_target(tmp_path))
    text = target.read_text()
    text = text.replace('label = "Here"', 'label = "Here"\nlatitude = 26.647\nlongitude = 106.63')
    text = text.replace(
        'label = "There"', 'label = "There"\nlatitude = 30.274\nlongitude = 120.155'
    )
    target.write_text(text)
    done = benchkit("targets", "check", str(target))
    assert done.returncode == 0
    assert "4.00 ms" in done.stderr
    assert "13.53 ms" in done.stderr
