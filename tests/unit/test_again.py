"""The words by which a run is measured again: what was asked stays, and what is said anew goes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest
from sample_records import passing

from benchkit.cli import again
from benchkit.errors import AskedWronglyError
from benchkit.linux import host
from benchkit.model.meter import Meter
from benchkit.targets import load_target

IDLE = "--duration 3s --until-decided --rate 200/s"
KEPT = f"--emulator userspace {IDLE}"
OF_OTHERS = "--streams 2 --stream-mode copy --congestion cubic --window 4MiB --udp-rate 1Mbit/s"
ANEW = (
    "--path a-b --path a-c --probe rtt --seed 4 --name 'a night' --results r --format json --gate"
)


@pytest.fixture
def metered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's target is still there, and has a meter beside its paths."""
    target = load_target("guizhou")
    hall = Meter("hall", "counters.csv", "total", "equipment", 1)
    monkeypatch.setattr(again, "_same_target", lambda *_: replace(target, meters=(hall,)))


def asked(more: str = "", *, path: str = "a-b", probes: Collection[str] = ("rtt",)) -> list[str]:
    """The words of a second measurement of a run whose command had some more."""
    record = replace(passing(), command=f"benchkit run ./t.toml {ANEW} {KEPT} --repeat 2 {more}")
    return again._words(record, [path], probes)


@pytest.mark.usefixtures("metered")
def test_what_was_asked_is_asked_again() -> None:
    words = asked()
    assert words[:2] == ["run", "./t.toml"]
    assert sorted(words[2:]) == sorted(KEPT.split())


@pytest.mark.usefixtures("metered")
def test_what_was_asked_of_other_probes_is_left_out_for_run_refuses_it() -> None:
    assert asked(OF_OTHERS) == asked()
    bulk = asked(OF_OTHERS, probes=["tcp", "udp"])
    assert set(bulk[2:]) == {*OF_OTHERS.split(), "--emulator", "userspace"}
    assert set(asked(OF_OTHERS, probes=[])[2:]) == {*OF_OTHERS.split(), *KEPT.split()}


@pytest.mark.usefixtures("metered")
def test_a_meters_address_is_for_the_meter_alone() -> None:
    assert "--meter" not in asked("--meter c.csv")
    assert asked("--meter c.csv", path="hall", probes=[])[-2:] == ["--meter", "c.csv"]


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
        again._words(record, [], [])


def test_a_run_of_another_machine_is_not_repeated_here() -> None:
    digest = load_target("guizhou").digest
    here = {"processor": host.fingerprint()["processor"]}
    record = replace(passing(), command="benchkit run", target_digest=digest, environment=here)
    assert again._words(record, [], []) == ["run", "guizhou"]
    with pytest.raises(AskedWronglyError, match=r"another machine \(processor: abacus\)"):
        again._words(replace(record, environment={"processor": "abacus"}), [], [])
