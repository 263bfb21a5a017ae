"""The words by which a run is measured again: what was asked stays, and what is said anew goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_records import passing

from benchkit.cli import again
from benchkit.errors import AskedWronglyError
from benchkit.linux import host
from benchkit.targets import load_target

KEPT = "--emulator userspace --duration 3s --until-decided --rate 200/s"
ANEW = (
    "--path a-b --path a-c --probe rtt --seed 4 --name 'a night' --results r --format json --gate"
)


def test_what_was_asked_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "_check", lambda *_: None)
    record = replace(passing(), command=f"benchkit run ./t.toml {ANEW} {KEPT} --repeat 2")
    words = again._words(record)
    assert words[:2] == ["run", "./t.toml"]
    assert sorted(words[2:]) == sorted(KEPT.split())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "does not say by which command"),
        ("irtt client", "does not say by which command"),
        ("benchkit run --no-such-option", "no longer understood"),
        ("benchkit run nowhere", "target nowhere cannot be read here"),
        ("benchkit run guizhou-direct", "is not the one that the run was made with"),
    ],
)
def test_a_run_that_cannot_be_repeated_says_why(command: str, said: str) -> None:
    record = replace(passing(), command=command)
    with pytest.raises(AskedWronglyError, match=said):
        again._words(record)


def test_a_run_of_another_machine_is_not_repeated_here() -> None:
    digest = load_target("guizhou").digest
    here = {"processor": host.fingerprint()["processor"]}
    record = replace(passing(), command="benchkit run", target_digest=digest, environment=here)
    assert again._words(record) == ["run", "guizhou"]
    with pytest.raises(AskedWronglyError, match=r"another machine \(processor: abacus\)"):
        again._words(replace(record, environment={"processor": "abacus"}))
