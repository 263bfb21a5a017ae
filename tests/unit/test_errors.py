"""Errors that say who must act, in one line, also from another process."""

from __future__ import annotations

import inspect
import pickle
import socket

import pytest

from benchkit import cli, errors
from benchkit.errors import (
    AskedWronglyError,
    BenchkitError,
    CommandError,
    MeasureError,
    TakenError,
    TargetError,
    told_by_system,
)
from benchkit.linux.refusals import Refusals
from benchkit.probes.reachable import connect_to

ARGUMENTS: dict[type[BenchkitError], tuple[object, ...]] = {
    TargetError: ("line 3: no such site", "line 5: no unit", "line 9: too many"),
    TakenError: ("a-b: the far end is taken for 3 s: run again after that", 3.0),
    CommandError: ("tc qdisc add dev lo root netem", 2, "Error: Specified qdisc kind is unknown."),
}
EVERY = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, BenchkitError)
]
EXIT_CODES = {
    "BenchkitError": 1,
    "AskedWronglyError": 2,
    "TargetError": 2,
    "MeasureError": 4,
    "SiteLostError": 4,
    "TakenError": 4,
    "NoWayError": 4,
    "ShutError": 4,
    "KeyRefusedError": 4,
    "UnfitError": 5,
    "CommandError": 5,
}


def an(error: type[BenchkitError]) -> BenchkitError:
    return error(*ARGUMENTS.get(error, ("path a-b: nobody there: start one",)))


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_crosses_a_process_border(kind: type[BenchkitError], protocol: int) -> None:
    error = an(kind)
    error.add_note("raised in the process of a site")
    found = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301  our own bytes
    assert type(found) is kind
    assert (found.args, str(found), found.__notes__) == (error.args, str(error), error.__notes__)


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_is_one_line_and_has_the_exit_status_of_who_must_act(
    kind: type[BenchkitError],
) -> None:
    text = str(an(kind))
    assert text
    assert "\n" not in text
    assert kind.exit_code == EXIT_CODES[kind.__name__]


def test_a_target_error_shows_its_first_problem_and_counts_the_others() -> None:
    error = an(TargetError)
    assert isinstance(error, TargetError)
    assert str(error) == "line 3: no such site (and 2 more: `benchkit targets check` tells all)"
    assert error.problems == ARGUMENTS[TargetError]
    assert str(TargetError("line 3: no such site")) == "line 3: no such site"
    assert isinstance(error, AskedWronglyError)


def test_a_command_error_quotes_the_command_its_status_and_its_last_words() -> None:
    assert str(an(CommandError)) == (
        "`tc qdisc add dev lo root netem` failed with status 2: Error: Specified qdisc kind is unknown."
    )
    assert str(CommandError("true", 1, "")) == "`true` failed with status 1: it said nothing"


def test_no_words_of_a_peer_steer_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise MeasureError("the far end refused: \x1b[2J\x07no\r\nbenchkit: PASS")

    monkeypatch.setattr(cli.cli, "main", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 4
    said = capsys.readouterr().err
    assert said == "benchkit: the far end refused:  [2J no  benchkit: PASS\n"
    told: list[str] = []
    Refusals(told.append).add("192.0.2.7", "no test: \x1b]0;x\x07")
    assert told == ["refused 192.0.2.7: no test:  ]0;x "]


def test_the_system_is_quoted_and_the_resolver_too() -> None:
    for family, address in ((socket.AF_INET, "::1"), (socket.AF_INET6, "nobody.invalid.")):
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            with pytest.raises(MeasureError) as caught:
                connect_to(sender, "a-b", address, 1)
            assert "Unknown error" not in str(caught.value)
            assert "Success" not in str(caught.value)
    assert told_by_system(OSError("it broke")) == "it broke"
    assert told_by_system(ValueError()) == "ValueError", "never an empty reason"


def test_who_wants_a_run_written_to_a_file_is_told_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, told in (("-o", True), ("--output", True), ("--outputs", False)):
        monkeypatch.setattr("sys.argv", ["benchkit", "run", option, "r.html"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert ("`benchkit report latest -o FILE`" in line) == told
