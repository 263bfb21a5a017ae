"""Programs run to their ends."""

from __future__ import annotations

import pytest

from benchkit.errors import CommandError, UnfitError
from benchkit.linux import command


def script(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


def failure(*argv: str, netns: str | None = None) -> CommandError:
    with pytest.raises(CommandError) as caught:
        command.run(argv, netns=netns)
    return caught.value


def test_what_it_reads_and_writes() -> None:
    assert command.run(("cat",), feed="two\nlines\n") == "two\nlines\n"
    assert command.run(script("echo heard; echo noise >&2")) == "heard\n"


def test_words_are_no_shell_text() -> None:
    assert command.run(("printf", "%s|", "a b", "$HOME", "*")) == "a b|$HOME|*|"


def test_it_speaks_english_and_finds_what_administrators_find(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setenv("OURS", "kept")
    found = command.run(script('echo "$LC_ALL $OURS $MORE $PATH"'), variables={"MORE": "given"})
    language, ours, more, path = found.split()
    assert (language, ours, more) == ("C", "kept", "given")
    assert {"/usr/sbin", "/sbin"} <= set(path.split(":"))


def test_a_failure_quotes_command_status_and_last_words_in_one_line() -> None:
    error = failure(*script("echo 'first  line' >&2; echo second >&2; exit 3"))
    command_line, status, said = error.args
    assert command_line == """sh -c 'echo '"'"'first  line'"'"' >&2; echo second >&2; exit 3'"""
    assert (status, said) == (3, "first line second")
    assert "\n" not in str(error)
    assert isinstance(error, UnfitError)


def test_one_that_complains_on_stdout_is_quoted_too() -> None:
    assert failure(*script("echo out; exit 1")).args[2] == "out"
    assert "it said nothing" in str(failure("false"))


def test_a_program_that_is_not_there() -> None:
    error = failure("no-such-program", "--help")
    assert error.args == ("no-such-program --help", 127, "no-such-program is not installed")


def test_one_that_a_signal_ended_has_that_as_its_status() -> None:
    assert failure(*script("kill -9 $$")).args[1] == -9


def test_one_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "TIMEOUT_S", 0.05)
    error = failure("sleep", "60")
    assert error.args[:2] == ("sleep 60", 124)
    assert "no end after" in str(error)


def test_a_namespace_that_is_not_there_is_told_with_the_command_that_was_meant() -> None:
    error = failure("ip", "link", netns="/no/such/namespace")
    assert error.args[0] == "ip link"
    assert "/no/such/namespace" in error.args[2]
