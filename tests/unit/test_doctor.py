"""What the doctor concludes from what the machine answers; the machine's answers are faked at the border."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from healthy_machine import answers, by_topic, examined, made_healthy

from benchkit.campaign import health, own_error, tidying, trial
from benchkit.campaign.finding import Finding, to_plain
from benchkit.emulators.choice import Choice
from benchkit.errors import CommandError, UnfitError
from benchkit.linux import (
    command,
    congestion_control,
    hardware_stamps,
    host,
    privilege,
    trials,
)
from benchkit.linux.trials import StampTrial

MS = 1_000_000


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return made_healthy(monkeypatch, tmp_path)


def test_a_healthy_machine_has_only_good_findings_and_is_fit(healthy: Path) -> None:
    found = health.examine(healthy)
    assert {finding.topic for finding in found if finding.state != "ok"} == set()
    assert health.is_fit(found)
    topics = [finding.topic for finding in found]
    assert len(topics) == len(set(topics)) == 18


def test_without_any_privilege_the_rest_is_reported_and_the_machine_unfit(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, privilege, may_make_namespaces=False, why_no_user_namespaces="not allowed")
    answers(monkeypatch, trial, may_make_namespaces=False)
    (healthy / "sys" / "user").mkdir(parents=True)
    (healthy / "sys" / "user" / "max_user_namespaces").touch()
    monkeypatch.setattr(health, "PROC_SYS", healthy / "sys")
    found = health.examine(healthy)
    told = by_topic(found)
    assert "not allowed" in told["privilege"].said
    assert "sudo" in told["privilege"].remedy
    assert told["privilege"].remedy.endswith("sysctl -w user.max_user_namespaces=10000")
    assert told["netem"].state == told["userspace"].state == told["emulator"].state == "no"
    assert "127.0.0.1" in told["stamps"].said
    assert told["timers"].state == told["results"].state == "ok"
    assert not health.is_fit(found)


def test_a_kernel_without_user_namespaces_gets_no_useless_sysctl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PROC_SYS", tmp_path)
    assert "sysctl" not in health._both_remedies()


def test_an_ordinary_user_gets_the_findings_from_inside_a_user_namespace(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = [Finding("emulator", "ok", "from inside")]

    def run(words: tuple[str, ...]) -> str:
        if words[0] != "unshare" or "-m" not in words:
            return "utility, iproute2-6.1.0"
        assert words[-1] == "benchkit.campaign.trial"
        return json.dumps([to_plain(finding) for finding in inside])

    monkeypatch.setattr(command, "run", run)
    answers(monkeypatch, privilege, may_make_namespaces=False)
    found = examined(healthy)
    assert found["emulator"] == inside[0]
    assert "no sudo is needed" in found["privilege"].said


def test_a_user_namespace_in_which_no_network_can_be_made_is_no_privilege(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(words: tuple[str, ...]) -> str:
        raise CommandError(words[0], 1, "cannot be made inside either")

    monkeypatch.setattr(command, "run", refused)
    answers(monkeypatch, privilege, may_make_namespaces=False)
    found = examined(healthy)
    assert found["privilege"].state == "no"
    assert "inside either" in found["privilege"].said
    assert found["iproute2"].remedy == "apt-get install iproute2"


@pytest.mark.parametrize(
    ("netem", "userspace", "chosen", "fit"),
    [
        (None, None, "netem", True),
        ("unknown qdisc", None, "userspace", True),
        (None, "no packet sockets", "netem", True),
        ("unknown qdisc", "no packet sockets", "userspace", False),
    ],
)
def test_the_machine_is_fit_when_the_emulator_that_auto_picks_works(
    healthy: Path,
    monkeypatch: pytest.MonkeyPatch,
    netem: str | None,
    userspace: str | None,
    chosen: str,
    fit: bool,
) -> None:
    answers(monkeypatch, trial, why_no_netem=netem, why_no_userspace=userspace)
    answers(monkeypatch, trial, choose=Choice(chosen, "so it is"))
    found = health.examine(healthy)
    told = by_topic(found)
    assert health.is_fit(found) is fit
    assert f"auto picks {chosen}: so it is" in told["emulator"].said
    for topic, trouble in (("netem", netem), ("userspace", userspace)):
        assert told[topic].state == ("ok" if trouble is None else "no")
        assert bool(told[topic].remedy) == (trouble is not None)


def test_no_choice_at_all_is_a_finding_not_an_end(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> Choice:
        raise UnfitError("nothing works here")

    monkeypatch.setattr(trial, "choose", refuse)
    assert examined(healthy)["emulator"].said == "nothing works here"


@pytest.mark.parametrize(
    ("stamps", "state", "words"),
    [
        (StampTrial(300, 300, 300, 300, (MS,) * 300), "warning", "p99 1000.0 us"),
        (StampTrial(300, 300, 300, 0, (1000,) * 300), "no", "SCHED on 0 of 300"),
        (StampTrial(300, 0, 0, 0, ()), "no", "RX on 0 of 300, SND on 0 of 300"),
    ],
)
def test_stamps_are_counted_and_what_user_space_adds_is_told(
    healthy: Path, monkeypatch: pytest.MonkeyPatch, stamps: StampTrial, state: str, words: str
) -> None:
    answers(monkeypatch, trial, _stamps_in_namespace=stamps)
    finding = examined(healthy)["stamps"]
    assert finding.state == state
    assert words in finding.said
    assert finding.remedy


def test_stamps_that_a_socket_refuses_are_a_finding(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> StampTrial:
        raise OSError(92, "Protocol not available")

    answers(monkeypatch, trial, _stamps_in_namespace=None)
    monkeypatch.setattr(trials, "stamps_on_loopback", refuse)
    finding = examined(healthy)["stamps"]
    assert finding.state == "no"
    assert "Protocol not available" in finding.said


def test_the_floor_and_precise_pacing_are_told(healthy: Path) -> None:
    found = examined(healthy)
    assert "p50 0.9 us" in found["floor"].said
    assert "precise pacing by p50 0.2 us" in found["timers"].said


@pytest.mark.parametrize(
    ("floor", "state"), [(np.empty(0, dtype=np.int64), "no"), (np.full(300, MS), "warning")]
)
def test_a_floor_that_is_missing_or_high_has_a_remedy(
    healthy: Path, monkeypatch: pytest.MonkeyPatch, floor: Any, state: str
) -> None:
    answers(monkeypatch, own_error, floor_ns=floor)
    finding = examined(healthy)["floor"]
    assert finding.state == state
    assert finding.remedy


def test_interfaces_that_stamp_in_hardware_are_named_with_their_clock(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = hardware_stamps.Abilities(departures=True, arrivals=True, clock=1)
    answers(monkeypatch, hardware_stamps, interfaces={"eth0": able, "lo": hardware_stamps.NONE})
    assert "eth0 (clock /dev/ptp1)" in examined(healthy)["hardware"].said


def test_what_makes_measuring_worse_is_a_warning_with_a_remedy(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, trials, timer_lateness_ns=[1000] * 295 + [2 * MS] * 5)
    answers(monkeypatch, trials, clock_reading_ns=1500, realtime_priority=False)
    answers(monkeypatch, trial, _congestion_controls={"cubic": True, "bbr": False})
    answers(monkeypatch, os, getloadavg=(2.5, 1.0, 1.0))
    answers(monkeypatch, host, governors=["performance", "powersave"])
    found = health.examine(healthy)
    worse = {finding.topic for finding in found if finding.state == "warning"}
    assert worse == {"timers", "clock", "priority", "congestion", "cores", "governor"}
    assert all(finding.remedy for finding in found if finding.state != "ok")
    assert health.is_fit(found)


def test_doctor_says_which_congestion_controls_real_sites_can_have(
    healthy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text("reno bbr\n")
    monkeypatch.setattr(congestion_control, "ALLOWED", allowed)
    monkeypatch.setattr(trial, "may_make_namespaces", lambda: True)

    def found(**real: bool) -> Finding:
        both = {"cubic": True, "bbr": True}
        monkeypatch.setattr(
            trial, "_congestion_controls", lambda *, inside: both if inside else real
        )
        return examined(healthy)["congestion"]

    assert found(cubic=True, bbr=True).said == "cubic, bbr"
    some = found(cubic=True, bbr=False)
    said = "on modelled paths cubic, bbr; to real sites this user may choose "
    assert (some.state, some.said) == ("ok", f"{said}cubic")
    other = found(cubic=False, bbr=True)
    assert (other.state, other.said) == ("warning", f"{said}bbr")
    assert 'net.ipv4.tcp_allowed_congestion_control="reno bbr cubic"' in other.remedy


def test_one_core_is_too_few_and_an_untold_governor_no_finding(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, os, sched_getaffinity={0})
    answers(monkeypatch, host, governors=[])
    found = examined(healthy)
    assert found["cores"].state == "warning"
    assert "governor" not in found


def test_user_mode_linux_is_ready_or_what_it_misses_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers(monkeypatch, health.uml, why_no_uml=None)
    assert health._uml().state == "ok"
    answers(monkeypatch, health.uml, why_no_uml="linux.uml is not installed: apt-get install it")
    found = health._uml()
    assert (found.state, found.said) == ("warning", "linux.uml is not installed")
    assert found.remedy == "only --kernel uml needs it: apt-get install it"


def test_results_are_tried_by_writing_and_nothing_stays(tmp_path: Path) -> None:
    assert "can be written" in health._results(tmp_path).said
    assert "can be made" in health._results(tmp_path / "not" / "yet").said
    assert list(tmp_path.iterdir()) == []


def test_results_that_is_a_file_or_a_full_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "results"
    file.touch()
    finding = health._results(file)
    assert finding.state == "no"
    assert "--results" in finding.remedy
    assert tidying.found(file).state == "warning"
    monkeypatch.setattr(health, "LEAST_FREE", 1 << 62)
    assert health._results(tmp_path).state == "warning"
